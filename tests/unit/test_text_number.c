// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}
#define ROUNDS 200000

/*
 * xorshift64*; a fixed seed, so that a failure comes back. Every magnitude is as likely as
 * another.
 */
static uint64_t next_random(uint64_t *seed)
{
	uint64_t value;

	*seed ^= *seed >> 12;
	*seed ^= *seed << 25;
	*seed ^= *seed >> 27;
	value = *seed * UINT64_C(0x2545f4914f6cdd1d);
	return value >> (value & 63);
}

static void test_integers(void **state)
{
	char got[TEXT_NUMBER_SIZE], expected[TEXT_NUMBER_SIZE];
	uint64_t seed = 1, value = 0;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		*text_integer(value, got) = '\0';
		snprintf(expected, sizeof(expected), "%" PRIu64, value);
		assert_string_equal(got, expected);
		value = i == 0 ? UINT64_MAX : next_random(&seed);
	}
}

static void test_nanoseconds(void **state)
{
	char got[TEXT_NUMBER_SIZE], expected[2 * TEXT_NUMBER_SIZE];
	uint64_t seed = 2, value = 0;
	size_t size;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		*text_decimal(value, 9, got) = '\0';
		snprintf(expected, sizeof(expected), "%" PRIu64 ".%09" PRIu64, value / 1000000000,
			 value % 1000000000);
		for (size = strlen(expected); expected[size - 1] == '0'; size--)
			expected[size - 1] = '\0';
		if (expected[size - 1] == '.')
			expected[size - 1] = '\0';
		assert_string_equal(got, expected);
		value = i == 0 ? UINT64_MAX : next_random(&seed);
	}
}

static void test_reals(void **state)
{
	static const struct {
		double value;
		const char *text;
	} cases[] = {
		{0, "0"},
		{1, "1"},
		{0.1, "0.1"},
		{-1.5, "-1.5"},
		{1e300, "1e+300"},
		{INFINITY, "+Inf"},
		{-INFINITY, "-Inf"},
		{NAN, "NaN"},
		{4503599627370496.0, "4503599627370496"},
		{1.0 / 3, "0.3333333333333333"},
	};
	char got[TEXT_NUMBER_SIZE];
	uint64_t seed = 3, bits;
	double value;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		*text_real(cases[i].value, got) = '\0';
		assert_string_equal(got, cases[i].text);
	}
	for (i = 0; i < ROUNDS; i++) {
		bits = next_random(&seed) ^ next_random(&seed) << 32;
		memcpy(&value, &bits, sizeof(value));
		*text_real(value, got) = '\0';
		assert_true(isnan(value) || strtod(got, NULL) == value);
	}
}

static void test_bounds(void **state)
{
	static const struct {
		uint64_t value;
		enum family_unit unit;
		const char *text;
	} cases[] = {
		/* the canonical numbers of the OpenMetrics specification */
		{0, UNIT_SECONDS, "0.0"},
		{1, UNIT_SECONDS, "1e-09"},
		{10, UNIT_SECONDS, "1e-08"},
		{100, UNIT_SECONDS, "1e-07"},
		{1000, UNIT_SECONDS, "1e-06"},
		{10000, UNIT_SECONDS, "1e-05"},
		{100000, UNIT_SECONDS, "0.0001"},
		{1000000, UNIT_SECONDS, "0.001"},
		{10000000, UNIT_SECONDS, "0.01"},
		{100000000, UNIT_SECONDS, "0.1"},
		{1000000000, UNIT_SECONDS, "1.0"},
		{10000000000, UNIT_SECONDS, "10.0"},
		{100000, UNIT_BYTES, "100000.0"},
		{1000000, UNIT_BYTES, "1e+06"},
		{10000000, UNIT_BYTES, "1e+07"},
		{10000000000, UNIT_BYTES, "1e+10"},
		/* what else is configured */
		{0, UNIT_BYTES, "0.0"},
		{1, UNIT_NONE, "1.0"},
		{250000, UNIT_SECONDS, "0.00025"},
		{25000, UNIT_SECONDS, "2.5e-05"},
		{2500000, UNIT_SECONDS, "0.0025"},
		{1500000000, UNIT_SECONDS, "1.5"},
		{90000000000, UNIT_SECONDS, "90.0"},
		{3600000000000, UNIT_SECONDS, "3600.0"},
		{86400000000000, UNIT_SECONDS, "86400.0"},
		{65536, UNIT_BYTES, "65536.0"},
		{1048576, UNIT_BYTES, "1.048576e+06"},
		{1073741824, UNIT_BYTES, "1.073741824e+09"},
		{UINT64_MAX, UNIT_BYTES, "1.8446744073709551615e+19"},
	};
	char got[TEXT_NUMBER_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		*text_bound(cases[i].value, cases[i].unit, got) = '\0';
		assert_string_equal(got, cases[i].text);
	}
}

static void test_random_bounds(void **state)
{
	char got[TEXT_NUMBER_SIZE];
	uint64_t seed = 4, value;
	double expected;
	int i;

	(void)state;
	for (i = 0; i < ROUNDS; i++) {
		value = next_random(&seed);
		*text_bound(value, UNIT_BYTES, got) = '\0';
		assert_true(strtod(got, NULL) == (double)value);
		assert_true(strchr(got, '.') || strchr(got, 'e'));
		*text_bound(value, UNIT_SECONDS, got) = '\0';
		expected = (double)value / 1e9;
		assert_true(fabs(strtod(got, NULL) - expected) <= expected * 1e-15);
	}
}

static void test_labels(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain", "plain"},
		{"", ""},
		{"a\\b", "a\\\\b"},
		{"say \"hi\"", "say \\\"hi\\\""},
		{"two\nlines\n", "two\\nlines\\n"},
		{"tab\tcr\r{}=,", "tab\tcr\r{}=,"},
	};
	char got[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		*text_label(cases[i].in, got) = '\0';
		assert_string_equal(got, cases[i].out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("200000 integers are written as printf writes them", test_integers),
		TEST("200000 durations are exact decimals without a tail of zeros",
		     test_nanoseconds),
		TEST("200000 doubles read back as they were", test_reals),
		TEST("bounds are canonical floats", test_bounds),
		TEST("200000 bounds read back as what they were", test_random_bounds),
		TEST("backslash, quote and newline of a label are escaped, nothing else",
		     test_labels),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
