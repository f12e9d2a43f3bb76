// SPDX-License-Identifier: Apache-2.0
#include "report_period.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_SECONDS 86400
#define YEAR_FIRST  2000
#define YEAR_LAST   2999

/* Noon, so that a clock change at night moves no day. */
static struct tm noon(int year, int month, int day)
{
	return (struct tm){
		.tm_year = year - 1900,
		.tm_mon = month - 1,
		.tm_mday = day,
		.tm_hour = 12,
		.tm_isdst = -1,
	};
}

static time_t noon_of(const char *day)
{
	int year = 0, month = 0, number = 0;
	struct tm date;

	sscanf(day, "%4d-%2d-%2d", &year, &month, &number);
	date = noon(year, month, number);
	return mktime(&date);
}

static void write_day(time_t at, char day[REPORT_DAY_SIZE])
{
	struct tm date;

	localtime_r(&at, &date);
	strftime(day, REPORT_DAY_SIZE, "%Y-%m-%d", &date);
}

static void set_period(struct tm begin, struct tm end, struct report_period *ret_period)
{
	time_t first = mktime(&begin), last = mktime(&end);

	write_day(first, ret_period->begin);
	write_day(last, ret_period->end);
	ret_period->days = (unsigned)((last - first + DAY_SECONDS / 2) / DAY_SECONDS);
}

int report_month(const char *month, int64_t now_us, struct report_period *ret_period)
{
	time_t now = (time_t)(now_us / 1000000);
	int year, number, used = 0;
	struct tm date;

	if (*month) {
		if (sscanf(month, "%4d-%2d%n", &year, &number, &used) != 2 || used != 7 ||
		    month[used] || year < YEAR_FIRST || year > YEAR_LAST || number < 1 ||
		    number > 12)
			return -EINVAL;
	} else {
		localtime_r(&now, &date);
		year = date.tm_year + 1900;
		number = date.tm_mon + 1;
	}
	set_period(noon(year, number, 1), noon(year, number + 1, 1), ret_period);
	return 0;
}

void report_month_before(const struct report_period *period, struct report_period *ret_period)
{
	int year = 0, month = 0;

	sscanf(period->begin, "%4d-%2d", &year, &month);
	set_period(noon(year, month - 1, 1), noon(year, month, 1), ret_period);
}

int report_days(int64_t from_us, int64_t to_us, struct report_period *ret_period)
{
	time_t from = (time_t)(from_us / 1000000), to = (time_t)(to_us / 1000000);
	struct tm first, last;

	if (from_us < 0 || to_us < from_us || !localtime_r(&from, &first) ||
	    !localtime_r(&to, &last) || last.tm_year + 1900 > YEAR_LAST)
		return -EINVAL;
	set_period(noon(first.tm_year + 1900, first.tm_mon + 1, first.tm_mday),
		   noon(last.tm_year + 1900, last.tm_mon + 1, last.tm_mday + 1), ret_period);
	return 0;
}

void report_days_before(const struct report_period *period, struct report_period *ret_period)
{
	struct report_period before = {.days = period->days};

	memcpy(before.end, period->begin, sizeof(before.end));
	write_day(noon_of(period->begin) - (time_t)period->days * DAY_SECONDS, before.begin);
	*ret_period = before;
}

double report_elapsed(const struct report_period *period, int64_t now_us)
{
	double days = (double)(now_us / 1000000 - (noon_of(period->begin) - DAY_SECONDS / 2)) /
		      DAY_SECONDS;

	if (days < 0)
		return 0;
	return days < period->days ? days : period->days;
}
