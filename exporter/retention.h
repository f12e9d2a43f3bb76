// SPDX-License-Identifier: Apache-2.0
/*
 * What leaves the journal: old events and audit rows, by age and by size; decided approvals and fine
 * roll-ups, by age; ids that need not be known any more. In small steps, each a transaction of its
 * own, so that no group waits long for it.
 */
#ifndef EXPORTER_RETENTION_H
#define EXPORTER_RETENTION_H

#include <stdbool.h>
#include <stdint.h>

struct journal;

/* Rows that one step removes at most. */
#define RETENTION_STEP 1024
/* Audit rows that must have expired before they are removed, as each removal adds a row. */
#define RETENTION_AUDIT_MIN 64

struct retention {
	uint64_t age_ns;       /* 0: for ever */
	uint64_t bytes;	       /* 0: no bound */
	uint64_t id_window_ns; /* 0: ids are remembered as long as their events */
};

struct retention_result {
	uint64_t events, audit_rows, approvals, rollups; /* removed */
	uint64_t ids;					 /* forgotten; their events stay */
	bool more;					 /* there is more to do at once */
};

/* One step, outside a transaction. 0 or -errno (nothing of this step was done). */
int retention_step(struct journal *journal, const struct retention *retention, int64_t now_us,
		   struct retention_result *ret_result);

#endif
