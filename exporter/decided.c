// SPDX-License-Identifier: Apache-2.0
#include "decided.h"

#include <errno.h>
#include <stdlib.h>

#define ENTRIES_AT_START 256
#define STATE_BITS	 UINT64_C(7)

/* An entry is a hash with state + 1 in its lowest bits; 0 is free. */
struct decided {
	uint64_t *ring;	 /* oldest at `first` once it is full */
	uint64_t *table; /* open addressing, at most half full */
	uint32_t max, capacity, used, first, table_size;
};

int decided_create(uint32_t max, struct decided **ret_decided)
{
	struct decided *decided = calloc(1, sizeof(*decided));

	if (!decided)
		return -ENOMEM;
	decided->max = max;
	*ret_decided = decided;
	return 0;
}

void decided_free(struct decided *decided)
{
	if (!decided)
		return;
	free(decided->table);
	free(decided->ring);
	free(decided);
}

/* The entry's slot, or the free one where it would go. Its place comes from the hash's upper half. */
static uint32_t slot_of(const struct decided *decided, uint64_t hash)
{
	uint32_t mask = decided->table_size - 1, slot = (uint32_t)(hash >> 32) & mask;

	while (decided->table[slot] && (decided->table[slot] ^ hash) & ~STATE_BITS)
		slot = (slot + 1) & mask;
	return slot;
}

static int grow(struct decided *decided)
{
	uint32_t capacity = decided->capacity ? decided->capacity * 2 : ENTRIES_AT_START, size, i;
	uint64_t *ring, *table;

	if (decided->used < decided->capacity || decided->capacity == decided->max)
		return 0;
	if (capacity > decided->max)
		capacity = decided->max;
	for (size = 2; size < 2 * capacity;)
		size *= 2;
	ring = realloc(decided->ring, capacity * sizeof(*ring));
	if (!ring)
		return -ENOMEM;
	decided->ring = ring;
	table = calloc(size, sizeof(*table));
	if (!table)
		return -ENOMEM;
	free(decided->table);
	decided->table = table;
	decided->table_size = size;
	decided->capacity = capacity;
	for (i = 0; i < decided->used; i++)
		table[slot_of(decided, ring[i])] = ring[i];
	return 0;
}

/* Frees the slot and moves up what had to go past it. */
static void remove_slot(struct decided *decided, uint32_t slot)
{
	uint32_t mask = decided->table_size - 1, next = slot, home;

	for (;;) {
		next = (next + 1) & mask;
		if (!decided->table[next])
			break;
		home = (uint32_t)(decided->table[next] >> 32) & mask;
		if (((next - home) & mask) >= ((next - slot) & mask)) {
			decided->table[slot] = decided->table[next];
			slot = next;
		}
	}
	decided->table[slot] = 0;
}

void decided_add(struct decided *decided, uint64_t hash, unsigned state)
{
	uint64_t entry = (hash & ~STATE_BITS) | (state + 1);
	uint32_t slot;

	if (decided->max == 0 || grow(decided))
		return;
	slot = slot_of(decided, hash);
	if (decided->table[slot])
		return;
	if (decided->used == decided->max) {
		remove_slot(decided, slot_of(decided, decided->ring[decided->first]));
		decided->ring[decided->first] = entry;
		decided->first = (decided->first + 1) % decided->max;
		slot = slot_of(decided, hash);
	} else {
		decided->ring[decided->used++] = entry;
	}
	decided->table[slot] = entry;
}

int decided_find(const struct decided *decided, uint64_t hash)
{
	uint64_t entry;

	if (decided->used == 0)
		return -1;
	entry = decided->table[slot_of(decided, hash)];
	return entry ? (int)(entry & STATE_BITS) - 1 : -1;
}
