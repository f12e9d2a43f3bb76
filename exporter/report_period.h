// SPDX-License-Identifier: Apache-2.0
/* The days that a report is about, in the time zone of the process. Pure but for TZ. */
#ifndef EXPORTER_REPORT_PERIOD_H
#define EXPORTER_REPORT_PERIOD_H

#include <stdint.h>

#include "report.h"

#define REPORT_DAY_SIZE 12

/* The query's own time, or the clock's (Unix). */
int64_t report_now(const struct report_query *query);

/* From the first day to the one before `end`, both "2026-11-21". */
struct report_period {
	char begin[REPORT_DAY_SIZE], end[REPORT_DAY_SIZE];
	unsigned days;
};

/* The month "2026-11", or the one that now_us is in for "". 0 or -EINVAL. */
int report_month(const char *month, int64_t now_us, struct report_period *ret_period);
/* The month before the one that `period` begins in. */
void report_month_before(const struct report_period *period, struct report_period *ret_period);
/* The days that lie, wholly or in part, between from_us and before to_us (Unix). 0 or -EINVAL. */
int report_days(int64_t from_us, int64_t to_us, struct report_period *ret_period);
/* As many days, ending where `period` begins. */
void report_days_before(const struct report_period *period, struct report_period *ret_period);
/* The last day of `period`. */
void report_last_day(const struct report_period *period, char ret_day[REPORT_DAY_SIZE]);
/* The first moment of the day "2026-11-21" (Unix). 0 or -EINVAL: there is no such day. */
int report_day_begin(const char *day, int64_t *ret_us);
/* How many days of `period` lie wholly before the one of now_us, and the share of that one. */
double report_elapsed(const struct report_period *period, int64_t now_us);

#endif
