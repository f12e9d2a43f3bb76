// SPDX-License-Identifier: Apache-2.0
/* What living agents do, judged from one pass of the task iterator and the passes before it. Pure.
 *
 *	agents_state_update(state, members, count, &waiting, now_ns, idle_after_ns);
 *	state->types[id].agents[AGENT_IDLE] …
 *
 * An agent is in exactly one state, the first that fits of: zombie, orphaned, waiting, idle, running.
 * It is idle when its tree used less than a thousandth of a CPU from each pass to the next for
 * idle_after_ns; one that was not seen before counts as active now.
 */
#ifndef EXPORTER_AGENTS_STATE_H
#define EXPORTER_AGENTS_STATE_H

#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#include "accounts.h"
#include "process.h"

enum agent_state {
	AGENT_RUNNING,
	AGENT_WAITING, /* for a human's decision: known from application events */
	AGENT_IDLE,
	AGENT_ZOMBIE,
	AGENT_ORPHANED,
	AGENT_STATES
};

/* Sums over the living trees of one type. */
struct agents_of_type {
	uint64_t agents[AGENT_STATES];
	uint64_t processes, threads, open_fds, resident_bytes;
};

/* A tree: its root's identity, what it used so far, and when that last grew. */
struct agent_tree {
	uint64_t root_start_ns, cpu_ns, active_ns;
	uint32_t root;
	bool waits;
};

/* The roots that wait for a human's decision; any order. */
struct agents_waiting {
	const struct waiting_root *roots;
	unsigned count;
};

struct agent_trees {
	struct agent_tree *slots; /* open addressing; a root of 0 is a free slot */
	size_t capacity;	  /* a power of two, at least twice the trees; 0 at first */
};

struct agents_state {
	struct agents_of_type types[MAX_AGENT_TYPES];
	struct agent_trees now, before;
	uint64_t time_ns; /* of the last update */
};

/* All zero is an empty state. */
void agents_state_release(struct agents_state *state);

/* 0 or -ENOMEM (*state is then as after an empty pass, what is remembered stays). */
int agents_state_update(struct agents_state *state, const struct member *members, size_t count,
			const struct agents_waiting *waiting, uint64_t now_ns,
			uint64_t idle_after_ns);

#endif
