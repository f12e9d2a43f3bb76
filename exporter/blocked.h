// SPDX-License-Identifier: Apache-2.0
/*
 * How long agents were blocked: per agent root the union of the intervals in which at least one of
 * its approvals waits, summed by agent type.
 *
 * Invariants: what was shown never gets less, over restarts and reboots, too: everything is one
 * stored value (a tally row of its own family), which changes in the batch that changes the
 * approvals; the live part runs to `now`, but not past the time at which the approvals are due.
 * Times are ns of CLOCK_BOOTTIME, negative before this boot. A root of an earlier boot was blocked
 * until this boot began.
 */
#ifndef EXPORTER_BLOCKED_H
#define EXPORTER_BLOCKED_H

#include <stdint.h>

#include "account_store.h"
#include "accounts.h"
#include "model.h"

struct blocked;

int blocked_create(struct blocked **ret_blocked);
void blocked_free(struct blocked *blocked);
/* offset_us: Unix time at which the boot clock was 0. */
void blocked_set_boot(struct blocked *blocked, uint64_t boot_epoch, int64_t offset_us);

/* One more approval of this root waits. */
void blocked_begin(struct blocked *blocked, uint32_t root, uint64_t root_start_ns, const char *type,
		   int64_t requested_ns, int64_t due_ns);
/* One less. Returns the time that was added, and the type it was added to. */
uint64_t blocked_end(struct blocked *blocked, uint32_t root, uint64_t root_start_ns, int64_t end_ns,
		     const char **ret_type);
/* None waits any more, as the agent is gone. */
uint64_t blocked_gone(struct blocked *blocked, uint32_t root, uint64_t root_start_ns,
		      int64_t end_ns, const char **ret_type);

int blocked_save(const struct blocked *blocked, const struct account_store *store);
void blocked_commit(struct blocked *blocked);
void blocked_rollback(struct blocked *blocked);

/* 0, or -EINVAL. -ENOENT: the row belongs to somebody else. */
int blocked_load(struct blocked *blocked, const struct tally_row *row);
/* Once after everything is loaded: blocked_resume() for each approval that waits, then
 * blocked_settle(), which ends those of earlier boots. */
void blocked_resume(struct blocked *blocked, uint32_t root, uint64_t root_start_ns, int64_t due_ns);
void blocked_settle(struct blocked *blocked);

void blocked_add(struct blocked *blocked, int64_t now_ns, struct model *model);
unsigned blocked_waiting(const struct blocked *blocked, struct waiting_root *roots, unsigned max);
/* Approvals whose root found no room. */
uint64_t blocked_lost(const struct blocked *blocked);

#endif
