// SPDX-License-Identifier: Apache-2.0
/* ClientHellos in one record, in many, and what is none, each at a guard page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../guard_page.h"
#include "hello_writer.h"

static enum parse_result gather(const uint8_t *stream, size_t size, uint8_t *message,
				struct client_hello *hello)
{
	struct guarded guarded = guard(stream, size);
	enum parse_result result;

	memset(message, 0xee, CLIENT_HELLO_BUFFER);
	memset(hello, 0xee, sizeof(*hello));
	result = client_hello_gather(guarded.bytes, (__u32)size, message, hello);
	unguard(&guarded);
	return result;
}

static void a_hello_is_gathered_from_records_of_any_size(void **state)
{
	static const size_t pieces[] = {16384, 4097, 1500, 500, 200, 100};
	struct writer *message = hello_of("api.telegram.org", 1216, 0, 32), *stream;
	uint8_t gathered[CLIENT_HELLO_BUFFER];
	struct client_hello hello;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		stream = records_of(message, pieces[i]);
		assert_int_equal(gather(stream->bytes, stream->size, gathered, &hello), PARSE_DONE);
		assert_int_equal(hello.length, message->size);
		assert_int_equal(hello.end, stream->size);
		assert_memory_equal(gathered, message->bytes, message->size);
	}
}

static void the_largest_hello_is_gathered(void **state)
{
	struct writer *message = hello_of("api.telegram.org", 16000, 0, 32);
	struct writer *stream = records_of(message, 16384);
	uint8_t gathered[CLIENT_HELLO_BUFFER];
	struct client_hello hello;

	(void)state;
	assert_true(stream->size > 16000 && stream->size <= CLIENT_HELLO_SIZE);
	assert_int_equal(gather(stream->bytes, stream->size, gathered, &hello), PARSE_DONE);
	assert_memory_equal(gathered, message->bytes, message->size);
}

static void every_part_of_a_hello_asks_for_more(void **state)
{
	struct writer *message = hello_of("api.telegram.org", 1216, 0, 32);
	struct writer *stream = records_of(message, 700);
	uint8_t gathered[CLIENT_HELLO_BUFFER];
	struct client_hello hello;
	size_t size;

	(void)state;
	for (size = 1; size < stream->size; size++)
		assert_int_equal(gather(stream->bytes, size, gathered, &hello), PARSE_PARTIAL);
}

static void what_follows_the_hello_does_not_matter(void **state)
{
	struct writer *stream = records_of(hello_of("api.telegram.org", 0, 0, 32), 16384);
	uint8_t gathered[CLIENT_HELLO_BUFFER];
	struct client_hello hello;
	size_t size = stream->size;

	(void)state;
	put(stream, 2, 0x1703); /* early data */
	put_zeroes(stream, 500);
	assert_int_equal(gather(stream->bytes, stream->size, gathered, &hello), PARSE_DONE);
	assert_int_equal(hello.end, size);
}

static void a_hello_in_too_many_or_too_large_pieces_is_refused(void **state)
{
	struct writer *message = hello_of("api.telegram.org", 500, 0, 32), *stream;
	uint8_t gathered[CLIENT_HELLO_BUFFER];
	struct client_hello hello;

	(void)state;
	stream = records_of(message, 10);
	assert_int_equal(gather(stream->bytes, stream->size, gathered, &hello), PARSE_TOO_LONG);
	message->bytes[1] = 1; /* 65,536 bytes more */
	stream = records_of(message, 16384);
	assert_int_equal(gather(stream->bytes, stream->size, gathered, &hello), PARSE_TOO_LONG);
}

static void other_protocols_are_no_hello(void **state)
{
	static const char *const streams[] = {
		"GET / HTTP/1.1\r\n\r\n",   "SSH-2.0-x\r\n",
		"\x16\x02\x01\x00\x10\x01", "\x16\x03\x01\x40\x00\x02",
		"\x15\x03\x01\x00\x02\x02", "\x16\x03\x01\xff\xff\x01"};
	static const size_t sizes[] = {18, 11, 6, 6, 6, 6};
	uint8_t gathered[CLIENT_HELLO_BUFFER];
	struct client_hello hello;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(streams) / sizeof(streams[0]); i++)
		assert_int_equal(gather((const uint8_t *)streams[i], sizes[i], gathered, &hello),
				 PARSE_MALFORMED);
}

static void the_head_of_one_record_tells_a_whole_hello(void **state)
{
	struct writer *message = hello_of("api.telegram.org", 1216, 0, 32);
	struct writer stream = *records_of(message, 16384);
	struct client_hello hello;

	(void)state;
	assert_int_equal(client_hello_head(stream.bytes, (__u32)stream.size, &hello), PARSE_DONE);
	assert_int_equal(hello.length, message->size);
	assert_int_equal(hello.end, stream.size);
	assert_int_equal(client_hello_head(stream.bytes, (__u32)stream.size - 1, &hello),
			 PARSE_PARTIAL);
	stream = *records_of(message, 700);
	assert_int_equal(client_hello_head(stream.bytes, (__u32)stream.size, &hello),
			 PARSE_PARTIAL);
	stream.bytes[6] = 1;
	assert_int_equal(client_hello_head(stream.bytes, (__u32)stream.size, &hello),
			 PARSE_TOO_LONG);
	stream.bytes[5] = 2;
	assert_int_equal(client_hello_head(stream.bytes, (__u32)stream.size, &hello),
			 PARSE_MALFORMED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hello_is_gathered_from_records_of_any_size),
		cmocka_unit_test(the_largest_hello_is_gathered),
		cmocka_unit_test(every_part_of_a_hello_asks_for_more),
		cmocka_unit_test(what_follows_the_hello_does_not_matter),
		cmocka_unit_test(a_hello_in_too_many_or_too_large_pieces_is_refused),
		cmocka_unit_test(other_protocols_are_no_hello),
		cmocka_unit_test(the_head_of_one_record_tells_a_whole_hello),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
