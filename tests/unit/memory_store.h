// SPDX-License-Identifier: Apache-2.0
/* The journal as accounts see it, in memory: rows replace those with the same key; a batch is
 * copied only when it is committed. */
#ifndef TESTS_MEMORY_STORE_H
#define TESTS_MEMORY_STORE_H

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accounts.h"

#define STORE_ROWS 512

struct stored_tally {
	char family[64], labels[160];
	uint8_t value[2048];
	size_t size;
};

struct stored_approval {
	struct approval_row row;
	char texts[7][140];
};

struct stored_value {
	char name[96], value[512];
};

struct memory_store {
	unsigned tally_count, approval_count, value_count;
	unsigned costs, rollups, runs, audits;
	uint64_t cost_microdollars;
	char audit[512]; /* the last: actor action resource details */
	struct stored_value values[16];
	struct {
		char series[32];
		uint64_t count, value_ns;
	} rollup[32];
	struct run_row run; /* the sum of all */
	struct stored_tally tallies[STORE_ROWS];
	struct stored_approval approvals[STORE_ROWS];
};

static int memory_tally(void *context, const struct tally_row *row)
{
	struct memory_store *store = context;
	unsigned i;

	for (i = 0; i < store->tally_count; i++)
		if (!strcmp(store->tallies[i].family, row->family) &&
		    !strcmp(store->tallies[i].labels, row->labels))
			break;
	if (i == STORE_ROWS || row->value_size > sizeof(store->tallies[i].value))
		return -ENOSPC;
	if (i == store->tally_count)
		store->tally_count++;
	snprintf(store->tallies[i].family, sizeof(store->tallies[i].family), "%s", row->family);
	snprintf(store->tallies[i].labels, sizeof(store->tallies[i].labels), "%s", row->labels);
	memcpy(store->tallies[i].value, row->value, row->value_size);
	store->tallies[i].size = row->value_size;
	return 0;
}

static int memory_approval(void *context, const struct approval_row *row)
{
	const char *texts[7] = {row->approval_id, row->session_id, row->tool,	   row->priority,
				row->reason,	  row->actor,	   row->agent_type};
	struct memory_store *store = context;
	struct stored_approval *stored;
	unsigned i;

	for (i = 0; i < store->approval_count; i++)
		if (!strcmp(store->approvals[i].texts[0], row->approval_id))
			break;
	if (i == STORE_ROWS)
		return -ENOSPC;
	if (i == store->approval_count)
		store->approval_count++;
	stored = &store->approvals[i];
	stored->row = *row;
	for (i = 0; i < 7; i++)
		snprintf(stored->texts[i], sizeof(stored->texts[i]), "%s", texts[i]);
	return 0;
}

static int memory_value(void *context, const char *name, const char *value)
{
	struct memory_store *store = context;
	unsigned i;

	for (i = 0; i < store->value_count && strcmp(store->values[i].name, name) != 0; i++)
		;
	if (i == 16)
		return -ENOSPC;
	if (i == store->value_count)
		store->value_count++;
	snprintf(store->values[i].name, sizeof(store->values[i].name), "%s", name);
	snprintf(store->values[i].value, sizeof(store->values[i].value), "%s", value);
	return 0;
}

static int memory_cost(void *context, const struct cost_row *row)
{
	struct memory_store *store = context;

	store->costs++;
	store->cost_microdollars += row->microdollars;
	return 0;
}

static int memory_rollup(void *context, const struct rollup_row *row)
{
	struct memory_store *store = context;
	unsigned i;

	for (i = 0; store->rollup[i].series[0]; i++)
		if (!strcmp(store->rollup[i].series, row->series))
			break;
	snprintf(store->rollup[i].series, sizeof(store->rollup[i].series), "%s", row->series);
	store->rollup[i].count += row->count;
	store->rollup[i].value_ns += row->value_ns;
	store->rollups++;
	return 0;
}

static int memory_run(void *context, const struct run_row *row)
{
	struct memory_store *store = context;

	store->runs++;
	store->run.runs += row->runs;
	store->run.successes += row->successes;
	store->run.exits += row->exits;
	store->run.failed_exits += row->failed_exits;
	store->run.tokens += row->tokens;
	store->run.duration_ns += row->duration_ns;
	store->run.cpu_ns += row->cpu_ns;
	store->run.blocked_ns += row->blocked_ns;
	store->run.tool_runs += row->tool_runs;
	store->run.tool_failures += row->tool_failures;
	return 0;
}

static int memory_audit(void *context, const struct audit_row *row)
{
	struct memory_store *store = context;

	store->audits++;
	snprintf(store->audit, sizeof(store->audit), "%s %s %s %s", row->actor, row->action,
		 row->resource, row->details);
	return 0;
}

static inline struct account_store memory_functions(struct memory_store *store)
{
	return (struct account_store){store,	   memory_tally,  memory_approval, memory_value,
				      memory_cost, memory_rollup, memory_run,	   memory_audit};
}

/* Only what is used: the rows are many. */
static inline void memory_copy(struct memory_store *to, const struct memory_store *from)
{
	memcpy(to, from, offsetof(struct memory_store, tallies));
	memcpy(to->tallies, from->tallies, from->tally_count * sizeof(*from->tallies));
	memcpy(to->approvals, from->approvals, from->approval_count * sizeof(*from->approvals));
}

/* Loads everything in the order that accounts.h asks for; 0 or the first error. */
static inline int memory_load(const struct memory_store *store, struct accounts *accounts)
{
	struct approval_row approval;
	struct tally_row tally;
	unsigned i;
	int err = 0;

	for (i = 0; i < store->value_count && !err; i++)
		err = accounts_load_value(accounts, store->values[i].name, store->values[i].value);
	for (i = 0; i < store->tally_count && !err; i++) {
		tally = (struct tally_row){store->tallies[i].family, store->tallies[i].labels,
					   store->tallies[i].value, store->tallies[i].size};
		err = accounts_load_tally(accounts, &tally);
	}
	for (i = 0; i < store->approval_count && !err; i++) {
		const struct stored_approval *stored = &store->approvals[i];

		approval = stored->row;
		approval.approval_id = stored->texts[0];
		approval.session_id = stored->texts[1];
		approval.tool = stored->texts[2];
		approval.priority = stored->texts[3];
		approval.reason = stored->texts[4];
		approval.actor = stored->texts[5];
		approval.agent_type = stored->texts[6];
		err = accounts_load_approval(accounts, &approval);
	}
	return err;
}

/* The sum of a family's series whose first label is `label` (NULL: all); a histogram's count. */
static inline double model_sum(const struct model *model, enum family family, const char *label,
			       double *ret_sum)
{
	const struct series *series;
	struct sample sample;
	double value = 0;
	uint32_t i;

	for (series = model_first(model, family); series; series = model_next(model, series)) {
		model_sample(model, series, &sample);
		if (label && strcmp(sample.labels[0], label) != 0)
			continue;
		if (sample.kind == VALUE_REAL)
			value += sample.real;
		else if (sample.kind == VALUE_INTEGER)
			value += (double)sample.integer;
		for (i = 0;
		     sample.kind == VALUE_DISTRIBUTION && i <= sample.distribution.bound_count; i++)
			value += (double)sample.distribution.counts[i];
		if (ret_sum && sample.kind == VALUE_DISTRIBUTION)
			*ret_sum = (double)sample.distribution.sum;
	}
	return value;
}

#endif
