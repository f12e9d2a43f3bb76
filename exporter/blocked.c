// SPDX-License-Identifier: Apache-2.0
#include "blocked.h"

#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define ROOTS_MAX     1024 /* half as many again as the bench's agents that wait */
#define TYPES_MAX     64   /* as many as MAX_AGENT_TYPES; the last is `other` */
#define VALUE_VERSION 1
#define VALUE_HEAD    5 /* words: version, epoch, offset, types, roots */
#define VALUE_TYPE    5 /* words: the name, the sum */
#define VALUE_ROOT    4 /* words: root, its start, from, type */

struct blocked_root {
	uint64_t start_ns;
	int64_t from_ns; /* everything before it is in the sum */
	int64_t due_ns;	 /* the latest of those that wait */
	uint32_t root;
	uint32_t waiting;
	unsigned type;
};

struct blocked_type {
	char name[32];
	uint64_t sum_ns;
};

struct blocked_state {
	unsigned type_count, root_count;
	struct blocked_type types[TYPES_MAX];
	struct blocked_root roots[ROOTS_MAX];
};

struct blocked {
	struct blocked_state tentative, committed;
	uint64_t boot_epoch, lost;
	int64_t offset_us;
	int64_t shown_ns; /* the live part was shown up to here */
	bool changed;	  /* in this batch */
	bool unsaved;	  /* settled since it was loaded */
	bool loaded, other_boot;
};

int blocked_create(struct blocked **ret_blocked)
{
	struct blocked *blocked = calloc(1, sizeof(*blocked));

	if (!blocked)
		return -ENOMEM;
	blocked->shown_ns = INT64_MIN;
	*ret_blocked = blocked;
	return 0;
}

void blocked_free(struct blocked *blocked)
{
	free(blocked);
}

void blocked_set_boot(struct blocked *blocked, uint64_t boot_epoch, int64_t offset_us)
{
	blocked->boot_epoch = boot_epoch;
	blocked->offset_us = offset_us;
}

static void copy_state(struct blocked_state *to, const struct blocked_state *from)
{
	to->type_count = from->type_count;
	to->root_count = from->root_count;
	memcpy(to->types, from->types, from->type_count * sizeof(*from->types));
	memcpy(to->roots, from->roots, from->root_count * sizeof(*from->roots));
}

static struct blocked_root *find(struct blocked_state *state, uint32_t root, uint64_t start_ns)
{
	unsigned i;

	for (i = 0; i < state->root_count; i++)
		if (state->roots[i].root == root && state->roots[i].start_ns == start_ns)
			return &state->roots[i];
	return NULL;
}

static unsigned type_of(struct blocked_state *state, const char *name)
{
	struct blocked_type *type;
	unsigned i;

	for (i = 0; i < state->type_count; i++)
		if (!strncmp(state->types[i].name, name, sizeof(state->types[i].name) - 1))
			return i;
	if (i == TYPES_MAX)
		return TYPES_MAX - 1;
	type = &state->types[state->type_count++];
	memset(type, 0, sizeof(*type));
	name = i == TYPES_MAX - 1 ? "other" : name;
	memcpy(type->name, name, strnlen(name, sizeof(type->name) - 1));
	return i;
}

/* Room for a root: a free one, or that of one which does not wait now. */
static struct blocked_root *make_room(struct blocked_state *state)
{
	unsigned i;

	if (state->root_count < ROOTS_MAX)
		return &state->roots[state->root_count++];
	for (i = 0; i < ROOTS_MAX; i++)
		if (state->roots[i].waiting == 0)
			return &state->roots[i];
	return NULL;
}

void blocked_begin(struct blocked *blocked, uint32_t root, uint64_t root_start_ns, const char *type,
		   int64_t requested_ns, int64_t due_ns)
{
	struct blocked_state *state = &blocked->tentative;
	struct blocked_root *entry = find(state, root, root_start_ns);

	blocked->changed = true;
	if (!entry) {
		entry = make_room(state);
		if (!entry) {
			blocked->lost++;
			return;
		}
		*entry = (struct blocked_root){.root = root,
					       .start_ns = root_start_ns,
					       .from_ns = requested_ns,
					       .type = type_of(state, type)};
	}
	if (entry->waiting == 0) {
		entry->due_ns = due_ns;
		if (entry->from_ns < requested_ns)
			entry->from_ns = requested_ns;
	}
	if (entry->due_ns < due_ns)
		entry->due_ns = due_ns;
	entry->waiting++;
}

