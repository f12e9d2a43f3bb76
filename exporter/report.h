// SPDX-License-Identifier: Apache-2.0
/*
 * Reports from the journal: what it cost, how the agents do. Each opens the journal read-only and
 * appends one JSON value; for the worker's thread and the command line.
 *
 * A report is about whole days of the process's time zone, which is the one that the journal's days
 * are of.
 *
 * Analytics have a row for each agent type and model that tasks or tokens were reported with, and
 * before them one for the type as a whole, its model "": all that was reported beside what the
 * kernel saw, which knows no models. Of the kernel's facts, failed is every end but a success.
 */
#ifndef EXPORTER_REPORT_H
#define EXPORTER_REPORT_H

#include <stdint.h>

#include "text.h"

#define REPORT_LIMIT_MAX  1000
#define REPORT_MONTH_SIZE 8

/* What a cost report has a row for. */
enum report_by {
	REPORT_BY_MODEL,
	REPORT_BY_AGENT,
	REPORT_BY_EPIC,
	REPORT_BY_STORY,
	REPORT_BYS
};

/* "model", "agent", "epic", "story", NULL. */
extern const char *const report_by_names[REPORT_BYS + 1];

struct report_query {
	int64_t from_us, to_us;	       /* Unix, `to` is not in it; 0: the report's own default */
	char month[REPORT_MONTH_SIZE]; /* "2026-11", or "": the present one; cost only */
	enum report_by by;	       /* cost only */
	unsigned limit;		       /* rows, 1..REPORT_LIMIT_MAX */
	int64_t now_us;		       /* Unix; 0: the clock's */
	uint64_t monthly_budget;       /* micro-dollars; counts where none was set. 0: none */
};

/* 0; -EINVAL: the query makes no sense (a month that is none, to before from); or -errno. */
int report_cost(const char *journal_path, const struct report_query *query, struct text *out);
int report_analytics(const char *journal_path, const struct report_query *query, struct text *out);

#endif
