// SPDX-License-Identifier: Apache-2.0
#include "approval_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "approvals.h"

#define SLOTS_AT_START 256

/* The slot of this id, or the free one where it would go. */
static uint32_t slot_of(const struct approval_table *table, uint64_t hash, const char *id)
{
	uint32_t mask = table->size - 1, slot = (uint32_t)hash & mask;
	const struct approval *approval;

	for (; (approval = table->slots[slot]); slot = (slot + 1) & mask)
		if (approval->hash == hash && !strcmp(approval->id, id))
			break;
	return slot;
}

int approval_table_reserve(struct approval_table *table)
{
	uint32_t size = table->size ? table->size * 2 : SLOTS_AT_START, slot, i;
	struct approval **slots;

	if (table->count + 1 <= table->size / 2)
		return 0;
	slots = calloc(size, sizeof(struct approval *));
	if (!slots)
		return -ENOMEM;
	for (i = 0; i < table->size; i++) {
		if (!table->slots[i])
			continue;
		slot = (uint32_t)table->slots[i]->hash & (size - 1);
		while (slots[slot])
			slot = (slot + 1) & (size - 1);
		slots[slot] = table->slots[i];
	}
	free(table->slots);
	table->slots = slots;
	table->size = size;
	return 0;
}

void approval_table_release(struct approval_table *table)
{
	free(table->slots);
	memset(table, 0, sizeof(*table));
}

struct approval *approval_table_find(const struct approval_table *table, uint64_t hash,
				     const char *id)
{
	return table->size ? table->slots[slot_of(table, hash, id)] : NULL;
}

void approval_table_add(struct approval_table *table, struct approval *approval)
{
	table->slots[slot_of(table, approval->hash, approval->id)] = approval;
	table->count++;
}

void approval_table_remove(struct approval_table *table, const struct approval *approval)
{
	uint32_t mask = table->size - 1, home;
	uint32_t slot = slot_of(table, approval->hash, approval->id), next;

	/* What had to go past the freed slot moves up. */
	for (next = (slot + 1) & mask; table->slots[next]; next = (next + 1) & mask) {
		home = (uint32_t)table->slots[next]->hash & mask;
		if (((next - home) & mask) >= ((next - slot) & mask)) {
			table->slots[slot] = table->slots[next];
			slot = next;
		}
	}
	table->slots[slot] = NULL;
	table->count--;
}

struct approval *approval_table_next(const struct approval_table *table, uint32_t *at)
{
	while (*at < table->size)
		if (table->slots[(*at)++])
			return table->slots[*at - 1];
	return NULL;
}
