// SPDX-License-Identifier: Apache-2.0
/*
 * Reports from the journal: what it cost, how the agents do. Each opens the journal read-only and
 * appends one JSON value; for the worker's thread and the command line.
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
	int64_t from_us, to_us;	       /* Unix; 0: the report's own default */
	char month[REPORT_MONTH_SIZE]; /* "2026-11", or "": the present one; cost only */
	enum report_by by;	       /* cost only */
	unsigned limit;		       /* rows, 1..REPORT_LIMIT_MAX */
};

/* 0; -EINVAL: the query makes no sense (a month that is none, to before from); or -errno. */
int report_cost(const char *journal_path, const struct report_query *query, struct text *out);
int report_analytics(const char *journal_path, const struct report_query *query, struct text *out);

#endif
