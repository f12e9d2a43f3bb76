// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "report_period.h"

#define SECOND INT64_C(1000000)
#define HOUR   (3600 * SECOND)
#define DAY    (24 * HOUR)

/* 2026-11-21 12:00:00 UTC */
#define NOON INT64_C(1795262400000000)

static void set_zone(const char *zone)
{
	setenv("TZ", zone, 1);
	tzset();
}

static void assert_period(const struct report_period *period, const char *begin, const char *end,
			  unsigned days)
{
	assert_string_equal(period->begin, begin);
	assert_string_equal(period->end, end);
	assert_int_equal(period->days, days);
}

static void months(void **state)
{
	static const struct {
		const char *month, *begin, *end;
		unsigned days;
	} rows[] = {
		{"2026-11", "2026-11-01", "2026-12-01", 30},
		{"2026-12", "2026-12-01", "2027-01-01", 31},
		{"2026-02", "2026-02-01", "2026-03-01", 28},
		{"2028-02", "2028-02-01", "2028-03-01", 29},
		{"2100-02", "2100-02-01", "2100-03-01", 28},
		{"1970-01", "1970-01-01", "1970-02-01", 31},
		{"2999-12", "2999-12-01", "3000-01-01", 31},
		{"", "2026-11-01", "2026-12-01", 30},
	};
	struct report_period period;
	size_t i;

	(void)state;
	set_zone("UTC");
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(report_month(rows[i].month, NOON, &period), 0);
		assert_period(&period, rows[i].begin, rows[i].end, rows[i].days);
	}
}

static void no_months(void **state)
{
	static const char *const texts[] = {"2026-13", "2026-00",   "2026",    "2026-1",
					    "2026-1x", "2026-11-1", "26-11",   " 026-11",
					    "+026-11", "1969-12",   "3000-01", "x",
					    "-1",      "2026/11",   "2026-+1"};
	struct report_period period = {.begin = "untouched"};
	size_t i;

	(void)state;
	set_zone("UTC");
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		assert_int_equal(report_month(texts[i], NOON, &period), -EINVAL);
	assert_string_equal(period.begin, "untouched");
}

static void months_before(void **state)
{
	struct report_period period, before;

	(void)state;
	set_zone("UTC");
	assert_int_equal(report_month("2026-03", NOON, &period), 0);
	report_month_before(&period, &before);
	assert_period(&before, "2026-02-01", "2026-03-01", 28);
	assert_int_equal(report_month("2026-01", NOON, &period), 0);
	report_month_before(&period, &before);
	assert_period(&before, "2025-12-01", "2026-01-01", 31);
}

/* Months with 23 and 25 hours in one day still have their days. */
static void clock_changes(void **state)
{
	/* Berlin changes on 29 March and 25 October 2026; Lebanon's is at midnight of 29 March. */
	static const char *const zones[] = {"Europe/Berlin", "America/New_York", "Asia/Beirut",
					    "Australia/Lord_Howe", "Pacific/Apia"};
	struct report_period period;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(zones) / sizeof(*zones); i++) {
		set_zone(zones[i]);
		assert_int_equal(report_month("2026-03", NOON, &period), 0);
		assert_period(&period, "2026-03-01", "2026-04-01", 31);
		assert_int_equal(report_month("2026-10", NOON, &period), 0);
		assert_period(&period, "2026-10-01", "2026-11-01", 31);
		assert_int_equal(report_month("2026-11", NOON, &period), 0);
		assert_period(&period, "2026-11-01", "2026-12-01", 30);
	}
}

static void zones_decide(void **state)
{
	/* 2026-11-30 23:30 UTC */
	const int64_t late = NOON + 9 * DAY + 11 * HOUR + 30 * 60 * SECOND;
	struct report_period period;

	(void)state;
	set_zone("UTC");
	assert_int_equal(report_month("", late, &period), 0);
	assert_string_equal(period.begin, "2026-11-01");
	assert_int_equal(report_days(late, late + 1, &period), 0);
	assert_period(&period, "2026-11-30", "2026-12-01", 1);
	set_zone("Asia/Tokyo");
	assert_int_equal(report_month("", late, &period), 0);
	assert_string_equal(period.begin, "2026-12-01");
	assert_int_equal(report_days(late, late + 1, &period), 0);
	assert_period(&period, "2026-12-01", "2026-12-02", 1);
}

