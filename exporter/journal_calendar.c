// SPDX-License-Identifier: Apache-2.0
#include "journal_calendar.h"

#include <stdio.h>
#include <time.h>

const int64_t calendar_seconds[CALENDAR_WINDOWS] = {60, 300, 3600, 86400};

static int64_t whole_seconds(int64_t time_us)
{
	int64_t seconds = time_us / 1000000;

	return time_us % 1000000 < 0 ? seconds - 1 : seconds;
}

/* Looks up the day of `seconds`, unless it is the one that was looked up last. */
static void find_day(struct calendar *calendar, int64_t seconds)
{
	time_t at = (time_t)seconds;
	struct tm local, next;

	if (seconds >= calendar->day_start && seconds < calendar->day_end)
		return;
	if (!localtime_r(&at, &local))
		gmtime_r(&at, &local);
	snprintf(calendar->day, sizeof(calendar->day), "%04d-%02d-%02d",
		 (local.tm_year + 1900) % 10000, (local.tm_mon + 1) % 100, local.tm_mday % 100);
	local.tm_hour = local.tm_min = local.tm_sec = 0;
	local.tm_isdst = -1;
	next = local;
	next.tm_mday++;
	calendar->day_start = mktime(&local);
	calendar->day_end = mktime(&next);
}

const char *calendar_day(struct calendar *calendar, int64_t time_us)
{
	find_day(calendar, whole_seconds(time_us));
	return calendar->day;
}

int64_t calendar_start(struct calendar *calendar, enum calendar_window window, int64_t time_us)
{
	int64_t seconds = whole_seconds(time_us), length = calendar_seconds[window];

	find_day(calendar, seconds);
	if (window == WINDOW_DAY)
		return calendar->day_start;
	return seconds - (seconds - calendar->day_start) % length;
}
