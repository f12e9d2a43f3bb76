// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel half counted of the agents' tools, for the reports: now and then the sums of each
 * agent type, as EVENT_TOOLS_ENDED (tools_seen.h says why sums). Runs that ended while nothing of
 * Operaglass ran are dated when they are seen. For the event loop's thread.
 */
#ifndef EXPORTER_TOOLS_COUNTER_H
#define EXPORTER_TOOLS_COUNTER_H

#include <stdint.h>

#include "accounts.h"
#include "event.h"
#include "handover_registry.h"
#include "process.h"
#include "tools_seen.h"

#define TOOLS_COUNTER_SECONDS 60

/* Start with zeroes, submit and context. */
struct tools_counter {
	int tools, others, types; /* the registry's maps; -1: not there */
	uint32_t map, said_map;	  /* id of the map `tools`, now and of what was said */
	unsigned seconds;	  /* since it last counted */
	struct tool_sums said[MAX_AGENT_TYPES];
	/* Takes the event over; not 0: it was not taken, and is said again. */
	int (*submit)(void *context, struct event *event);
	void *context;
};

/* Of a generation of the registry; again after each. Without its maps nothing is counted. */
void tools_counter_bind(struct tools_counter *counter, const struct handover *handover);

/* Once a second; counts when TOOLS_COUNTER_SECONDS have passed since it last did. */
void tools_counter_tick(struct tools_counter *counter);
/* At once: when maps were bound, and before the end. */
void tools_counter_run(struct tools_counter *counter);

/* Adds what ended of one tool. Pure. */
void tools_counter_add(struct tool_sums *sums, const struct tool *tool);
/* Says the sums of a type that differ from those it said last. */
void tools_counter_say(struct tools_counter *counter, const struct moment *now, unsigned type,
		       const char *agent_type, const struct tool_sums *sums);

#endif
