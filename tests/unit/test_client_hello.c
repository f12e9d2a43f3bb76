// SPDX-License-Identifier: Apache-2.0
/* ClientHellos of every shape, whole, spread and broken, each at a guard page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../guard_page.h"
#include "hello_writer.h"
#include "parse_server_hello.bpf.h"

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

static enum parse_result parse(const uint8_t *message, size_t size, struct client_hello *hello)
{
	struct guarded guarded = guard(message, size);
	enum parse_result result;

	hello->length = (__u32)size;
	result = client_hello_parse(guarded.bytes, hello);
	unguard(&guarded);
	return result;
}

static void assert_name(const struct writer *message, const char *name)
{
	struct client_hello hello;

	assert_int_equal(parse(message->bytes, message->size, &hello), PARSE_DONE);
	assert_int_equal(hello.name_length, strlen(name));
	assert_memory_equal(message->bytes + hello.name_at, name, strlen(name));
}

static void the_name_is_found(void **state)
{
	static const struct {
		const char *name;
		size_t before, after, session;
	} rows[] = {
		{"api.telegram.org", 0, 0, 0},
		{"api.telegram.org", 0, 0, 32},
		{"a", 0, 0, 32},
		{"api.telegram.org", 1216, 0, 32},
		{"api.telegram.org", 38, 400, 32},
		{"api.telegram.org", 15000, 0, 32},
		{"API.Telegram.ORG", 0, 12000, 32},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_name(hello_of(rows[i].name, rows[i].before, rows[i].after, rows[i].session),
			    rows[i].name);
}

static void the_longest_name_is_found_and_a_longer_one_is_malformed(void **state)
{
	char name[CLIENT_HELLO_NAME_MAX + 2];
	struct client_hello hello;
	struct writer *message;

	(void)state;
	memset(name, 'n', sizeof(name));
	name[CLIENT_HELLO_NAME_MAX + 1] = '\0';
	message = hello_of(name, 0, 0, 32);
	assert_int_equal(parse(message->bytes, message->size, &hello), PARSE_MALFORMED);
	name[CLIENT_HELLO_NAME_MAX] = '\0';
	assert_name(hello_of(name, 0, 0, 32), name);
}

static void no_name_is_no_error(void **state)
{
	struct writer *message = hello_of(NULL, 100, 100, 32);
	struct client_hello hello;

	(void)state;
	assert_int_equal(parse(message->bytes, message->size, &hello), PARSE_DONE);
	assert_int_equal(hello.name_length, 0);
}

static void a_hello_without_extensions_is_complete(void **state)
{
	struct writer *message = hello_of(NULL, 0, 0, 0);
	struct client_hello hello;

	(void)state;
	assert_int_equal(parse(message->bytes, message->size, &hello), PARSE_DONE);
	/* TLS 1.0 clients leave out even the length of the extensions. */
	assert_int_equal(parse(message->bytes, message->size - 2, &hello), PARSE_DONE);
	assert_int_equal(hello.name_length, 0);
}

/* Names of protocols in front of the name of the server, or behind it. */
static struct writer *hello_offering(const char *protocols, int before, int after)
{
	static struct writer writer;
	size_t message, extensions = hello_begin(&writer, 32, &message);

	put_extension(&writer, 51, 38);
	if (before)
		put_protocols(&writer, protocols);
	put_name(&writer, "api.telegram.org");
	put_extension(&writer, 43, 5);
	if (after)
		put_protocols(&writer, protocols);
	put_extension(&writer, 21, 70);
	hello_end(&writer, message, extensions);
	return &writer;
}

static void http2_is_offered_by_its_whole_name_wherever_it_stands(void **state)
{
	static const struct {
		const char *protocols;
		__u32 offered;
	} rows[] = {
		{"h2,", 1},
		{"h2,http/1.1,", 1},
		{"http/1.1,h2,", 1},
		{"http/1.0,http/1.1,spdy/3,h2,", 1},
		{"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,h2,", 1},
		{"a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,h2,", 0}, /* one more than are looked at */
		{"http/1.1,", 0},
		{"h,2,", 0},
		{"h2c,", 0},
		{"h3,xh2,h2x,", 0},
		{",,", 0},
		{"", 0},
	};
	struct client_hello hello;
	struct writer *message;
	size_t i;
	int before;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (before = 0; before < 2; before++) {
			message = hello_offering(rows[i].protocols, before, !before);
			assert_name(message, "api.telegram.org");
			parse(message->bytes, message->size, &hello);
			assert_int_equal(hello.http2, rows[i].offered);
		}
	}
	message = hello_offering(NULL, 0, 0);
	assert_int_equal(parse(message->bytes, message->size, &hello), PARSE_DONE);
	assert_int_equal(hello.http2, 0);
}

