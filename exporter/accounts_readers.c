// SPDX-License-Identifier: Apache-2.0
/* What readers see of the accounts: committed values, and what only time changes. */
#include "accounts_parts.h"

/* The recorder notices what is due within a second; five more say that it cannot. */
#define OVERDUE_NS INT64_C(5000000000)

static double age_seconds(const struct approval *approval, const struct moment *now)
{
	int64_t age_ns = (int64_t)now->boot_ns - approval->requested_ns;

	return age_ns > 0 ? (double)age_ns / 1e9 : 0;
}

static void add_queue(const struct accounts *accounts, const struct moment *now,
		      struct model *model)
{
	const struct approval *oldest = approvals_first(accounts->approvals, BY_REQUEST);
	const struct approval *due = approvals_first(accounts->approvals, BY_DUE);
	int64_t age_ns = oldest ? (int64_t)now->boot_ns - oldest->requested_ns : 0;
	bool overdue = due && (int64_t)now->boot_ns - OVERDUE_NS > due->due_ns;
	double heartbeat = 1;

	model_add(model, FAMILY_APPROVAL_QUEUE_SIZE, approvals_count(accounts->approvals));
	model_add(model, FAMILY_APPROVAL_OLDEST, age_ns > 0 ? (uint64_t)age_ns : 0);
	tally_get_committed(accounts->tallies, FAMILY_SERVICE_HEALTH, now->wall_us, now->boot_ns,
			    MODEL_LABELS("approval_timeout"), &heartbeat);
	model_add(model, FAMILY_APPROVAL_HEALTH, heartbeat != 0 && !overdue);
}

void accounts_add(struct accounts *accounts, const struct moment *now, struct model *model)
{
	enum family declared[FAMILY_DECLARED_MAX];

	accounts_settle(accounts);
	custom_metrics_model(accounts->custom, model, declared);
	tallies_add(accounts->tallies, now->wall_us, now->boot_ns, declared, model);
	add_queue(accounts, now, model);
	blocked_add(accounts->blocked, (int64_t)now->boot_ns, model);
	budget_add(&accounts->budget, accounts->settings.monthly_budget, now->wall_us, model);
	model_add(model, FAMILY_LOST, tallies_overflow(accounts->tallies), "accounts",
		  "series_limit");
	model_add(model, FAMILY_LOST, blocked_lost(accounts->blocked), "blocked_agents",
		  "table_full");
}

struct pending_walk {
	const struct moment *now;
	int (*each)(void *context, const struct pending_approval *approval);
	void *context;
};

static int visit(void *context, const struct approval *approval)
{
	struct pending_walk *walk = context;
	const struct pending_approval pending = {
		.approval_id = approval->id,
		.tool = approval_tool(approval),
		.priority = approval_priority(approval),
		.agent_type = approval_agent_type(approval),
		.requested_us = approval->requested_us,
		.due_us = approval->due_us,
		.age_seconds = age_seconds(approval, walk->now),
		.pid = approval->pid,
		.root = approval->root,
		.message = approval->message_status == 0				       ? 0
			   : approval->message_status >= 200 && approval->message_status < 300 ? 1
											       : 2,
		.message_seconds = (double)approval->message_ns / 1e9,
	};

	return walk->each(walk->context, &pending);
}

void accounts_each_pending(const struct accounts *accounts, const struct moment *now,
			   int (*each)(void *context, const struct pending_approval *approval),
			   void *context)
{
	struct pending_walk walk = {now, each, context};

	approvals_walk(accounts->approvals, BY_REQUEST, visit, &walk);
}

unsigned accounts_waiting(const struct accounts *accounts, struct waiting_root *roots, unsigned max)
{
	return blocked_waiting(accounts->blocked, roots, max);
}
