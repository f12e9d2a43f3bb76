// SPDX-License-Identifier: Apache-2.0
#include "report_period.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define DAY_SECONDS 86400
#define YEAR_FIRST  1970
#define YEAR_LAST   2999

int64_t report_now(const struct report_query *query)
{
	struct timespec now;

	if (query->now_us)
		return query->now_us;
	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

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

static struct tm parse_day(const char *day)
{
	int year = 0, month = 0, number = 0;

	sscanf(day, "%4d-%2d-%2d", &year, &month, &number);
	return noon(year, month, number);
}

static void write_day(struct tm date, char day[REPORT_DAY_SIZE])
{
	mktime(&date);
	strftime(day, REPORT_DAY_SIZE, "%Y-%m-%d", &date);
}

/* The day so many days after this one. */
static void write_day_after(const char *day, int days, char out[REPORT_DAY_SIZE])
{
	struct tm date = parse_day(day);

	date.tm_mday += days;
	write_day(date, out);
}

static void set_period(struct tm begin, struct tm end, struct report_period *ret_period)
{
	time_t first = mktime(&begin), last = mktime(&end);

	write_day(begin, ret_period->begin);
	write_day(end, ret_period->end);
	ret_period->days = (unsigned)((last - first + DAY_SECONDS / 2) / DAY_SECONDS);
}

int report_month(const char *month, int64_t now_us, struct report_period *ret_period)
{
	time_t now = (time_t)(now_us / 1000000);
	int year, number;
	struct tm date;
	char again[8];

	if (*month) {
		/* What is written otherwise ("2026-1", " 026-11") is no month. */
		if (sscanf(month, "%4d-%2d", &year, &number) != 2 || year < YEAR_FIRST ||
		    year > YEAR_LAST || number < 1 || number > 12)
			return -EINVAL;
		snprintf(again, sizeof(again), "%04d-%02d", year, number);
		if (strcmp(month, again))
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
	time_t from = (time_t)(from_us / 1000000), to = (time_t)((to_us - 1) / 1000000);
	struct tm first, last;

	if (from_us < 0 || to_us <= from_us || !localtime_r(&from, &first) ||
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
	write_day_after(period->begin, -(int)period->days, before.begin);
	*ret_period = before;
}

void report_last_day(const struct report_period *period, char ret_day[REPORT_DAY_SIZE])
{
	write_day_after(period->end, -1, ret_day);
}

int report_day_begin(const char *day, int64_t *ret_us)
{
	char again[REPORT_DAY_SIZE];
	struct tm date;
	time_t begin;
	int year, number;

	/* 30 February is another day when it is written again. */
	if (sscanf(day, "%4d-", &year) != 1 || year < YEAR_FIRST || year > YEAR_LAST)
		return -EINVAL;
	write_day(parse_day(day), again);
	if (strcmp(day, again))
		return -EINVAL;
	date = parse_day(day);
	number = date.tm_mday;
	date.tm_hour = 0;
	begin = mktime(&date);
	/* A clock change may take midnight away: an hour before the change is the day before. */
	if (date.tm_mday != number)
		begin += 3600;
	*ret_us = (int64_t)begin * 1000000;
	return 0;
}

double report_elapsed(const struct report_period *period, int64_t now_us)
{
	struct tm date = parse_day(period->begin);
	int64_t midnight = mktime(&date) - DAY_SECONDS / 2, seconds = now_us / 1000000 - midnight;
	double days = (double)seconds / DAY_SECONDS;

	if (days < 0)
		return 0;
	return days < period->days ? days : period->days;
}
