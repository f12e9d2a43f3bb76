// SPDX-License-Identifier: Apache-2.0
/* Events that do more than a row of a table says: money, tasks, breakers, health, agents, metrics. */
#include <errno.h>
#include <math.h>
#include <string.h>

#include "accounts_parts.h"
#include "pricing.h"

#define NANOSECONDS  1e9
#define MICROSECONDS 1e6

static uint64_t tokens(const struct event *event, enum event_field field)
{
	return (uint64_t)event_number(event, field, 0);
}

int accounts_tokens(struct accounts *accounts, const struct event *event,
		    struct outcome *ret_outcome)
{
	const char *model = accounts_text(event, FIELD_MODEL, "unknown");
	const char *type = accounts_agent_type(event, "unknown");
	const struct reporting_price *price = pricing_find(&accounts->settings, model);
	struct token_use use = {.input = tokens(event, FIELD_INPUT),
				.output = tokens(event, FIELD_OUTPUT),
				.cache_read = tokens(event, FIELD_CACHE_READ),
				.cache_write = tokens(event, FIELD_CACHE_WRITE)};
	uint64_t sum = use.input + use.output + use.cache_read + use.cache_write;
	struct cost_row cost = {
		.time_us = event_wall_us(event),
		.model = model,
		.agent_type = accounts_agent_type(event, ""),
		.epic = accounts_text(event, FIELD_EPIC, ""),
		.story = accounts_text(event, FIELD_STORY, ""),
		.input = use.input,
		.output = use.output,
		.cache_read = use.cache_read,
		.cache_write = use.cache_write,
		.microdollars = pricing_cost(price, &use),
		.priced = price != NULL,
	};
	struct run_row run = {
		.time_us = cost.time_us, .agent_type = type, .model = model, .tokens = sum};
	int err;

	(void)ret_outcome;
	err = tally_count(accounts->tallies, FAMILY_COST, cost.microdollars,
			  MODEL_LABELS(model, type));
	if (!err && !price)
		err = tally_count(accounts->tallies, FAMILY_UNPRICED_TOKENS, sum,
				  MODEL_LABELS(model));
	if (!err)
		err = account_rows_cost(&accounts->rows, &cost);
	if (!err)
		err = account_rows_run(&accounts->rows, &run);
	budget_spend(&accounts->budget, cost.time_us, cost.microdollars);
	return err;
}

int accounts_task(struct accounts *accounts, const struct event *event, struct outcome *ret_outcome)
{
	static const char *const good[] = {"success", "succeeded", "completed", "ok"};
	const char *outcome = accounts_text(event, FIELD_OUTCOME, "");
	struct run_row run = {
		.time_us = event_wall_us(event),
		.agent_type = accounts_agent_type(event, "unknown"),
		.model = accounts_text(event, FIELD_MODEL, ""),
		.runs = 1,
		.duration_ns = (uint64_t)round(event_number(event, FIELD_DURATION_SECONDS, 0) *
					       NANOSECONDS),
	};
	unsigned i;

	(void)ret_outcome;
	for (i = 0; i < sizeof(good) / sizeof(*good); i++)
		if (!strcmp(outcome, good[i]))
			run.successes = 1;
	return account_rows_run(&accounts->rows, &run);
}

int accounts_circuit(struct accounts *accounts, const struct event *event,
		     struct outcome *ret_outcome)
{
	static const char *const states[] = {"closed", "open", "half_open"};
	const char *service = accounts_text(event, FIELD_SERVICE, "unknown");
	const char *state = accounts_text(event, FIELD_STATE, "closed"), *old = "closed";
	double value;
	unsigned i;
	int err = 0;

	(void)ret_outcome;
	/* A breaker that nobody heard of was closed. */
	for (i = 0; i < sizeof(states) / sizeof(*states); i++)
		if (tally_get(accounts->tallies, FAMILY_CIRCUIT_STATE,
			      MODEL_LABELS(service, states[i]), &value) &&
		    value != 0)
			old = states[i];
	for (i = 0; i < sizeof(states) / sizeof(*states) && !err; i++)
		err = tally_set(accounts->tallies, FAMILY_CIRCUIT_STATE,
				strcmp(states[i], state) == 0, NULL,
				MODEL_LABELS(service, states[i]));
	if (!err && strcmp(old, state) != 0)
		err = tally_count(accounts->tallies, FAMILY_CIRCUIT_TRANSITIONS, 1,
				  MODEL_LABELS(service, state));
	return err;
}