static void http2_is_offered_without_a_name_too(void **state)
{
	static struct writer writer;
	size_t message, extensions = hello_begin(&writer, 0, &message);
	struct client_hello hello;

	(void)state;
	put_protocols(&writer, "h2,");
	hello_end(&writer, message, extensions);
	assert_int_equal(parse(writer.bytes, writer.size, &hello), PARSE_DONE);
	assert_int_equal(hello.name_length, 0);
	assert_int_equal(hello.http2, 1);
}

static void a_malformed_offer_costs_no_name(void **state)
{
	static const struct {
		size_t size;
		uint8_t bytes[8];
	} rows[] = {
		{0, {0}},
		{1, {0}},
		{2, {0, 3}},			       /* a list that is not there */
		{4, {0, 3, 2, 'h'}},		       /* and one that is cut */
		{5, {0, 4, 2, 'h', '2'}},	       /* longer than the extension */
		{5, {0, 2, 2, 'h', '2'}},	       /* shorter than its name */
		{5, {0, 3, 255, 'h', '2'}},	       /* a name that is longer than the list */
		{8, {0, 6, 3, 'h', '2', 2, 'h', '2'}}, /* the same behind one that fits */
	};
	static struct writer writer;
	size_t message, extensions, i;
	struct client_hello hello;
	int before;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (before = 0; before < 2; before++) {
			extensions = hello_begin(&writer, 32, &message);
			if (!before)
				put_name(&writer, "api.telegram.org");
			put(&writer, 2, EXTENSION_ALPN);
			put(&writer, 2, rows[i].size);
			memcpy(writer.bytes + writer.size, rows[i].bytes, rows[i].size);
			writer.size += rows[i].size;
			if (before)
				put_name(&writer, "api.telegram.org");
			hello_end(&writer, message, extensions);
			assert_name(&writer, "api.telegram.org");
			parse(writer.bytes, writer.size, &hello);
			assert_int_equal(hello.http2, 0);
		}
	}
	/* What is no extension at all, behind the name. */
	writer = *hello_of("api.telegram.org", 0, 40, 32);
	writer.bytes[writer.size - 41] = 200;
	assert_name(&writer, "api.telegram.org");
}

static void every_cut_is_malformed_and_reads_nothing_behind_it(void **state)
{
	struct writer *message = hello_of("api.telegram.org", 60, 20, 32);
	struct client_hello hello;
	size_t size;

	(void)state;
	for (size = 0; size < message->size; size++) {
		/* One cut falls behind the compression methods: that is a hello of TLS 1.0. */
		if (size == 4 + 2 + 32 + 33 + 36 + 2)
			continue;
		assert_int_equal(parse(message->bytes, size, &hello), PARSE_MALFORMED);
	}
}

static void every_changed_byte_is_survived(void **state)
{
	struct writer message = *hello_of("api.telegram.org", 60, 20, 32);
	struct client_hello hello;
	uint8_t was;
	size_t at;
	int value;

	(void)state;
	for (at = 0; at < message.size; at++) {
		was = message.bytes[at];
		for (value = 0; value < 256; value += 5) {
			message.bytes[at] = (uint8_t)value;
			parse(message.bytes, message.size, &hello);
			assert_true(hello.name_at + hello.name_length <= message.size);
		}
		message.bytes[at] = was;
	}
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

static void a_server_hello_tells_its_version(void **state)
{
	uint8_t head[SERVER_HELLO_SIZE] = {TLS_HANDSHAKE, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3};

	(void)state;
	head[43] = 32;
	head[76] = 0x13;
	head[77] = 0x02;
	assert_int_equal(server_hello_is_1_3(head, sizeof(head)), 1);
	head[76] = 0xc0;
	assert_int_equal(server_hello_is_1_3(head, sizeof(head)), 0);
	head[43] = 0;
	head[44] = 0x13;
	assert_int_equal(server_hello_is_1_3(head, 46), 1);
	assert_int_equal(server_hello_is_1_3(head, 45), -1);
	assert_int_equal(server_hello_is_1_3(head, 10), -1);
	head[43] = 33;
	assert_int_equal(server_hello_is_1_3(head, sizeof(head)), -1);
	head[43] = 32;
	head[0] = TLS_ALERT;
	assert_int_equal(server_hello_is_1_3(head, sizeof(head)), -1);
}

static void a_server_hello_of_tls_1_2_tells_what_was_agreed(void **state)
{
	static const uint8_t http2[] = {0, 16, 0, 5, 0, 3, 2, 'h', '2'};
	static const uint8_t http1[] = {0,   16,  0,   11,  0,	 9,   8,  'h',
					't', 't', 'p', '/', '1', '.', '1'};
	static const struct {
		uint16_t suite;
		uint8_t nonce;
	} suites[] = {
		{0xc02f, NEGOTIATED_NONCE},
		{0xc030, NEGOTIATED_NONCE},
		{0x009c, NEGOTIATED_NONCE},
		{0xc09f, NEGOTIATED_NONCE},
		{0xcca8, 0},
		{0xcca9, 0},
		{0xc014, 0},
		{0x002f, 0},
	};
	uint8_t head[SERVER_HELLO_SIZE];
	size_t i, at;

	(void)state;
	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		memset(head, 0, sizeof(head));
		head[0] = TLS_HANDSHAKE;
		head[5] = 2;
		head[44] = (uint8_t)(suites[i].suite >> 8);
		head[45] = (uint8_t)suites[i].suite;
		assert_int_equal(server_hello_negotiated(head, sizeof(head)), suites[i].nonce);
		memcpy(head + 49, http1, sizeof(http1));
		assert_int_equal(server_hello_negotiated(head, sizeof(head)), suites[i].nonce);
		memset(head + 49, 0, sizeof(http1));
		for (at = 49; at + sizeof(http2) <= sizeof(head); at++) {
			memcpy(head + at, http2, sizeof(http2));
			assert_int_equal(server_hello_negotiated(head, sizeof(head)),
					 suites[i].nonce | NEGOTIATED_HTTP2);
			memset(head + at, 0, sizeof(http2));
		}
	}
	assert_int_equal(server_hello_negotiated(head, 45), 0);
}

