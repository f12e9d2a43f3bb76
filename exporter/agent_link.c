// SPDX-License-Identifier: Apache-2.0
#include "agent_link.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent_labels.h"
#include "call_labels.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
/* As many as event_types.c allows an approval's id, and NUL. */
#define ID_SIZE	       129
#define TYPE_BIT(name) (UINT64_C(1) << EVENT_##name)

/* What is about an agent: who waits, who worked, whose tokens. */
#define ABOUT_AGENTS                                                                               \
	(TYPE_BIT(APPROVAL_REQUESTED) | TYPE_BIT(APPROVAL_ACCEPTED) |                              \
	 TYPE_BIT(APPROVAL_REJECTED) | TYPE_BIT(APPROVAL_CANCELLED) | TYPE_BIT(APPROVAL_TIMEOUT) | \
	 TYPE_BIT(TOKENS_USED) | TYPE_BIT(TASK_COMPLETED))
#define DECISIONS                                                    \
	(TYPE_BIT(APPROVAL_ACCEPTED) | TYPE_BIT(APPROVAL_REJECTED) | \
	 TYPE_BIT(APPROVAL_CANCELLED) | TYPE_BIT(APPROVAL_TIMEOUT))

/* A request whose message has not been seen. */
struct awaiting {
	uint64_t root_start_ns, asked_ns;
	uint32_t root;
	char id[ID_SIZE];
};

struct agent_link {
	struct agent_link_source source;
	struct agent_link_counts counts;
	unsigned count;
	struct awaiting awaiting[AGENT_LINK_AWAITING]; /* oldest first */
};

int agent_link_create(const struct agent_link_source *source, struct agent_link **ret_link)
{
	struct agent_link *link = calloc(1, sizeof(*link));

	if (!link)
		return -ENOMEM;
	link->source = *source;
	*ret_link = link;
	return 0;
}

void agent_link_free(struct agent_link *link)
{
	free(link);
}

static void forget(struct agent_link *link, unsigned index)
{
	link->count--;
	memmove(&link->awaiting[index], &link->awaiting[index + 1],
		(link->count - index) * sizeof(link->awaiting[0]));
}

static void await(struct agent_link *link, const char *id, uint32_t root, uint64_t root_start_ns,
		  uint64_t asked_ns)
{
	struct awaiting *entry;

	if (strlen(id) >= ID_SIZE)
		return;
	if (link->count == AGENT_LINK_AWAITING) {
		forget(link, 0);
		link->counts.dropped++;
	}
	entry = &link->awaiting[link->count++];
	*entry = (struct awaiting){root_start_ns, asked_ns, root, ""};
	memcpy(entry->id, id, strlen(id));
}

/* A decided approval needs no message any more: the next one is another approval's. */
static void settle(struct agent_link *link, const char *id)
{
	unsigned i;

	for (i = 0; i < link->count; i++) {
		if (strcmp(link->awaiting[i].id, id))
			continue;
		forget(link, i);
		return;
	}
}

static bool find_root(const struct agent_link *link, uint32_t tgid, struct process *ret_process)
{
	return tgid && !link->source.process(link->source.context, tgid, ret_process) &&
	       ret_process->root;
}

static void name_type(const struct agent_link *link, uint32_t id, struct agent_type *ret_type)
{
	if (!id || link->source.type(link->source.context, id, ret_type) || !ret_type->name[0])
		*ret_type = (struct agent_type){"unknown"};
	ret_type->name[sizeof(ret_type->name) - 1] = '\0';
}

/* What a type is asked of: the process that it names, and where that is none, its sender. */
static bool find_reporter(const struct agent_link *link, const struct event *event,
			  struct process *ret_process)
{
	const uint32_t named = (uint32_t)event_number(event, FIELD_PID, 0);
	const uint32_t sender = event_origin(event)->pid;

	if (find_root(link, named, ret_process))
		return true;
	return sender != named && find_root(link, sender, ret_process);
}

void agent_link_attach(struct agent_link *link, struct event *event)
{
	const enum event_type type = event_type(event);
	const uint64_t bit = UINT64_C(1) << type;
	const char *id = event_text(event, FIELD_APPROVAL_ID);
	struct process process;
	struct agent_type name;

	if (!(bit & ABOUT_AGENTS))
		return;
	if (bit & DECISIONS && id) {
		link->source.catch_up(link->source.context);
		settle(link, id);
	}
	if (!find_reporter(link, event, &process))
		return;
	name_type(link, process.type, &name);
	event_set_root(event, process.root, process.root_start_ns, name.name);
	if (type == EVENT_APPROVAL_REQUESTED && id)
		await(link, id, process.root, process.root_start_ns, event_origin(event)->boot_ns);
}

/* As if it had arrived when the kernel saw it. */
static struct event_origin origin_at(const struct agent_link *link, uint32_t pid, uint64_t time_ns)
{
	struct moment now;
	uint64_t age_ns;

	link->source.now(link->source.context, &now);
	age_ns = now.boot_ns > time_ns ? now.boot_ns - time_ns : 0;
	return (struct event_origin){
		.way = WAY_INTERNAL,
		.uid = UINT32_MAX,
		.pid = pid,
		.wall_us = now.wall_us - (int64_t)(age_ns / 1000),
		.boot_ns = now.boot_ns - age_ns,
	};
}

