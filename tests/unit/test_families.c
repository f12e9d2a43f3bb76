// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <string.h>

#include "families.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static int ends_with(const char *string, const char *end)
{
	size_t size = strlen(string), end_size = strlen(end);

	return size >= end_size && !strcmp(string + size - end_size, end);
}

/* The name without _total, as the unit and OpenMetrics see it. */
static size_t base_size(const struct family_row *row)
{
	return strlen(row->name) - (ends_with(row->name, "_total") ? strlen("_total") : 0);
}

static void test_complete(void **state)
{
	int family, other;

	(void)state;
	for (family = 0; family < FAMILY_COUNT; family++) {
		assert_non_null(families[family].name);
		assert_non_null(families[family].help);
		for (other = 0; other < family; other++)
			assert_string_not_equal(families[family].name, families[other].name);
	}
}

static void test_names(void **state)
{
	const char *at;
	int family, i;

	(void)state;
	for (family = 0; family < FAMILY_COUNT; family++) {
		for (at = families[family].name; *at; at++)
			assert_true(islower(*at) || isdigit(*at) || *at == '_');
		for (i = 0; families[family].labels[i]; i++) {
			for (at = families[family].labels[i]; *at; at++)
				assert_true(islower(*at) || *at == '_');
			assert_string_not_equal(families[family].labels[i], "le");
		}
	}
}

static void test_total(void **state)
{
	int family;

	(void)state;
	for (family = 0; family < FAMILY_COUNT; family++) {
		assert_int_equal(ends_with(families[family].name, "_total"),
				 families[family].type == TYPE_COUNTER);
		assert_int_equal(ends_with(families[family].name, "_info"),
				 families[family].type == TYPE_INFO);
	}
}

static void test_units(void **state)
{
	static const char *const units[] = {NULL, "_seconds", "_bytes"};
	const struct family_row *row;
	char base[128];
	int family, unit;

	(void)state;
	for (family = 0; family < FAMILY_COUNT; family++) {
		row = &families[family];
		memcpy(base, row->name, base_size(row));
		base[base_size(row)] = '\0';
		for (unit = UNIT_SECONDS; unit <= UNIT_BYTES; unit++)
			assert_int_equal(ends_with(base, units[unit]), row->unit == (unsigned)unit);
	}
}

static void test_help(void **state)
{
	const char *at;
	int family;

	(void)state;
	for (family = 0; family < FAMILY_COUNT; family++) {
		for (at = families[family].help; *at; at++)
			assert_true(*at >= ' ' && *at <= '~' && *at != '"' && *at != '\\');
		assert_int_equal(at[-1], '.');
	}
}

static void test_shadowed(void **state)
{
	const struct family_row *row;
	int family, other, shadowed;

	(void)state;
	for (family = 0; family < FAMILY_COUNT; family++) {
		row = &families[family];
		shadowed = 0;
		for (other = 0; other < FAMILY_COUNT; other++)
			if (other != family && strlen(families[other].name) == base_size(row) &&
			    !memcmp(families[other].name, row->name, base_size(row)))
				shadowed = 1;
		assert_int_equal(row->shadowed, shadowed);
	}
}

static void test_label_count(void **state)
{
	(void)state;
	assert_int_equal(family_label_count(FAMILY_TELEGRAM_HEALTH), 0);
	assert_int_equal(family_label_count(FAMILY_UPSTREAM_SENT), 1);
	assert_int_equal(family_label_count(FAMILY_AGENT_EXITS), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("every family has one row, with a name of its own and a help text",
		     test_complete),
		TEST("names and labels are lower case, and none is le", test_names),
		TEST("_total is the end of counters and of nothing else, _info of infos",
		     test_total),
		TEST("a unit is the end of the name exactly when the row says so", test_units),
		TEST("help texts are sentences that need no escaping", test_help),
		TEST("a counter is marked shadowed exactly when another family has its bare name",
		     test_shadowed),
		TEST("labels are counted up to the end of the row", test_label_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
