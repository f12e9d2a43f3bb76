// SPDX-License-Identifier: Apache-2.0
/* The life of the accounts, and the transaction around the parts. */
#include "accounts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "accounts_parts.h"

/* Types that do more than the tables say; the tables are applied, too, unless `alone`. */
static const struct rule {
	int (*apply)(struct accounts *accounts, const struct event *event,
		     struct outcome *ret_outcome);
	bool alone;
} rules[EVENT_TYPES] = {
	[EVENT_APPROVAL_REQUESTED] = {accounts_approval, true},
	[EVENT_APPROVAL_ACCEPTED] = {accounts_approval, true},
	[EVENT_APPROVAL_REJECTED] = {accounts_approval, true},
	[EVENT_APPROVAL_CANCELLED] = {accounts_approval, true},
	[EVENT_APPROVAL_TIMEOUT] = {accounts_approval, true},
	[EVENT_APPROVAL_EXPIRED] = {accounts_approval, true},
	[EVENT_APPROVAL_DELIVERED] = {accounts_message, true},
	[EVENT_TOKENS_USED] = {accounts_tokens, false},
	[EVENT_TASK_COMPLETED] = {accounts_task, false},
	[EVENT_CIRCUIT_BREAKER] = {accounts_circuit, false},
	[EVENT_SERVICE_HEALTH] = {accounts_health, false},
	[EVENT_AGENT_ENDED] = {accounts_agent_ended, false},
	[EVENT_BUDGET_SET] = {accounts_budget, false},
	[EVENT_METRIC] = {accounts_metric, false},
	[EVENT_METRIC_DECLARED] = {accounts_declaration, false},
	[EVENT_TOOLS_ENDED] = {accounts_tools, false},
};

static int create_parts(struct accounts *accounts)
{
	int err = tallies_create(MODEL_SERIES_LIMIT, &accounts->tallies);

	if (!err)
		err = approvals_create(accounts->settings.session_key, ACCOUNTS_DECIDED_MAX,
				       &accounts->approvals);
	if (!err)
		err = blocked_create(&accounts->blocked);
	if (!err)
		err = custom_metrics_create(accounts->tallies, &accounts->custom);
	return err ? err : accounts_declare(accounts);
}

/* Those that cannot be declared are left out: the configuration's check has said so before. */
static void declare_custom(struct accounts *accounts)
{
	struct event_error ignored;
	uint32_t i;

	/* A batch is open that declared some of its own: they are not to be committed with these. */
	accounts->custom_later = custom_metrics_open(accounts->custom);
	if (accounts->custom_later)
		return;
	for (i = 0; i < accounts->settings.custom_count && i < REPORTING_CUSTOM_MAX; i++)
		custom_metrics_declare(accounts->custom, &accounts->settings.custom[i], false,
				       &ignored);
	custom_metrics_commit(accounts->custom);
}

int accounts_create(const struct reporting_settings *settings, struct accounts **ret_accounts)
{
	struct accounts *accounts = calloc(1, sizeof(*accounts));

	if (!accounts)
		return -ENOMEM;
	accounts->settings = *settings;
	if (create_parts(accounts)) {
		accounts_free(accounts);
		return -ENOMEM;
	}
	accounts_configure(accounts, settings);
	*ret_accounts = accounts;
	return 0;
}

void accounts_free(struct accounts *accounts)
{
	if (!accounts)
		return;
	account_rows_clear(&accounts->rows);
	tallies_free(accounts->tallies);
	custom_metrics_free(accounts->custom);
	blocked_free(accounts->blocked);
	approvals_free(accounts->approvals);
	free(accounts);
}

int accounts_configure(struct accounts *accounts, const struct reporting_settings *settings)
{
	accounts->settings = *settings;
	keyed_hash_init(&accounts->hash, settings->session_key, 0);
	approvals_set_limit(accounts->approvals, settings->pending_max);
	declare_custom(accounts);
	return accounts_show(accounts);
}

void accounts_set_boot(struct accounts *accounts, uint64_t boot_epoch, const struct moment *now)
{
	accounts->boot_epoch = boot_epoch;
	accounts->boot_offset_us = now->wall_us - (int64_t)(now->boot_ns / 1000);
	tallies_set_boot(accounts->tallies, boot_epoch);
	approvals_set_boot(accounts->approvals, boot_epoch);
	blocked_set_boot(accounts->blocked, boot_epoch, accounts->boot_offset_us);
}

int accounts_load_tally(struct accounts *accounts, const struct tally_row *row)
{
	int err = blocked_load(accounts->blocked, row);

	if (err == -ENOENT)
		err = tallies_load(accounts->tallies, row);
	return err == -ENOENT ? -EINVAL : err;
}

int accounts_load_approval(struct accounts *accounts, const struct approval_row *row)
{
	int64_t requested_ns = (int64_t)row->requested_boot_ns;

	if (row->boot_epoch != accounts->boot_epoch)
		requested_ns = (row->requested_us - accounts->boot_offset_us) * 1000;
	return approvals_load(accounts->approvals, row, requested_ns,
			      requested_ns + (row->due_us - row->requested_us) * 1000);
}