static void say(struct agent_link *link, enum event_type type, const struct event_origin *origin,
		const struct event_field_value *values, size_t count, const struct awaiting *agent,
		const char *agent_type)
{
	struct event *event;

	/* Out of memory: the log line is left, and the counters of the kernel half. */
	if (event_make(type, origin, values, count, &event))
		return;
	event_set_root(event, agent->root, agent->root_start_ns, agent_type);
	link->source.submit(link->source.context, event);
}

static void on_start(void *context, const struct fact_agent_start *fact, const char *type)
{
	struct agent_link *link = context;
	const struct awaiting agent = {.root = fact->tgid, .root_start_ns = fact->start_ns};
	const struct event_origin origin = origin_at(link, fact->tgid, fact->head.time_ns);
	const struct event_field_value values[] = {
		{FIELD_AGENT_TYPE, type, 0},
		{FIELD_ROOT, NULL, fact->tgid},
		{FIELD_ROOT_START, NULL, (double)fact->start_ns},
	};

	say(link, EVENT_AGENT_STARTED, &origin, values, COUNT(values), &agent, type);
}

static void on_end(void *context, const struct fact_agent_end *fact, const char *type)
{
	struct agent_link *link = context;
	const struct awaiting agent = {.root = fact->tgid, .root_start_ns = fact->start_ns};
	const struct event_origin origin = origin_at(link, fact->tgid, fact->head.time_ns);
	char how[FACTS_HOW_SIZE];
	const struct event_field_value values[] = {
		{FIELD_AGENT_TYPE, type, 0},
		{FIELD_ROOT, NULL, fact->tgid},
		{FIELD_ROOT_START, NULL, (double)fact->start_ns},
		{FIELD_REASON, end_reason_label(fact->reason), 0},
		{FIELD_OUTCOME, facts_log_how(fact->status, how), 0},
		{FIELD_DURATION_SECONDS, NULL, (double)fact->run_ns / 1e9},
		{FIELD_CPU_SECONDS, NULL, (double)fact->cpu_ns / 1e9},
	};

	say(link, EVENT_AGENT_ENDED, &origin, values, COUNT(values), &agent, type);
}

/* The caller's root as the kernel wrote it into the record: a short-lived curl is gone by now. */
static bool root_of(const struct agent_link *link, const struct fact_call *fact,
		    struct awaiting *ret_agent)
{
	struct process process;

	if (fact->head.size >= sizeof(*fact) && fact->root) {
		*ret_agent =
			(struct awaiting){.root = fact->root, .root_start_ns = fact->root_start_ns};
		return true;
	}
	if (!find_root(link, fact->tgid, &process))
		return false;
	*ret_agent =
		(struct awaiting){.root = process.root, .root_start_ns = process.root_start_ns};
	return true;
}

static void say_delivered(struct agent_link *link, const struct fact_call *fact,
			  const struct awaiting *request)
{
	const struct event_origin origin = origin_at(link, fact->tgid, fact->head.time_ns);
	const bool delivered = fact->status >= 200 && fact->status < 300;
	const struct event_field_value values[] = {
		{FIELD_APPROVAL_ID, request->id, 0},
		{FIELD_DURATION_SECONDS, NULL, (double)fact->duration_ns / 1e9},
		/* Without a status it is -1 - enum call_failure, as struct approval_row has it. */
		{FIELD_STATUS, NULL, fact->status ? fact->status : -1.0 - fact->failure},
		{FIELD_OUTCOME, delivered ? "delivered" : call_failure_label(fact->failure), 0},
	};

	say(link, EVENT_APPROVAL_DELIVERED, &origin, values, COUNT(values), request, "");
}

static void on_call(void *context, const struct fact_call *fact)
{
	struct agent_link *link = context;
	struct awaiting agent, request;
	unsigned i;

	if (link->count == 0 || strncmp(fact->endpoint, "sendMessage", sizeof(fact->endpoint)) ||
	    !link->source.is_telegram(link->source.context, fact->upstream) ||
	    !root_of(link, fact, &agent))
		return;
	for (i = 0; i < link->count; i++) {
		request = link->awaiting[i];
		if (request.root != agent.root || request.root_start_ns != agent.root_start_ns ||
		    request.asked_ns > fact->begin_ns + AGENT_LINK_SLACK_NS)
			continue;
		forget(link, i);
		link->counts.linked++;
		say_delivered(link, fact, &request);
		return;
	}
}

struct facts_listener agent_link_listener(struct agent_link *link)
{
	return (struct facts_listener){
		.context = link,
		.agent_started = on_start,
		.agent_ended = on_end,
		.call = on_call,
	};
}

void agent_link_tick(struct agent_link *link)
{
	struct moment now;

	link->source.now(link->source.context, &now);
	while (link->count && now.boot_ns > link->awaiting[0].asked_ns + AGENT_LINK_PATIENCE_NS) {
		forget(link, 0);
		link->counts.expired++;
	}
}

struct agent_link_counts agent_link_counts(const struct agent_link *link)
{
	return link->counts;
}

void agent_link_add(const struct agent_link *link, struct model *model)
{
	/* A message that is not seen in time is no loss: there may have been none. */
	model_add(model, FAMILY_LOST, link->counts.dropped, "approval_message", "table_full");
}

unsigned agent_link_awaiting(const struct agent_link *link)
{
	return link->count;
}
