// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "journal_calendar.h"

#define SECOND_US INT64_C(1000000)
/* 2026-03-29 00:30 UTC: 01:30 in Berlin, half an hour before the clocks go forward. */
#define SPRING_US (INT64_C(1774744200) * SECOND_US)

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void test_calendar(void **state)
{
	struct calendar calendar = {0};

	(void)state;
	assert_string_equal(calendar_day(&calendar, SPRING_US), "2026-03-29");
	assert_int_equal(calendar_start(&calendar, WINDOW_DAY, SPRING_US), 1774738800);
	/* That day has 23 hours. */
	assert_int_equal(calendar_start(&calendar, WINDOW_DAY, SPRING_US + 22 * 3600 * SECOND_US),
			 1774738800 + 23 * 3600);
	assert_int_equal(calendar_start(&calendar, WINDOW_MINUTE, SPRING_US + 61 * SECOND_US),
			 1774744260);
	assert_int_equal(
		calendar_start(&calendar, WINDOW_FIVE_MINUTES, SPRING_US + 599 * SECOND_US),
		1774744500);
	assert_string_equal(calendar_day(&calendar, -1), "1970-01-01");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("days begin at midnight, also when they have 23 hours", test_calendar),
	};

	setenv("TZ", "Europe/Berlin", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