int accounts_health(struct accounts *accounts, const struct event *event,
		    struct outcome *ret_outcome)
{
	double ttl = event_number(event, FIELD_TTL_SECONDS, 0);
	struct event_moment moment = accounts_moment(event);
	int64_t over_ns = moment.boot_ns + (int64_t)round(ttl * NANOSECONDS);
	struct tally_expiry expiry = {
		.wall_us = moment.wall_us + (int64_t)round(ttl * MICROSECONDS),
		.boot_ns = over_ns > 0 ? (uint64_t)over_ns : 0, /* 0: over before this boot */
		.boot_epoch = accounts->boot_epoch,
	};

	(void)ret_outcome;
	return tally_set(accounts->tallies, FAMILY_SERVICE_HEALTH,
			 event_number(event, FIELD_HEALTHY, 0) != 0, ttl > 0 ? &expiry : NULL,
			 MODEL_LABELS(accounts_text(event, FIELD_SERVICE, "unknown")));
}

int accounts_agent_ended(struct accounts *accounts, const struct event *event,
			 struct outcome *ret_outcome)
{
	uint64_t start_ns = (uint64_t)event_number(event, FIELD_ROOT_START, 0);
	uint32_t root =
		(uint32_t)event_number(event, FIELD_ROOT, event_number(event, FIELD_PID, 0));
	const char *type;
	struct run_row run = {
		.time_us = event_wall_us(event),
		.agent_type = accounts_agent_type(event, "unknown"),
		.model = "",
		.exits = 1,
		.failed_exits = strcmp(accounts_text(event, FIELD_REASON, ""), "success") != 0,
		.cpu_ns = (uint64_t)round(event_number(event, FIELD_CPU_SECONDS, 0) * NANOSECONDS),
	};

	(void)ret_outcome;
	if (event_root(event, &start_ns, &type))
		root = event_root(event, &start_ns, &type);
	run.blocked_ns = blocked_gone(accounts->blocked, root, start_ns,
				      (int64_t)event_origin(event)->boot_ns, &type);
	return account_rows_run(&accounts->rows, &run);
}

static uint32_t bounded(uint64_t count)
{
	return count < UINT32_MAX ? (uint32_t)count : UINT32_MAX;
}

int accounts_tools(struct accounts *accounts, const struct event *event,
		   struct outcome *ret_outcome)
{
	const char *type = accounts_text(event, FIELD_AGENT_TYPE, "unknown");
	const struct tools_source source = {
		.boot_epoch = accounts->boot_epoch,
		.map = (uint32_t)event_number(event, FIELD_SOURCE, 0),
	};
	const struct tool_sums sums = {
		.runs = (uint64_t)event_number(event, FIELD_RUNS, 0),
		.failures = (uint64_t)event_number(event, FIELD_FAILURES, 0),
	};
	const struct tool_sums new = tools_seen_advance(&accounts->tools, &source, type, &sums);
	const struct run_row run = {
		.time_us = event_wall_us(event),
		.agent_type = type,
		.model = "",
		.tool_runs = bounded(new.runs),
		.tool_failures = bounded(new.failures),
	};

	(void)ret_outcome;
	return new.runs || new.failures ? account_rows_run(&accounts->rows, &run) : 0;
}

int accounts_budget(struct accounts *accounts, const struct event *event,
		    struct outcome *ret_outcome)
{
	(void)ret_outcome;
	budget_set(&accounts->budget, (uint64_t)event_number(event, FIELD_AMOUNT, 0));
	return 0;
}

/* 0 with a refusal in the outcome, or -ENOMEM. */
static int judge(int err, struct outcome *ret_outcome)
{
	if (err != -EINVAL)
		return err;
	ret_outcome->kind = OUTCOME_REFUSED;
	return 0;
}

int accounts_metric(struct accounts *accounts, const struct event *event,
		    struct outcome *ret_outcome)
{
	return judge(custom_metrics_apply(accounts->custom, event, &ret_outcome->why), ret_outcome);
}

int accounts_declaration(struct accounts *accounts, const struct event *event,
			 struct outcome *ret_outcome)
{
	struct reporting_custom custom;
	int err = custom_metric_parse(accounts_text(event, FIELD_DETAILS, ""), &custom,
				      &ret_outcome->why);

	if (!err)
		err = custom_metrics_declare(accounts->custom, &custom, true, &ret_outcome->why);
	return judge(err, ret_outcome);
}