static void spans(void **state)
{
	const int64_t midnight = NOON + 12 * HOUR;
	struct report_period period, before;

	(void)state;
	set_zone("UTC");
	assert_int_equal(report_days(NOON, NOON + DAY, &period), 0);
	assert_period(&period, "2026-11-21", "2026-11-23", 2);
	report_days_before(&period, &before);
	assert_period(&before, "2026-11-19", "2026-11-21", 2);
	/* The day that begins at `to` is not in it. */
	assert_int_equal(report_days(NOON, midnight, &period), 0);
	assert_period(&period, "2026-11-21", "2026-11-22", 1);
	assert_int_equal(report_days(NOON, midnight + 1, &period), 0);
	assert_period(&period, "2026-11-21", "2026-11-23", 2);
}

static void no_spans(void **state)
{
	struct report_period period = {.begin = "untouched"};

	(void)state;
	set_zone("UTC");
	assert_int_equal(report_days(NOON, NOON, &period), -EINVAL);
	assert_int_equal(report_days(NOON, NOON - 1, &period), -EINVAL);
	assert_int_equal(report_days(-1, NOON, &period), -EINVAL);
	assert_int_equal(report_days(NOON, INT64_MAX, &period), -EINVAL);
	assert_string_equal(period.begin, "untouched");
}

static void a_span_over_a_clock_change(void **state)
{
	struct report_period period, before;
	int64_t from, to;
	char last[REPORT_DAY_SIZE];

	(void)state;
	set_zone("Europe/Berlin");
	assert_int_equal(report_day_begin("2026-10-24", &from), 0);
	assert_int_equal(report_day_begin("2026-10-26", &to), 0);
	assert_int_equal(to - from, 2 * DAY + HOUR);
	to++;
	assert_int_equal(report_days(from, to, &period), 0);
	assert_period(&period, "2026-10-24", "2026-10-27", 3);
	report_days_before(&period, &before);
	assert_period(&before, "2026-10-21", "2026-10-24", 3);
	report_last_day(&period, last);
	assert_string_equal(last, "2026-10-26");
}

static void days(void **state)
{
	static const char *const bad[] = {"2026-02-29",	 "2026-13-01", "2026-11-31", "2026-11-1",
					  "2026-11-011", "21.11.2026", "",	     "1969-12-31",
					  "99999-01-01", "2026-11-21T"};
	int64_t begin = 7;
	size_t i;

	(void)state;
	set_zone("UTC");
	for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(report_day_begin(bad[i], &begin), -EINVAL);
	assert_int_equal(begin, 7);
	assert_int_equal(report_day_begin("2026-11-21", &begin), 0);
	assert_int_equal(begin, NOON - 12 * HOUR);
	assert_int_equal(report_day_begin("2028-02-29", &begin), 0);
	/* No midnight: the clock went from 00:00 to 01:00, at 22:00 UTC of the day before. */
	set_zone("Asia/Beirut");
	assert_int_equal(report_day_begin("2026-03-29", &begin), 0);
	assert_int_equal(begin, INT64_C(1774735200) * SECOND);
}

static void elapsed(void **state)
{
	struct report_period period;

	(void)state;
	set_zone("UTC");
	assert_int_equal(report_month("2026-11", NOON, &period), 0);
	assert_true(report_elapsed(&period, NOON) == 20.5);
	assert_true(report_elapsed(&period, NOON + 10 * DAY) == 30);
	assert_true(report_elapsed(&period, NOON - 30 * DAY) == 0);
}

static void the_clock(void **state)
{
	struct report_query query = {.now_us = 5};
	int64_t now = (int64_t)time(NULL) * SECOND;

	(void)state;
	assert_int_equal(report_now(&query), 5);
	query.now_us = 0;
	assert_in_range(report_now(&query), now, now + 60 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a month has its days", months, NULL, NULL, NULL},
		{"what is no month is refused", no_months, NULL, NULL, NULL},
		{"the month before January is December", months_before, NULL, NULL, NULL},
		{"clock changes move no day, in five zones", clock_changes, NULL, NULL, NULL},
		{"the zone decides which day and month it is", zones_decide, NULL, NULL, NULL},
		{"a span has the days that it touches", spans, NULL, NULL, NULL},
		{"a span that ends before it begins is refused", no_spans, NULL, NULL, NULL},
		{"a span over a clock change has its days", a_span_over_a_clock_change, NULL, NULL,
		 NULL},
		{"what is no day is refused", days, NULL, NULL, NULL},
		{"half a day is half a day", elapsed, NULL, NULL, NULL},
		{"a query's own time goes before the clock", the_clock, NULL, NULL, NULL},
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