static void a_server_hello_of_tls_1_3_tells_the_hash_and_nothing_else(void **state)
{
	static const uint8_t http2[] = {0, 16, 0, 5, 0, 3, 2, 'h', '2'};
	uint8_t head[SERVER_HELLO_SIZE] = {TLS_HANDSHAKE, 3, 3, 0, 122, 2};

	(void)state;
	memcpy(head + 49, http2, sizeof(http2)); /* by chance */
	head[44] = 0x13;
	head[45] = 0x01;
	assert_int_equal(server_hello_negotiated(head, sizeof(head)), 0);
	head[45] = 0x03;
	assert_int_equal(server_hello_negotiated(head, sizeof(head)), 0);
	head[45] = 0x02;
	assert_int_equal(server_hello_negotiated(head, sizeof(head)), NEGOTIATED_SHA384);
}

static void letters_become_lower_case_and_nothing_else_changes(void **state)
{
	union {
		uint8_t bytes[8];
		__u64 word;
	} got;
	int value;

	(void)state;
	for (value = 0; value < 256; value++) {
		memset(got.bytes, value, sizeof(got.bytes));
		got.bytes[0] = 'Z';
		got.word = parse_lower(got.word);
		assert_int_equal(got.bytes[0], 'z');
		assert_int_equal(got.bytes[7],
				 value >= 'A' && value <= 'Z' ? value - 'A' + 'a' : value);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_name_is_found),
		cmocka_unit_test(the_longest_name_is_found_and_a_longer_one_is_malformed),
		cmocka_unit_test(no_name_is_no_error),
		cmocka_unit_test(a_hello_without_extensions_is_complete),
		cmocka_unit_test(http2_is_offered_by_its_whole_name_wherever_it_stands),
		cmocka_unit_test(http2_is_offered_without_a_name_too),
		cmocka_unit_test(a_malformed_offer_costs_no_name),
		cmocka_unit_test(every_cut_is_malformed_and_reads_nothing_behind_it),
		cmocka_unit_test(every_changed_byte_is_survived),
		cmocka_unit_test(a_hello_is_gathered_from_records_of_any_size),
		cmocka_unit_test(the_largest_hello_is_gathered),
		cmocka_unit_test(every_part_of_a_hello_asks_for_more),
		cmocka_unit_test(what_follows_the_hello_does_not_matter),
		cmocka_unit_test(a_hello_in_too_many_or_too_large_pieces_is_refused),
		cmocka_unit_test(other_protocols_are_no_hello),
		cmocka_unit_test(the_head_of_one_record_tells_a_whole_hello),
		cmocka_unit_test(a_server_hello_tells_its_version),
		cmocka_unit_test(a_server_hello_of_tls_1_2_tells_what_was_agreed),
		cmocka_unit_test(a_server_hello_of_tls_1_3_tells_the_hash_and_nothing_else),
		cmocka_unit_test(letters_become_lower_case_and_nothing_else_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
