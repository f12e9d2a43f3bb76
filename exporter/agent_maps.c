// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <errno.h>
#include <time.h>

#include "agent_link.h"
#include "connection.h"

void agent_maps_bind(struct agent_maps *maps, const struct handover *handover)
{
	maps->processes = handover_fd(handover, HANDOVER_MAP, "processes");
	maps->types = handover_fd(handover, HANDOVER_MAP, "agent_types");
	maps->upstreams = handover_fd(handover, HANDOVER_MAP, "upstreams");
}

static int look_up(int fd, const void *key, void *value)
{
	if (fd < 0)
		return -ENOENT;
	return bpf_map_lookup_elem(fd, key, value) ? -errno : 0;
}

static int find_process(void *context, uint32_t tgid, struct process *ret_process)
{
	const struct agent_maps *maps = context;

	return look_up(maps->processes, &tgid, ret_process);
}

static int find_type(void *context, uint32_t id, struct agent_type *ret_type)
{
	const struct agent_maps *maps = context;

	return look_up(maps->types, &id, ret_type);
}

static bool is_telegram(void *context, uint16_t upstream)
{
	const struct agent_maps *maps = context;
	struct upstream row = {.kind = UPSTREAM_UNUSED};
	uint32_t key = upstream;

	return !look_up(maps->upstreams, &key, &row) && row.kind == UPSTREAM_TELEGRAM;
}

static void tell_time(void *context, struct moment *ret_now)
{
	struct timespec wall, boot;

	(void)context;
	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	ret_now->wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000;
	ret_now->boot_ns = (uint64_t)boot.tv_sec * 1000000000 + (uint64_t)boot.tv_nsec;
}

static void submit(void *context, struct event *event)
{
	const struct agent_maps *maps = context;

	if (maps->submit)
		maps->submit(maps->user_context, event);
	else
		event_free(event);
}

static void catch_up(void *context)
{
	const struct agent_maps *maps = context;

	if (maps->catch_up)
		maps->catch_up(maps->user_context);
}

struct agent_link_source agent_maps_source(struct agent_maps *maps)
{
	return (struct agent_link_source){
		.context = maps,
		.process = find_process,
		.type = find_type,
		.is_telegram = is_telegram,
		.now = tell_time,
		.submit = submit,
		.catch_up = catch_up,
	};
}