int accounts_load_value(struct accounts *accounts, const char *name, const char *value)
{
	int err = budget_load(&accounts->budget, name, value);

	if (err == -ENOENT)
		err = tools_seen_load(&accounts->tools, name, value);
	if (err == -ENOENT)
		err = custom_metrics_load(accounts->custom, name, value);
	return err == -ENOENT ? -EINVAL : err;
}

static int resume(void *context, const struct approval *approval)
{
	struct accounts *accounts = context;

	if (approval->root)
		blocked_resume(accounts->blocked, approval->root, approval->root_start_ns,
			       approval->due_ns);
	return 0;
}

/* The first event or reader after loading: approvals and blocked roots are put together. */
void accounts_settle(struct accounts *accounts)
{
	if (accounts->settled)
		return;
	accounts->settled = true;
	approvals_walk(accounts->approvals, BY_REQUEST, resume, accounts);
	blocked_settle(accounts->blocked);
}

struct event_moment accounts_moment(const struct event *event)
{
	const struct event_origin *origin = event_origin(event);
	struct event_moment moment = {origin->wall_us, (int64_t)origin->boot_ns};
	int64_t earlier_us = origin->wall_us - event_wall_us(event);

	if (earlier_us > 0) {
		moment.wall_us -= earlier_us;
		moment.boot_ns -= earlier_us * 1000;
	}
	return moment;
}

const char *accounts_text(const struct event *event, enum event_field field, const char *missing)
{
	const char *text = event_text(event, field);

	return text && text[0] ? text : missing;
}

const char *accounts_agent_type(const struct event *event, const char *missing)
{
	const char *type = accounts_text(event, FIELD_AGENT_TYPE, NULL);
	uint64_t start_ns;

	if (!type && event_root(event, &start_ns, &type) && type && type[0])
		return type;
	return type && type[0] ? type : missing;
}

int accounts_apply(struct accounts *accounts, const struct event *event,
		   struct outcome *ret_outcome)
{
	const struct rule *rule = &rules[event_type(event)];
	int err = 0;

	accounts_settle(accounts);
	ret_outcome->kind = OUTCOME_TAKEN;
	if (rule->apply)
		err = rule->apply(accounts, event, ret_outcome);
	if (err || rule->alone || ret_outcome->kind == OUTCOME_REFUSED)
		return err;
	err = accounts_effects(accounts, event);
	return err ? err : accounts_audit(accounts, event, NULL);
}

int accounts_save(struct accounts *accounts, const struct account_store *store)
{
	int err = tallies_save(accounts->tallies, store);

	if (!err)
		err = approvals_save(accounts->approvals, store);
	if (!err)
		err = blocked_save(accounts->blocked, store);
	if (!err)
		err = budget_save(&accounts->budget, store);
	if (!err)
		err = tools_seen_save(&accounts->tools, store);
	if (!err)
		err = custom_metrics_save(accounts->custom, store);
	return err ? err : account_rows_save(&accounts->rows, store);
}

void accounts_commit(struct accounts *accounts)
{
	tallies_commit(accounts->tallies);
	approvals_commit(accounts->approvals);
	blocked_commit(accounts->blocked);
	budget_commit(&accounts->budget);
	tools_seen_commit(&accounts->tools);
	custom_metrics_commit(accounts->custom);
	account_rows_clear(&accounts->rows);
	if (accounts->custom_later)
		declare_custom(accounts);
}

void accounts_rollback(struct accounts *accounts)
{
	account_rows_clear(&accounts->rows);
	tallies_rollback(accounts->tallies);
	custom_metrics_rollback(accounts->custom);
	tools_seen_rollback(&accounts->tools);
	budget_rollback(&accounts->budget);
	blocked_rollback(accounts->blocked);
	approvals_rollback(accounts->approvals);
	if (accounts->custom_later)
		declare_custom(accounts);
}

/* The approvals that are due, as events. */
struct due_list {
	int64_t now_ns;
	struct event **events;
	unsigned count, max;
};

static int list_due(void *context, const struct approval *approval)
{
	const struct event_field_value value = {.field = FIELD_APPROVAL_ID, .text = approval->id};
	struct due_list *list = context;
	struct event_origin origin = {
		.way = WAY_INTERNAL,
		.uid = UINT32_MAX,
		.wall_us = approval->due_us,
		.boot_ns = (uint64_t)approval->due_ns,
	};

	if (approval->due_ns > list->now_ns || list->count == list->max)
		return 1;
	if (approval->state != APPROVAL_PENDING)
		return 0; /* decided in this batch */
	if (event_make(EVENT_APPROVAL_EXPIRED, &origin, &value, 1, &list->events[list->count]))
		return 1;
	list->count++;
	return 0;
}

unsigned accounts_due(struct accounts *accounts, const struct moment *now, struct event **events,
		      unsigned max)
{
	struct due_list list = {.now_ns = (int64_t)now->boot_ns, .events = events, .max = max};

	accounts_settle(accounts);
	approvals_walk(accounts->approvals, BY_DUE, list_due, &list);
	return list.count;
}

uint64_t accounts_next_due(const struct accounts *accounts, const struct moment *now)
{
	const struct approval *first = approvals_first(accounts->approvals, BY_DUE);

	(void)now;
	if (!first)
		return UINT64_MAX;
	return first->due_ns > 0 ? (uint64_t)first->due_ns : 0;
}
