// SPDX-License-Identifier: Apache-2.0
#include "tools_counter.h"

#include <bpf/bpf.h>
#include <string.h>
#include <time.h>

#include "map_rows.h"

/* The id of a map; 0 when it cannot be had. */
static uint32_t map_id(int fd)
{
	struct bpf_map_info info = {.id = 0};
	uint32_t size = sizeof(info);

	if (fd < 0 || bpf_obj_get_info_by_fd(fd, &info, &size))
		return 0;
	return info.id;
}

void tools_counter_bind(struct tools_counter *counter, const struct handover *handover)
{
	counter->tools = handover_fd(handover, HANDOVER_MAP, "tools");
	counter->others = handover_fd(handover, HANDOVER_MAP, "other_tools");
	counter->types = handover_fd(handover, HANDOVER_MAP, "agent_types");
	counter->map = map_id(counter->tools);
}

void tools_counter_add(struct tool_sums *sums, const struct tool *tool)
{
	unsigned reason;

	for (reason = 0; reason < END_REASONS; reason++) {
		sums->runs += tool->ends[reason];
		sums->failures += reason == END_SUCCESS ? 0 : tool->ends[reason];
	}
}

static void add_row(const void *key_bytes, const void *value, void *context)
{
	const struct tool_key *key = key_bytes;
	struct tool_sums *sums = context;

	if (key->type < MAX_AGENT_TYPES)
		tools_counter_add(&sums[key->type], value);
}

void tools_counter_say(struct tools_counter *counter, const struct moment *now, unsigned type,
		       const char *agent_type, const struct tool_sums *sums)
{
	const struct event_origin origin = {
		.way = WAY_INTERNAL,
		.uid = UINT32_MAX,
		.wall_us = now->wall_us,
		.boot_ns = now->boot_ns,
	};
	const struct event_field_value values[] = {
		{FIELD_AGENT_TYPE, agent_type, 0},
		{FIELD_RUNS, NULL, (double)sums->runs},
		{FIELD_FAILURES, NULL, (double)sums->failures},
		{FIELD_SOURCE, NULL, counter->map},
	};
	struct event *event;

	if (counter->said_map != counter->map) {
		memset(counter->said, 0, sizeof(counter->said));
		counter->said_map = counter->map;
	}
	if (sums->runs == counter->said[type].runs ||
	    event_make(EVENT_TOOLS_ENDED, &origin, values, sizeof(values) / sizeof(*values),
		       &event))
		return;
	if (!counter->submit(counter->context, event))
		counter->said[type] = *sums;
}

static struct moment moment_now(void)
{
	struct timespec wall, boot;

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (struct moment){
		.wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000,
		.boot_ns = (uint64_t)boot.tv_sec * 1000000000 + (uint64_t)boot.tv_nsec,
	};
}

void tools_counter_run(struct tools_counter *counter)
{
	const struct moment now = moment_now();
	struct tool_sums sums[MAX_AGENT_TYPES] = {{0, 0}};
	struct agent_type type;
	struct tool other;
	uint32_t id;

	counter->seconds = 0;
	/* What could not be read now is in the next sums. */
	if (!counter->map ||
	    map_rows(counter->tools, sizeof(struct tool_key), sizeof(struct tool), add_row, sums))
		return;
	for (id = 1; id < MAX_AGENT_TYPES; id++) {
		if (bpf_map_lookup_elem(counter->types, &id, &type) || !type.name[0])
			break;
		type.name[sizeof(type.name) - 1] = '\0';
		if (counter->others >= 0 && !bpf_map_lookup_elem(counter->others, &id, &other))
			tools_counter_add(&sums[id], &other);
		tools_counter_say(counter, &now, id, type.name, &sums[id]);
	}
}

void tools_counter_tick(struct tools_counter *counter)
{
	if (++counter->seconds >= TOOLS_COUNTER_SECONDS)
		tools_counter_run(counter);
}
