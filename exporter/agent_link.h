// SPDX-License-Identifier: Apache-2.0
/*
 * What the application says, joined with what the kernel saw.
 *
 *  - An event's process belongs to an agent: its root is attached, so that this agent waits, works
 *    or costs.
 *  - The next Telegram message that the same agent's tree sends after it asked for an approval
 *    carried the question: its latency and outcome are said as EVENT_APPROVAL_DELIVERED. Only
 *    decoded calls have an endpoint; an opaque one is linked to nothing.
 *  - Agents that begin and end are said as EVENT_AGENT_STARTED and EVENT_AGENT_ENDED.
 *
 * Bounded: AGENT_LINK_AWAITING requests await their message, for AGENT_LINK_PATIENCE_NS; what is
 * dropped is counted. For the event loop's thread.
 */
#ifndef EXPORTER_AGENT_LINK_H
#define EXPORTER_AGENT_LINK_H

#include <stdbool.h>
#include <stdint.h>

#include "accounts.h"
#include "event.h"
#include "fact.h"
#include "facts_log.h"
#include "handover_registry.h"
#include "model.h"
#include "process.h"

#define AGENT_LINK_AWAITING    1024
#define AGENT_LINK_PATIENCE_NS (UINT64_C(300) * 1000000000)
/* An event is dated when it is read: the message may have begun a moment before that. */
#define AGENT_LINK_SLACK_NS (UINT64_C(250) * 1000000)

struct agent_link;

/* Where rows come from; the maps of the kernel half, or a test's tables. */
struct agent_link_source {
	void *context;
	/* 0 or -errno */
	int (*process)(void *context, uint32_t tgid, struct process *ret_process);
	int (*type)(void *context, uint32_t id, struct agent_type *ret_type);
	bool (*is_telegram)(void *context, uint16_t upstream);
	void (*now)(void *context, struct moment *ret_now);
	/* Takes the event over. */
	void (*submit)(void *context, struct event *event);
	/* Tells the listener all that the kernel half has said by now. */
	void (*catch_up)(void *context);
};

struct agent_link_counts {
	uint64_t linked;  /* messages found */
	uint64_t expired; /* requests whose message was not seen in time */
	uint64_t dropped; /* requests that found the table full: the oldest went */
};

/* The source is copied; its context must outlive the link. 0 or -ENOMEM. */
int agent_link_create(const struct agent_link_source *source, struct agent_link **ret_link);
void agent_link_free(struct agent_link *link);

/*
 * Before an event that came from outside is submitted: attaches the root of its `pid`, or of its
 * sender where there is no such process, if the event is about an agent and the kernel half knows one.
 * Of an approval it also notes that its message is awaited; or no longer, after it has caught up, because
 * what was sent before a decision may be its message.
 */
void agent_link_attach(struct agent_link *link, struct event *event);

/* To be given to kernel_reader_listen(). */
struct facts_listener agent_link_listener(struct agent_link *link);

/* Forgets what has waited too long; once a second. */
void agent_link_tick(struct agent_link *link);

struct agent_link_counts agent_link_counts(const struct agent_link *link);
/* Adds what was dropped to operaglass_lost_total. */
void agent_link_add(const struct agent_link *link, struct model *model);
unsigned agent_link_awaiting(const struct agent_link *link);

/*
 * The source that reads the handed-over maps. `maps` is bound to the registry's descriptors of this
 * generation by agent_maps_bind(), and must be again after each; without them nothing is attached.
 */
struct agent_maps {
	int processes, types, upstreams; /* the registry's; -1: not there */
	void *user_context;
	void (*submit)(void *user_context, struct event *event);
	void (*catch_up)(void *user_context);
};
void agent_maps_bind(struct agent_maps *maps, const struct handover *handover);
struct agent_link_source agent_maps_source(struct agent_maps *maps);

#endif
