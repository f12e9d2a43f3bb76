// SPDX-License-Identifier: Apache-2.0
/*
 * How many tool runs of each agent type the accounts have counted. The kernel half counts on while
 * nothing of Operaglass runs, and from 0 when its maps are made anew: an EVENT_TOOLS_ENDED therefore
 * says whole sums and which map they are of, and what is new in them is found here, in the
 * transaction that also counts it. So no run is lost and none is counted twice, whoever dies when.
 *
 * One small named value. Changes are tentative until tools_seen_commit().
 */
#ifndef EXPORTER_TOOLS_SEEN_H
#define EXPORTER_TOOLS_SEEN_H

#include <stdbool.h>
#include <stdint.h>

#include "account_store.h"
#include "sizes.h"

/* Ended tool runs; a failure is every enum end_reason but success. */
struct tool_sums {
	uint64_t runs, failures;
};

/* Which counters: the id of the map `tools`, which is unique while the host runs. */
struct tools_source {
	uint64_t boot_epoch;
	uint32_t map;
};

struct tools_table {
	struct tools_source source; /* of all rows; another one begins at 0 */
	unsigned count;
	struct {
		char agent_type[TYPE_NAME_SIZE];
		struct tool_sums sums;
	} rows[MAX_AGENT_TYPES];
};

/* Start with zeroes. */
struct tools_seen {
	struct tools_table tentative, committed;
	bool changed;
};

/* What is in `sums` and was not seen yet; nothing, when the table is full or they are older. */
struct tool_sums tools_seen_advance(struct tools_seen *seen, const struct tools_source *source,
				    const char *agent_type, const struct tool_sums *sums);

int tools_seen_save(const struct tools_seen *seen, const struct account_store *store);
void tools_seen_commit(struct tools_seen *seen);
void tools_seen_rollback(struct tools_seen *seen);
/* 0; -ENOENT: not a value of this; -EINVAL. */
int tools_seen_load(struct tools_seen *seen, const char *name, const char *value);

#endif
