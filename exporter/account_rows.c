// SPDX-License-Identifier: Apache-2.0
#include "account_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MINUTE_US    INT64_C(60000000)
#define LOOK_BACK    8 /* rows that a roll-up may join: as many as there are series */
#define ROW_TEXT_MAX 4

enum row_kind {
	ROW_COST,
	ROW_ROLLUP,
	ROW_RUN,
	ROW_AUDIT
};

struct account_row {
	struct account_row *next, *before;
	enum row_kind kind;
	union {
		struct cost_row cost;
		struct rollup_row rollup;
		struct run_row run;
		struct audit_row audit;
	};
	char texts[];
};

/* A row of this kind with copies of the texts behind it; their addresses go to ret_copies. */
static struct account_row *append(struct account_rows *rows, enum row_kind kind,
				  const char *const *texts, unsigned count, const char **ret_copies)
{
	size_t sizes[ROW_TEXT_MAX], size = 0;
	struct account_row *row;
	unsigned i;

	for (i = 0; i < count; i++) {
		sizes[i] = strlen(texts[i]) + 1;
		size += sizes[i];
	}
	row = calloc(1, sizeof(*row) + size);
	if (!row)
		return NULL;
	for (i = 0, size = 0; i < count; size += sizes[i++])
		ret_copies[i] = memcpy(row->texts + size, texts[i], sizes[i]);
	row->kind = kind;
	row->before = rows->last;
	if (rows->last)
		rows->last->next = row;
	else
		rows->first = row;
	rows->last = row;
	return row;
}

int account_rows_cost(struct account_rows *rows, const struct cost_row *row)
{
	const char *texts[] = {row->model, row->agent_type, row->epic, row->story}, *copies[4];
	struct account_row *new = append(rows, ROW_COST, texts, 4, copies);

	if (!new)
		return -ENOMEM;
	new->cost = *row;
	new->cost.model = copies[0];
	new->cost.agent_type = copies[1];
	new->cost.epic = copies[2];
	new->cost.story = copies[3];
	return 0;
}

int account_rows_rollup(struct account_rows *rows, const struct rollup_row *row)
{
	struct account_row *old = rows->last;
	const char *copies[1];
	int i;

	for (i = 0; i < LOOK_BACK && old && !row->value_ns; i++, old = old->before) {
		if (old->kind == ROW_ROLLUP && !old->rollup.value_ns &&
		    old->rollup.time_us / MINUTE_US == row->time_us / MINUTE_US &&
		    !strcmp(old->rollup.series, row->series)) {
			old->rollup.count += row->count;
			return 0;
		}
	}
	old = append(rows, ROW_ROLLUP, &row->series, 1, copies);
	if (!old)
		return -ENOMEM;
	old->rollup = *row;
	old->rollup.series = copies[0];
	return 0;
}

int account_rows_run(struct account_rows *rows, const struct run_row *row)
{
	const char *texts[] = {row->agent_type, row->model}, *copies[2];
	struct account_row *new = append(rows, ROW_RUN, texts, 2, copies);

	if (!new)
		return -ENOMEM;
	new->run = *row;
	new->run.agent_type = copies[0];
	new->run.model = copies[1];
	return 0;
}

int account_rows_audit(struct account_rows *rows, const struct audit_row *row)
{
	const char *texts[] = {row->actor, row->action, row->resource, row->details}, *copies[4];
	struct account_row *new = append(rows, ROW_AUDIT, texts, 4, copies);

	if (!new)
		return -ENOMEM;
	new->audit.time_us = row->time_us;
	new->audit.actor = copies[0];
	new->audit.action = copies[1];
	new->audit.resource = copies[2];
	new->audit.details = copies[3];
	return 0;
}

int account_rows_save(const struct account_rows *rows, const struct account_store *store)
{
	const struct account_row *row;
	int err = 0;

	for (row = rows->first; row && !err; row = row->next) {
		if (row->kind == ROW_COST)
			err = store->add_cost(store->context, &row->cost);
		else if (row->kind == ROW_ROLLUP)
			err = store->add_rollup(store->context, &row->rollup);
		else if (row->kind == ROW_RUN)
			err = store->add_run(store->context, &row->run);
		else
			err = store->add_audit(store->context, &row->audit);
	}
	return err;
}

void account_rows_clear(struct account_rows *rows)
{
	struct account_row *row, *next;

	for (row = rows->first; row; row = next) {
		next = row->next;
		free(row);
	}
	rows->first = rows->last = NULL;
}
