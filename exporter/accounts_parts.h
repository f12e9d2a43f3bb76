// SPDX-License-Identifier: Apache-2.0
/* The parts of struct accounts, for accounts*.c only. */
#ifndef EXPORTER_ACCOUNTS_PARTS_H
#define EXPORTER_ACCOUNTS_PARTS_H

#include "account_rows.h"
#include "accounts.h"
#include "approvals.h"
#include "blocked.h"
#include "budget.h"
#include "custom_metrics.h"
#include "session_label.h"
#include "tally.h"
#include "tools_seen.h"

struct accounts {
	struct reporting_settings settings;
	struct tallies *tallies;
	struct approvals *approvals;
	struct blocked *blocked;
	struct custom_metrics *custom;
	struct budget budget;
	struct tools_seen tools;
	struct account_rows rows;
	struct keyed_hash hash; /* of what is stored or shown: labels and actors */
	uint64_t boot_epoch;
	int64_t boot_offset_us; /* Unix time at which the boot clock was 0 */
	bool settled;		/* what was loaded is complete */
	bool custom_later;	/* the settings' metrics are to be declared after this batch */
};

/* When an event happened, not later than it arrived. */
struct event_moment {
	int64_t wall_us, boot_ns;
};
/* After loading, before the first event or reader: puts approvals and blocked roots together. */
void accounts_settle(struct accounts *accounts);

struct event_moment accounts_moment(const struct event *event);

/* Text of a field; `missing` when it is not there or empty. */
const char *accounts_text(const struct event *event, enum event_field field, const char *missing);
/* The reported agent type, else that of the reporter's agent root, else `missing`. */
const char *accounts_agent_type(const struct event *event, const char *missing);

/* Tells the tallies which families are theirs, and shows those that are known in advance. */
int accounts_declare(struct accounts *accounts);
int accounts_show(struct accounts *accounts);

/* What the tables say: tallies and roll-ups; the audit row (verdict NULL: nothing special). */
int accounts_effects(struct accounts *accounts, const struct event *event);
int accounts_audit(struct accounts *accounts, const struct event *event, const char *verdict);

/* Types with rules of their own. All return 0 or -ENOMEM. */
int accounts_approval(struct accounts *accounts, const struct event *event,
		      struct outcome *ret_outcome);
int accounts_message(struct accounts *accounts, const struct event *event,
		     struct outcome *ret_outcome);
int accounts_tokens(struct accounts *accounts, const struct event *event,
		    struct outcome *ret_outcome);
int accounts_task(struct accounts *accounts, const struct event *event,
		  struct outcome *ret_outcome);
int accounts_circuit(struct accounts *accounts, const struct event *event,
		     struct outcome *ret_outcome);
int accounts_health(struct accounts *accounts, const struct event *event,
		    struct outcome *ret_outcome);
int accounts_agent_ended(struct accounts *accounts, const struct event *event,
			 struct outcome *ret_outcome);
int accounts_tools(struct accounts *accounts, const struct event *event,
		   struct outcome *ret_outcome);
int accounts_budget(struct accounts *accounts, const struct event *event,
		    struct outcome *ret_outcome);
int accounts_metric(struct accounts *accounts, const struct event *event,
		    struct outcome *ret_outcome);
int accounts_declaration(struct accounts *accounts, const struct event *event,
			 struct outcome *ret_outcome);

#endif
