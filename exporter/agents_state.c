// SPDX-License-Identifier: Apache-2.0
#include "agents_state.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Less than one part in so many of a CPU is housekeeping: timers, garbage collection. */
#define ACTIVE_FRACTION 1000

#define SLOTS_MIN 64

static struct agent_tree *find_slot(const struct agent_trees *trees, uint32_t root,
				    uint64_t start_ns)
{
	uint64_t hash = (root ^ start_ns) * UINT64_C(0x9e3779b97f4a7c15);
	size_t i = (size_t)(hash >> 32) & (trees->capacity - 1);
	struct agent_tree *slot;

	for (;; i = (i + 1) & (trees->capacity - 1)) {
		slot = &trees->slots[i];
		if (slot->root == 0 || (slot->root == root && slot->root_start_ns == start_ns))
			return slot;
	}
}

/* Room for `count` trees, all forgotten. */
static int trees_reset(struct agent_trees *trees, size_t count)
{
	size_t capacity = trees->capacity ? trees->capacity : SLOTS_MIN;
	struct agent_tree *slots;

	while (capacity < 2 * count)
		capacity *= 2;
	if (capacity != trees->capacity) {
		slots = malloc(capacity * sizeof(*slots));
		if (!slots)
			return -ENOMEM;
		free(trees->slots);
		trees->slots = slots;
		trees->capacity = capacity;
	}
	memset(trees->slots, 0, capacity * sizeof(*trees->slots));
	return 0;
}

static void add_member(struct agents_state *state, const struct member *member)
{
	struct agents_of_type *type = &state->types[member->type];
	struct agent_tree *tree = find_slot(&state->now, member->root, member->root_start_ns);

	tree->root = member->root;
	tree->root_start_ns = member->root_start_ns;
	tree->cpu_ns += member->cpu_ns;
	type->threads += member->threads;
	type->open_fds += member->open_fds;
	type->resident_bytes += member->resident_bytes;
	type->processes++;
}

/* When this tree was last seen to work. A member that left takes its CPU with it: that is work. */
static uint64_t active_since(const struct agents_state *state, const struct agent_tree *tree,
			     uint64_t now_ns)
{
	const struct agent_tree *before = NULL;
	uint64_t used;

	if (state->before.capacity)
		before = find_slot(&state->before, tree->root, tree->root_start_ns);
	if (!before || before->root == 0)
		return now_ns;
	used = tree->cpu_ns - before->cpu_ns;
	if (used > (now_ns - state->time_ns) / ACTIVE_FRACTION)
		return now_ns;
	return before->active_ns;
}

static enum agent_state judge(struct agents_state *state, const struct member *member,
			      uint64_t now_ns, uint64_t idle_after_ns)
{
	struct agent_tree *tree = find_slot(&state->now, member->root, member->root_start_ns);

	tree->active_ns = active_since(state, tree, now_ns);
	if (member->zombie)
		return AGENT_ZOMBIE;
	if (member->flags & PROCESS_ORPHAN)
		return AGENT_ORPHANED;
	if (tree->waits)
		return AGENT_WAITING;
	return now_ns - tree->active_ns >= idle_after_ns ? AGENT_IDLE : AGENT_RUNNING;
}

static bool is_valid(const struct member *member)
{
	return member->type > 0 && member->type < MAX_AGENT_TYPES && member->root != 0;
}

/* A root that ended, or whose number is another's by now, is in no tree: it does not wait. */
static void mark_waiting(struct agents_state *state, const struct agents_waiting *waiting)
{
	struct agent_tree *tree;
	unsigned i;

	for (i = 0; i < waiting->count; i++) {
		tree = find_slot(&state->now, waiting->roots[i].root,
				 waiting->roots[i].root_start_ns);
		if (tree->root)
			tree->waits = true;
	}
}

int agents_state_update(struct agents_state *state, const struct member *members, size_t count,
			const struct agents_waiting *waiting, uint64_t now_ns,
			uint64_t idle_after_ns)
{
	struct agent_trees swap = state->before;
	size_t i;

	memset(state->types, 0, sizeof(state->types));
	state->before = state->now;
	state->now = swap;
	if (trees_reset(&state->now, count)) {
		state->now = state->before;
		state->before = swap;
		return -ENOMEM;
	}
	for (i = 0; i < count; i++)
		if (is_valid(&members[i]))
			add_member(state, &members[i]);
	mark_waiting(state, waiting);
	for (i = 0; i < count; i++)
		if (is_valid(&members[i]) && members[i].flags & PROCESS_AGENT)
			state->types[members[i].type]
				.agents[judge(state, &members[i], now_ns, idle_after_ns)]++;
	state->time_ns = now_ns;
	return 0;
}

void agents_state_release(struct agents_state *state)
{
	free(state->before.slots);
	free(state->now.slots);
	memset(state, 0, sizeof(*state));
}