/* Moves what passed until `end_ns`, or what was shown already, into the sum. */
static uint64_t fold(struct blocked *blocked, struct blocked_root *entry, int64_t end_ns)
{
	struct blocked_type *type = &blocked->tentative.types[entry->type];
	int64_t shown_ns = blocked->shown_ns < entry->due_ns ? blocked->shown_ns : entry->due_ns;
	uint64_t passed;

	if (end_ns < shown_ns)
		end_ns = shown_ns;
	if (end_ns <= entry->from_ns)
		return 0;
	passed = (uint64_t)(end_ns - entry->from_ns);
	type->sum_ns += passed;
	entry->from_ns = end_ns;
	return passed;
}

uint64_t blocked_end(struct blocked *blocked, uint32_t root, uint64_t root_start_ns, int64_t end_ns,
		     const char **ret_type)
{
	struct blocked_root *entry = find(&blocked->tentative, root, root_start_ns);
	uint64_t passed;

	if (!entry || entry->waiting == 0)
		return 0;
	blocked->changed = true;
	passed = fold(blocked, entry, end_ns);
	entry->waiting--;
	*ret_type = blocked->tentative.types[entry->type].name;
	return passed;
}

uint64_t blocked_gone(struct blocked *blocked, uint32_t root, uint64_t root_start_ns,
		      int64_t end_ns, const char **ret_type)
{
	struct blocked_root *entry = find(&blocked->tentative, root, root_start_ns);
	uint64_t passed = 0;

	if (!entry)
		return 0;
	blocked->changed = true;
	if (entry->waiting)
		passed = fold(blocked, entry, end_ns);
	*ret_type = blocked->tentative.types[entry->type].name;
	*entry = blocked->tentative.roots[--blocked->tentative.root_count];
	return passed;
}

int blocked_save(const struct blocked *blocked, const struct account_store *store)
{
	const struct blocked_state *state = &blocked->tentative;
	uint64_t words[VALUE_HEAD + TYPES_MAX * VALUE_TYPE + ROOTS_MAX * VALUE_ROOT], *at = words;
	struct tally_row row = {
		.family = families[FAMILY_AGENT_BLOCKED].name, .labels = "", .value = words};
	const struct blocked_root *root;
	unsigned i;

	if (!blocked->changed && !blocked->unsaved)
		return 0;
	*at++ = VALUE_VERSION;
	*at++ = blocked->boot_epoch;
	*at++ = (uint64_t)blocked->offset_us;
	*at++ = state->type_count;
	*at++ = state->root_count;
	for (i = 0; i < state->type_count; i++, at += VALUE_TYPE) {
		memcpy(at, state->types[i].name, sizeof(state->types[i].name));
		at[VALUE_TYPE - 1] = htole64(state->types[i].sum_ns);
	}
	for (i = 0; i < VALUE_HEAD; i++)
		words[i] = htole64(words[i]);
	for (i = 0; i < state->root_count; i++) {
		root = &state->roots[i];
		*at++ = htole64(root->root);
		*at++ = htole64(root->start_ns);
		*at++ = htole64((uint64_t)root->from_ns);
		*at++ = htole64(root->type);
	}
	row.value_size = (size_t)(at - words) * sizeof(*words);
	return store->put_tally(store->context, &row);
}

void blocked_commit(struct blocked *blocked)
{
	if (blocked->changed)
		copy_state(&blocked->committed, &blocked->tentative);
	blocked->changed = blocked->unsaved = false;
}

void blocked_rollback(struct blocked *blocked)
{
	if (blocked->changed)
		copy_state(&blocked->tentative, &blocked->committed);
	blocked->changed = false;
}

static uint64_t word_at(const void *value, size_t index)
{
	uint64_t word;

	memcpy(&word, (const uint8_t *)value + index * sizeof(word), sizeof(word));
	return le64toh(word);
}

static int decode(struct blocked *blocked, const struct tally_row *row, int64_t shift_ns)
{
	struct blocked_state *state = &blocked->tentative;
	size_t types = word_at(row->value, 3), roots = word_at(row->value, 4), at = VALUE_HEAD;
	struct blocked_root *root;

	if (word_at(row->value, 0) != VALUE_VERSION || types > TYPES_MAX || roots > ROOTS_MAX ||
	    row->value_size != (VALUE_HEAD + types * VALUE_TYPE + roots * VALUE_ROOT) * 8)
		return -EINVAL;
	for (state->type_count = 0; state->type_count < types; state->type_count++) {
		struct blocked_type *type = &state->types[state->type_count];

		memcpy(type->name, (const uint8_t *)row->value + at * 8, sizeof(type->name));
		type->name[sizeof(type->name) - 1] = '\0';
		type->sum_ns = word_at(row->value, at + VALUE_TYPE - 1);
		at += VALUE_TYPE;
	}
	for (state->root_count = 0; state->root_count < roots; at += VALUE_ROOT) {
		root = &state->roots[state->root_count];
		*root = (struct blocked_root){
			.root = (uint32_t)word_at(row->value, at),
			.start_ns = word_at(row->value, at + 1),
			.from_ns = (int64_t)word_at(row->value, at + 2) + shift_ns,
			.due_ns = INT64_MIN,
			.type = (unsigned)word_at(row->value, at + 3),
		};
		if (root->type < types)
			state->root_count++;
		else
			roots--;
	}
	return 0;
}

