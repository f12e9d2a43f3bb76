// SPDX-License-Identifier: Apache-2.0
/* The days that a report is about, in the time zone of the process. Pure but for TZ. */
#ifndef EXPORTER_REPORT_PERIOD_H
#define EXPORTER_REPORT_PERIOD_H

#include <stdint.h>

#define REPORT_DAY_SIZE 12

/* From the first day to the one before `end`, both "2026-11-21". */
struct report_period {
	char begin[REPORT_DAY_SIZE], end[REPORT_DAY_SIZE];
	unsigned days;
};

/* The month "2026-11", or the one that now_us is in for "". 0 or -EINVAL. */
int report_month(const char *month, int64_t now_us, struct report_period *ret_period);
/* The month before the one that `period` begins in. */
void report_month_before(const struct report_period *period, struct report_period *ret_period);
/* The days that from_us and to_us (Unix; both included) are in. 0 or -EINVAL. */
int report_days(int64_t from_us, int64_t to_us, struct report_period *ret_period);
/* As many days, ending where `period` begins. */
void report_days_before(const struct report_period *period, struct report_period *ret_period);
/* How many days of `period` lie wholly before the one of now_us, and the share of that one. */
double report_elapsed(const struct report_period *period, int64_t now_us);

#endif
