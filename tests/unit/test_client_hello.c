// SPDX-License-Identifier: Apache-2.0
/* ClientHellos of every shape, whole, cut and broken, each at a guard page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "../guard_page.h"
#include "hello_writer.h"

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
		cmocka_unit_test(letters_become_lower_case_and_nothing_else_changes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
