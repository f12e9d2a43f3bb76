// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>

#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "web_query.h"

static const char *const names[] = {"from", "to", "text", NULL};

static void values_are_decoded(void **state)
{
	struct event_error error;
	struct web_query query;

	(void)state;
	assert_int_equal(
		web_query_parse("text=a%20b+c%C3%A9%2b&from=&t%6F=1", names, &query, &error), 0);
	assert_string_equal(query.values[0], "");
	assert_string_equal(query.values[1], "1");
	assert_string_equal(query.values[2], "a b c\xc3\xa9+");
}

static void no_query_gives_nothing(void **state)
{
	struct event_error error;
	struct web_query query;

	(void)state;
	assert_int_equal(web_query_parse(NULL, names, &query, &error), 0);
	assert_null(query.values[0]);
	assert_int_equal(web_query_parse("", names, &query, &error), 0);
	assert_null(query.values[2]);
}

static void what_is_wrong_is_refused_by_name(void **state)
{
	static const struct {
		const char *query, *code, *field;
	} cases[] = {
		{"form=1", "unknown_parameter", "form"},
		{"from=1&from=1", "duplicate_parameter", "from"},
		{"from", "invalid_query", "from"},
		{"from=%", "invalid_query", "from"},
		{"from=%4", "invalid_query", "from"},
		{"from=%zz", "invalid_query", "from"},
		{"from=%00", "invalid_query", "from"},
		{"from=%0a", "invalid_query", "from"},
		{"from=%7f", "invalid_query", "from"},
		{"from=%c3", "invalid_query", "from"},
		{"from=%ed%a0%80", "invalid_query", "from"},
		{"fr%6=1", "invalid_query", ""},
		{"fr%00om=1", "invalid_query", ""},
		{"&from=1", "unknown_parameter", ""},
		{"from=1&", "unknown_parameter", ""},
		{"=1", "unknown_parameter", ""},
		{"FROM=1", "unknown_parameter", "FROM"},
	};
	struct event_error error;
	struct web_query query;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(web_query_parse(cases[i].query, names, &query, &error), -EINVAL);
		assert_string_equal(error.code, cases[i].code);
		assert_string_equal(error.field, cases[i].field);
	}
}

static void a_long_query_is_refused_and_the_longest_is_not(void **state)
{
	char text[WEB_QUERY_MAX + 2] = "text=";
	struct event_error error;
	struct web_query query;

	(void)state;
	memset(text + 5, 'a', WEB_QUERY_MAX - 5);
	assert_int_equal(web_query_parse(text, names, &query, &error), 0);
	assert_int_equal(strlen(query.values[2]), WEB_QUERY_MAX - 5);
	text[WEB_QUERY_MAX] = 'a';
	assert_int_equal(web_query_parse(text, names, &query, &error), -EINVAL);
	assert_string_equal(error.code, "too_long");
}

static void times_are_rfc_3339_or_unix_seconds(void **state)
{
	static const struct {
		const char *query;
		int64_t us; /* -1: refused */
	} cases[] = {
		{"from=0", 0},
		{"from=1700000000", 1700000000000000},
		{"from=1700000000.25", 1700000000250000},
		{"from=1700000000.000001", 1700000000000001},
		{"from=253402300799", 253402300799000000},
		{"from=2023-11-14T22:13:20Z", 1700000000000000},
		{"from=2023-11-14T23:13:20%2B01:00", 1700000000000000},
		{"from=2023-11-14T23:13:20+01:00", -1},
		{"from=", -1},
		{"from=1.", -1},
		{"from=.5", -1},
		{"from=1.0000001", -1},
		{"from=1.2.3", -1},
		{"from=-1", -1},
		{"from=2534023007990", -1},
		{"from=99999999999999999999", -1},
		{"from=yesterday", -1},
		{"from=2023-11-14", -1},
	};
	struct event_error error;
	struct web_query query;
	int64_t us;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		us = -1;
		assert_int_equal(web_query_parse(cases[i].query, names, &query, &error), 0);
		assert_int_equal(web_query_time(&query, 0, &us, &error),
				 cases[i].us < 0 ? -EINVAL : 0);
		if (cases[i].us < 0)
			assert_string_equal(error.field, "from");
		else
			assert_int_equal(us, cases[i].us);
	}
}

static void numbers_and_choices_have_bounds(void **state)
{
	static const char *const choices[] = {"model", "agent", NULL};
	struct event_error error;
	struct web_query query;
	unsigned choice = 7;
	int64_t number = 5;

	(void)state;
	assert_int_equal(web_query_parse("from=100&to=101&text=agent", names, &query, &error), 0);
	assert_int_equal(web_query_number(&query, 0, 1, 100, &number, &error), 0);
	assert_int_equal(number, 100);
	assert_int_equal(web_query_number(&query, 1, 1, 100, &number, &error), -EINVAL);
	assert_string_equal(error.message, "not a whole number from 1 to 100");
	assert_int_equal(web_query_number(&query, 2, 1, 100, &number, &error), -EINVAL);
	assert_int_equal(number, 100);
	assert_int_equal(web_query_choice(&query, 2, choices, &choice, &error), 0);
	assert_int_equal(choice, 1);
	assert_int_equal(web_query_choice(&query, 0, choices, &choice, &error), -EINVAL);
	assert_string_equal(error.message, "it takes model, agent");
	assert_int_equal(web_query_parse("from=%201&to=1x", names, &query, &error), 0);
	assert_int_equal(web_query_number(&query, 0, 1, 100, &number, &error), -EINVAL);
	assert_int_equal(web_query_number(&query, 1, 1, 100, &number, &error), -EINVAL);
}

static void what_is_not_given_stays_as_it_is(void **state)
{
	static const char *const choices[] = {"model", NULL};
	struct event_error error;
	struct web_query query;
	int64_t us = 1, number = 2;
	unsigned choice = 3;

	(void)state;
	assert_int_equal(web_query_parse(NULL, names, &query, &error), 0);
	assert_int_equal(web_query_time(&query, 0, &us, &error), 0);
	assert_int_equal(web_query_number(&query, 0, 1, 2, &number, &error), 0);
	assert_int_equal(web_query_choice(&query, 0, choices, &choice, &error), 0);
	assert_true(us == 1 && number == 2 && choice == 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_are_decoded),
		cmocka_unit_test(no_query_gives_nothing),
		cmocka_unit_test(what_is_wrong_is_refused_by_name),
		cmocka_unit_test(a_long_query_is_refused_and_the_longest_is_not),
		cmocka_unit_test(times_are_rfc_3339_or_unix_seconds),
		cmocka_unit_test(numbers_and_choices_have_bounds),
		cmocka_unit_test(what_is_not_given_stays_as_it_is),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