int blocked_load(struct blocked *blocked, const struct tally_row *row)
{
	int64_t shift_ns = 0;
	int err;

	if (strcmp(row->family, families[FAMILY_AGENT_BLOCKED].name) != 0)
		return -ENOENT;
	if (row->value_size < VALUE_HEAD * sizeof(uint64_t))
		return -EINVAL;
	blocked->other_boot = word_at(row->value, 1) != blocked->boot_epoch;
	if (blocked->other_boot)
		shift_ns = ((int64_t)word_at(row->value, 2) - blocked->offset_us) * 1000;
	err = decode(blocked, row, shift_ns);
	if (err) {
		blocked->tentative.type_count = blocked->tentative.root_count = 0;
		return err;
	}
	blocked->loaded = true;
	copy_state(&blocked->committed, &blocked->tentative);
	return 0;
}

void blocked_resume(struct blocked *blocked, uint32_t root, uint64_t root_start_ns, int64_t due_ns)
{
	struct blocked_root *entry = find(&blocked->tentative, root, root_start_ns);

	if (!entry)
		return;
	entry->waiting++;
	if (entry->due_ns < due_ns)
		entry->due_ns = due_ns;
}

void blocked_settle(struct blocked *blocked)
{
	struct blocked_state *state = &blocked->tentative;
	unsigned i;

	if (!blocked->loaded)
		return;
	if (blocked->other_boot) {
		for (i = 0; i < state->root_count; i++)
			if (state->roots[i].waiting)
				fold(blocked, &state->roots[i],
				     state->roots[i].due_ns < 0 ? state->roots[i].due_ns : 0);
		state->root_count = 0;
		blocked->unsaved = true;
	}
	copy_state(&blocked->committed, state);
}

/* Per type, what has passed until `now_ns`. */
static void sum_up(const struct blocked_state *state, int64_t now_ns, uint64_t ret_sums[TYPES_MAX])
{
	const struct blocked_root *root;
	int64_t end_ns;
	unsigned i;

	for (i = 0; i < state->type_count; i++)
		ret_sums[i] = state->types[i].sum_ns;
	for (i = 0; i < state->root_count; i++) {
		root = &state->roots[i];
		end_ns = now_ns < root->due_ns ? now_ns : root->due_ns;
		if (root->waiting && end_ns > root->from_ns)
			ret_sums[root->type] += (uint64_t)(end_ns - root->from_ns);
	}
}

/*
 * While a batch is on its way to the disk, an agent whose wait it ends still waits in the committed
 * state, and would be shown to have waited longer than it will have: a counter that falls. The
 * lesser of both states is right whatever becomes of the batch.
 */
void blocked_add(struct blocked *blocked, int64_t now_ns, struct model *model)
{
	const struct blocked_state *state = &blocked->committed;
	uint64_t sums[TYPES_MAX], to_be[TYPES_MAX];
	unsigned i;

	sum_up(state, now_ns, sums);
	if (blocked->changed)
		sum_up(&blocked->tentative, now_ns, to_be);
	for (i = 0; i < state->type_count; i++)
		model_add(model, FAMILY_AGENT_BLOCKED,
			  blocked->changed && to_be[i] < sums[i] ? to_be[i] : sums[i],
			  state->types[i].name);
	blocked->shown_ns = now_ns;
}

unsigned blocked_waiting(const struct blocked *blocked, struct waiting_root *roots, unsigned max)
{
	const struct blocked_state *state = &blocked->committed;
	unsigned i, count = 0;

	for (i = 0; i < state->root_count && count < max; i++) {
		if (!state->roots[i].waiting)
			continue;
		roots[count].root = state->roots[i].root;
		roots[count].root_start_ns = state->roots[i].start_ns;
		memcpy(roots[count++].agent_type, state->types[state->roots[i].type].name,
		       sizeof(roots->agent_type));
	}
	return count;
}

uint64_t blocked_lost(const struct blocked *blocked)
{
	return blocked->lost;
}
