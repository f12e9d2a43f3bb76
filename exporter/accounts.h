// SPDX-License-Identifier: Apache-2.0
/*
 * What the application said, summed: approvals, tallies (counters, gauges, histograms by label),
 * costs, custom metrics. Pure: events in, changes out; no clock, no I/O but the store it is given.
 *
 * A batch of events is a transaction:
 *
 *	accounts_apply(accounts, event, &outcome);	…any number of times
 *	accounts_save(accounts, store);			writes what changed into the open transaction
 *	accounts_commit(accounts);			after the store's commit: from now on readers see it
 *	accounts_rollback(accounts);			instead, when the store failed: as before the batch
 *
 * Readers (accounts_add, approvals) see committed values only, so a counter that was scraped never
 * goes back, whatever happens to the disk or the process. Not thread-safe: the recorder holds one
 * lock around every call.
 */
#ifndef EXPORTER_ACCOUNTS_H
#define EXPORTER_ACCOUNTS_H

#include <stdint.h>

#include "account_store.h"
#include "event.h"
#include "model.h"
#include "reporting.h"

struct accounts;

#define ACCOUNTS_DECIDED_MAX 100000

/* A moment on both clocks; taken once per batch by the caller. */
struct moment {
	int64_t wall_us;
	uint64_t boot_ns;
};

enum outcome_kind {
	OUTCOME_TAKEN,
	OUTCOME_DUPLICATE, /* a second decision or request: kept as an event, changes nothing */
	OUTCOME_LATE,
	OUTCOME_UNMATCHED,
	OUTCOME_REFUSED, /* changes nothing and is not stored: `why` is for the sender */
};

struct outcome {
	enum outcome_kind kind;
	struct event_error
		why; /* OUTCOME_REFUSED: e.g. code "pending_limit", "undeclared_metric" */
};

/* 0 or -ENOMEM. Settings are copied. */
int accounts_create(const struct reporting_settings *settings, struct accounts **ret_accounts);
void accounts_free(struct accounts *accounts);

/* New settings from the next event on. Custom metrics of the old ones stay declared. */
int accounts_configure(struct accounts *accounts, const struct reporting_settings *settings);

/* Before anything is loaded: which boot this is (a hash of the boot id; not 0) and the time. What an
 * earlier boot left behind is measured by wall clock up to here, by CLOCK_BOOTTIME from here on. */
void accounts_set_boot(struct accounts *accounts, uint64_t boot_epoch, const struct moment *now);

/* While the journal is read at start, values first (they declare families): rows as accounts_save()
 * once wrote them; of approvals, those that wait and the last ACCOUNTS_DECIDED_MAX decided ones,
 * oldest first, which tell a duplicate from an unmatched decision. 0, -EINVAL for a
 * row that makes no sense (it is skipped and counted by the caller), or -ENOMEM. */
int accounts_load_tally(struct accounts *accounts, const struct tally_row *row);
int accounts_load_approval(struct accounts *accounts, const struct approval_row *row);
int accounts_load_value(struct accounts *accounts, const char *name, const char *value);

int accounts_apply(struct accounts *accounts, const struct event *event,
		   struct outcome *ret_outcome);
/* The approvals whose timeout plus grace has passed at `now`: an internal event
 * (EVENT_APPROVAL_EXPIRED, dated to the second it became due) for each, at most `max`; returns how many.
 * They do nothing until they are applied like any other. */
unsigned accounts_due(struct accounts *accounts, const struct moment *now, struct event **events,
		      unsigned max);
/* CLOCK_BOOTTIME ns at which the next approval is due; UINT64_MAX: none. */
uint64_t accounts_next_due(const struct accounts *accounts, const struct moment *now);

int accounts_save(struct accounts *accounts, const struct account_store *store);
void accounts_commit(struct accounts *accounts);
void accounts_rollback(struct accounts *accounts);

/* Every family of approvals, business and custom metrics, as of `now`. */
void accounts_add(struct accounts *accounts, const struct moment *now, struct model *model);

/* Pending approvals, oldest first: calls `each` until it returns non-zero. */
struct pending_approval {
	const char *approval_id, *tool, *priority, *agent_type; /* "" when unknown */
	int64_t requested_us, due_us;
	double age_seconds;
	uint32_t pid, root; /* 0: unknown */
	int message;	    /* the question's message: 0 not seen, 1 delivered, 2 failed */
	double message_seconds;
};
void accounts_each_pending(const struct accounts *accounts, const struct moment *now,
			   int (*each)(void *context, const struct pending_approval *approval),
			   void *context);

/* The agent roots that wait now, each once. Returns how many were written (at most max). */
struct waiting_root {
	uint32_t root;
	uint64_t root_start_ns;
	char agent_type[32];
};
unsigned accounts_waiting(const struct accounts *accounts, struct waiting_root *roots,
			  unsigned max);

#endif
