// SPDX-License-Identifier: Apache-2.0
#include "journal_rows.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES 65536
#define ALIGNMENT   _Alignof(max_align_t)

struct chunk {
	struct chunk *next;
	size_t used, size;
	max_align_t bytes[];
};

enum kind {
	KIND_TALLY,
	KIND_APPROVAL,
	KIND_VALUE,
	KIND_COST,
	KIND_ROLLUP,
	KIND_RUN,
	KIND_AUDIT,
	KINDS
};

struct value_row {
	const char *name, *value;
};

struct kept_row {
	struct kept_row *next;
	enum kind kind;
	union {
		struct tally_row tally;
		struct approval_row approval;
		struct value_row value;
		struct cost_row cost;
		struct rollup_row rollup;
		struct run_row run;
		struct audit_row audit;
	} of;
};

struct journal_rows {
	struct chunk *chunks; /* the one in use first */
	struct kept_row *first, **end;
};

#define TEXTS_MAX 7

/* Size of each kind's row, and where its texts are. */
static const struct {
	size_t size;
	unsigned text_count;
	size_t texts[TEXTS_MAX];
} shapes[KINDS] = {
	[KIND_TALLY] = {sizeof(struct tally_row),
			2,
			{offsetof(struct tally_row, family), offsetof(struct tally_row, labels)}},
	[KIND_APPROVAL] =
		{sizeof(struct approval_row),
		 7,
		 {offsetof(struct approval_row, approval_id),
		  offsetof(struct approval_row, session_id), offsetof(struct approval_row, tool),
		  offsetof(struct approval_row, priority), offsetof(struct approval_row, reason),
		  offsetof(struct approval_row, actor), offsetof(struct approval_row, agent_type)}},
	[KIND_VALUE] = {sizeof(struct value_row),
			2,
			{offsetof(struct value_row, name), offsetof(struct value_row, value)}},
	[KIND_COST] = {sizeof(struct cost_row),
		       4,
		       {offsetof(struct cost_row, model), offsetof(struct cost_row, agent_type),
			offsetof(struct cost_row, epic), offsetof(struct cost_row, story)}},
	[KIND_ROLLUP] = {sizeof(struct rollup_row), 1, {offsetof(struct rollup_row, series)}},
	[KIND_RUN] = {sizeof(struct run_row),
		      2,
		      {offsetof(struct run_row, agent_type), offsetof(struct run_row, model)}},
	[KIND_AUDIT] = {sizeof(struct audit_row),
			4,
			{offsetof(struct audit_row, actor), offsetof(struct audit_row, action),
			 offsetof(struct audit_row, resource),
			 offsetof(struct audit_row, details)}},
};

static void *take(struct journal_rows *rows, size_t size)
{
	struct chunk *chunk = rows->chunks;
	void *bytes;

	size = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	if (!chunk || chunk->size - chunk->used < size) {
		size_t room = size > CHUNK_BYTES ? size : CHUNK_BYTES;

		chunk = malloc(sizeof(*chunk) + room);
		if (!chunk)
			return NULL;
		*chunk = (struct chunk){rows->chunks, 0, room};
		rows->chunks = chunk;
	}
	bytes = (char *)chunk->bytes + chunk->used;
	chunk->used += size;
	return bytes;
}

static void *copy(struct journal_rows *rows, const void *bytes, size_t size)
{
	void *to = take(rows, size);

	if (to && size)
		memcpy(to, bytes, size);
	return to;
}

/* Copies a text that a row points to, in place. */
static int own_text(struct journal_rows *rows, void *row, size_t offset)
{
	const char *text;

	memcpy(&text, (char *)row + offset, sizeof(text));
	if (!text)
		return 0;
	text = copy(rows, text, strlen(text) + 1);
	memcpy((char *)row + offset, &text, sizeof(text));
	return text ? 0 : -ENOMEM;
}

