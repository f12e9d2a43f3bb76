// SPDX-License-Identifier: Apache-2.0
/*
 * The business figures of GET /orchestrate/metrics, from the roll-ups of the journal. For the
 * worker's thread; nothing here knows of HTTP.
 */
#ifndef EXPORTER_API_FIGURES_H
#define EXPORTER_API_FIGURES_H

#include <stdint.h>

#include "journal_calendar.h"
#include "text.h"

/* Windows in one answer: a day of minutes. */
#define FIGURES_WINDOWS_MAX 1440

struct sqlite3;

struct figures_query {
	int64_t now_us;
	int64_t from_us, to_us; /* Unix; 0: not asked for */
	int window;		/* enum calendar_window; -1: not asked for */
};

/*
 * Fills in what was not given (`to`: now; `from`: an hour before, or sixty windows). 0; -EINVAL:
 * `to` is not after `from`; -E2BIG: more than FIGURES_WINDOWS_MAX windows.
 */
int figures_complete(struct figures_query *query);

/*
 * Appends {"last_hour":{…},"today":{…}}, then "period" when a span was asked for (`has_span`), and
 * "windows" when a window was. 0 or -errno.
 */
int figures_render(struct sqlite3 *db, const struct figures_query *query, int has_span,
		   struct text *out);

#endif
