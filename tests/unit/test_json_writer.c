// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <math.h>
#include <string.h>

#include "json_writer.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void assert_text(struct text *text, const char *expected)
{
	assert_int_equal(text_reserve(text, 1), 0);
	text->data[text->size] = '\0';
	assert_string_equal(text->data, expected);
	text_release(text);
}

static void test_nesting(void **state)
{
	struct text text = {0};
	struct json_writer writer = {.text = &text};

	(void)state;
	write_open(&writer, NULL, '{');
	write_open(&writer, "empty", '{');
	write_close(&writer);
	write_open(&writer, "list", '[');
	write_integer(&writer, NULL, -1);
	write_open(&writer, NULL, '[');
	write_close(&writer);
	write_bool(&writer, NULL, true);
	write_close(&writer);
	write_null(&writer, "nothing");
	write_close(&writer);
	assert_int_equal(writer.err, 0);
	assert_text(&text, "{\"empty\":{},\"list\":[-1,[],true],\"nothing\":null}");
}

static void test_texts(void **state)
{
	static const struct {
		const char *value, *written;
	} cases[] = {
		{"", "\"\""},
		{"a\"b\\c", "\"a\\\"b\\\\c\""},
		{"\n\r\t", "\"\\n\\r\\t\""},
		{"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
		{"caf\xc3\xa9 \xf0\x9f\x8e\xad", "\"caf\xc3\xa9 \xf0\x9f\x8e\xad\""},
		{"nrt", "\"nrt\""},
		{"\xff\xc3", "\"\xef\xbf\xbd\xef\xbf\xbd\""},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct text text = {0};
		struct json_writer writer = {.text = &text};

		write_text(&writer, NULL, cases[i].value);
		assert_int_equal(writer.err, 0);
		assert_text(&text, cases[i].written);
	}
}

static void test_numbers(void **state)
{
	struct text text = {0};
	struct json_writer writer = {.text = &text};

	(void)state;
	write_open(&writer, NULL, '[');
	write_integer(&writer, NULL, INT64_MIN);
	write_integer(&writer, NULL, INT64_MAX);
	write_unsigned(&writer, NULL, UINT64_MAX);
	write_real(&writer, NULL, 0.1);
	write_real(&writer, NULL, -2.5e-9);
	write_real(&writer, NULL, NAN);
	write_real(&writer, NULL, -INFINITY);
	write_decimal(&writer, NULL, 1500000001, 9);
	write_decimal(&writer, NULL, 1500000, 6);
	write_decimal(&writer, NULL, UINT64_MAX, 0);
	write_close(&writer);
	assert_int_equal(writer.err, 0);
	assert_text(&text, "[-9223372036854775808,9223372036854775807,18446744073709551615,0.1,"
			   "-2.5e-09,null,null,1.500000001,1.5,"
			   "18446744073709551615]");
}

static void test_times(void **state)
{
	struct text text = {0};
	struct json_writer writer = {.text = &text};

	(void)state;
	write_open(&writer, NULL, '[');
	write_time(&writer, NULL, 1700000000123999);
	write_time(&writer, NULL, 253402300799000000);
	write_time(&writer, NULL, 0);
	write_close(&writer);
	assert_int_equal(writer.err, 0);
	assert_text(&text, "[\"2023-11-14T22:13:20.123Z\",\"9999-12-31T23:59:59.000Z\",null]");
}

static void test_depth(void **state)
{
	struct text text = {0};
	struct json_writer writer = {.text = &text};
	int i;

	(void)state;
	for (i = 0; i < JSON_DEPTH_MAX; i++)
		write_open(&writer, NULL, '[');
	assert_int_equal(writer.err, 0);
	write_open(&writer, NULL, '[');
	assert_int_equal(writer.err, -EOVERFLOW);
	write_integer(&writer, NULL, 1);
	write_close(&writer);
	assert_text(&text, "[[[[[[[[[[[[[[[[");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("commas and brackets are where they belong", test_nesting),
		TEST("texts are escaped, and what is no UTF-8 is replaced", test_texts),
		TEST("numbers are exact, and what JSON does not know is null", test_numbers),
		TEST("times are RFC 3339 in UTC", test_times),
		TEST("nothing is written after the first failure", test_depth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