static int keep(struct journal_rows *rows, enum kind kind, const void *row)
{
	struct kept_row *kept = take(rows, sizeof(*kept));
	unsigned i;
	int err = 0;

	if (!kept)
		return -ENOMEM;
	kept->next = NULL;
	kept->kind = kind;
	memcpy(&kept->of, row, shapes[kind].size);
	for (i = 0; i < shapes[kind].text_count && !err; i++)
		err = own_text(rows, &kept->of, shapes[kind].texts[i]);
	if (!err && kind == KIND_TALLY) {
		kept->of.tally.value = copy(rows, kept->of.tally.value, kept->of.tally.value_size);
		err = kept->of.tally.value ? 0 : -ENOMEM;
	}
	if (err)
		return err;
	*rows->end = kept;
	rows->end = &kept->next;
	return 0;
}

#define KEEP(name, type, kind)                                 \
	static int name(void *context, const struct type *row) \
	{                                                      \
		return keep(context, kind, row);               \
	}

KEEP(keep_tally, tally_row, KIND_TALLY)
KEEP(keep_approval, approval_row, KIND_APPROVAL)
KEEP(keep_cost, cost_row, KIND_COST)
KEEP(keep_rollup, rollup_row, KIND_ROLLUP)
KEEP(keep_run, run_row, KIND_RUN)
KEEP(keep_audit, audit_row, KIND_AUDIT)

static int keep_value(void *context, const char *name, const char *value)
{
	const struct value_row row = {name, value};

	return keep(context, KIND_VALUE, &row);
}

static int play_one(const struct kept_row *row, const struct account_store *store)
{
	switch (row->kind) {
	case KIND_TALLY:
		return store->put_tally(store->context, &row->of.tally);
	case KIND_APPROVAL:
		return store->put_approval(store->context, &row->of.approval);
	case KIND_VALUE:
		return store->put_value(store->context, row->of.value.name, row->of.value.value);
	case KIND_COST:
		return store->add_cost(store->context, &row->of.cost);
	case KIND_ROLLUP:
		return store->add_rollup(store->context, &row->of.rollup);
	case KIND_RUN:
		return store->add_run(store->context, &row->of.run);
	case KIND_AUDIT:
		return store->add_audit(store->context, &row->of.audit);
	case KINDS:
		break;
	}
	return -EINVAL;
}

int journal_rows_play(const struct journal_rows *rows, const struct account_store *store)
{
	const struct kept_row *row;
	int err = 0;

	for (row = rows->first; row && !err; row = row->next)
		err = play_one(row, store);
	return err;
}

struct account_store journal_rows_store(struct journal_rows *rows)
{
	return (struct account_store){
		.context = rows,
		.put_tally = keep_tally,
		.put_approval = keep_approval,
		.put_value = keep_value,
		.add_cost = keep_cost,
		.add_rollup = keep_rollup,
		.add_run = keep_run,
		.add_audit = keep_audit,
	};
}

/* The oldest chunk stays, unless a single large row made it. */
void journal_rows_clear(struct journal_rows *rows)
{
	struct chunk *chunk;

	while ((chunk = rows->chunks) && (chunk->next || chunk->size > CHUNK_BYTES)) {
		rows->chunks = chunk->next;
		free(chunk);
	}
	if (rows->chunks)
		rows->chunks->used = 0;
	rows->first = NULL;
	rows->end = &rows->first;
}

int journal_rows_create(struct journal_rows **ret_rows)
{
	struct journal_rows *rows = calloc(1, sizeof(*rows));

	if (!rows)
		return -ENOMEM;
	rows->end = &rows->first;
	*ret_rows = rows;
	return 0;
}

void journal_rows_free(struct journal_rows *rows)
{
	struct chunk *chunk;

	if (!rows)
		return;
	while ((chunk = rows->chunks)) {
		rows->chunks = chunk->next;
		free(chunk);
	}
	free(rows);
}
