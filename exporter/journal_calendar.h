// SPDX-License-Identifier: Apache-2.0
/*
 * Days, hours and minutes as people read them: in the time zone of the process (TZ). Times are Unix
 * microseconds, starts are Unix seconds. For one thread (the last day is remembered).
 */
#ifndef EXPORTER_JOURNAL_CALENDAR_H
#define EXPORTER_JOURNAL_CALENDAR_H

#include <stdint.h>

/* The windows of the roll-ups, by their length in seconds; a day may be an hour longer or shorter. */
enum calendar_window {
	WINDOW_MINUTE,
	WINDOW_FIVE_MINUTES,
	WINDOW_HOUR,
	WINDOW_DAY,
	CALENDAR_WINDOWS
};

extern const int64_t calendar_seconds[CALENDAR_WINDOWS];

#define CALENDAR_DAY_SIZE 16

struct calendar {
	int64_t day_start, day_end; /* 0, 0: nothing remembered */
	char day[CALENDAR_DAY_SIZE];
};

/* "2026-11-21", good until the next call. */
const char *calendar_day(struct calendar *calendar, int64_t time_us);
int64_t calendar_start(struct calendar *calendar, enum calendar_window window, int64_t time_us);

#endif
