// SPDX-License-Identifier: Apache-2.0
#include "kernel_self.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "lost.h"
#include "map_rows.h"

/* Bytes of keys and values that one look-up may return. */
#define BATCH_BYTES 65536

struct lost_row {
	const char *where, *cause;
};

#define LOST_ROW(name, where, cause) {where, cause},
static const struct lost_row lost_rows[LOST_COUNT] = {LOST_CAUSES(LOST_ROW)};
#undef LOST_ROW

/* Tables whose entries are counted; arrays are always full. */
static bool can_fill_up(uint32_t type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH;
}

int kernel_self_open(struct kernel_self *self, const struct handover *handover)
{
	const struct handover_item *item = NULL;
	struct bpf_map_info info;
	struct kernel_self_map *map;
	uint32_t size;
	unsigned i;

	memset(self, 0, sizeof(*self));
	self->handover = handover;
	self->lost_fd = handover_fd(handover, HANDOVER_MAP, "lost");
	while ((item = handover_next(handover, HANDOVER_MAP, item))) {
		memset(&info, 0, sizeof(info));
		size = sizeof(info);
		if (bpf_obj_get_info_by_fd(item->fd, &info, &size))
			return -errno;
		if (!can_fill_up(info.type) || self->map_count == KERNEL_SELF_MAPS_MAX)
			continue;
		map = &self->maps[self->map_count++];
		*map = (struct kernel_self_map){item->name,    item->fd,	info.max_entries,
						info.key_size, info.value_size, 0};
	}
	for (i = 0; i < self->map_count; i++)
		kernel_self_count(self);
	return 0;
}

void kernel_self_count(struct kernel_self *self)
{
	static uint8_t keys[BATCH_BYTES], values[BATCH_BYTES], positions[2][256];
	struct kernel_self_map *map;
	uint32_t batch, count;
	uint64_t entries = 0;
	void *position = NULL;
	int err;

	if (self->map_count == 0)
		return;
	map = &self->maps[self->next++ % self->map_count];
	batch = BATCH_BYTES / (map->value_size > map->key_size ? map->value_size : map->key_size);
	if (map->key_size > sizeof(positions[0]) || batch == 0)
		return;
	do {
		count = batch;
		err = bpf_map_lookup_batch(map->fd, position, positions[0], keys, values, &count,
					   NULL);
		/* ENOSPC: a bucket with more than a batch; what was counted stands. */
		if (err && errno != ENOENT)
			break;
		entries += count;
		memcpy(positions[1], positions[0], sizeof(positions[0]));
		position = positions[1];
	} while (!err && entries <= map->capacity);
	map->entries = entries;
}

static void add_programs(const struct kernel_self *self, struct model *model)
{
	const struct handover_item *item = NULL;
	struct bpf_prog_info info;
	uint64_t skipped = 0;
	uint32_t size;

	while ((item = handover_next(self->handover, HANDOVER_PROGRAM, item))) {
		model_add(model, FAMILY_PROGRAM_ATTACHED, item->value, item->name);
		memset(&info, 0, sizeof(info));
		size = sizeof(info);
		/* What is not loaded or only called by others would stay 0 for ever. */
		if (item->fd < 0 || bpf_obj_get_info_by_fd(item->fd, &info, &size))
			continue;
		model_add(model, FAMILY_PROGRAM_RUN_SECONDS, info.run_time_ns, item->name);
		model_add(model, FAMILY_PROGRAM_RUNS, info.run_cnt, item->name);
		skipped += info.recursion_misses;
	}
	/* An event that came while its program was at work for another one on the same processor. */
	model_add(model, FAMILY_LOST, skipped, "programs", "nested");
}

static void add_lost(const struct kernel_self *self, struct model *model)
{
	uint64_t counts[LOST_COUNT] = {0};
	uint32_t cause;

	if (self->lost_fd >= 0 && map_array(self->lost_fd, sizeof(*counts), LOST_COUNT, counts))
		memset(counts, 0, sizeof(counts));
	for (cause = 0; cause < LOST_COUNT; cause++)
		model_add(model, FAMILY_LOST, counts[cause], lost_rows[cause].where,
			  lost_rows[cause].cause);
}

int kernel_self_read(struct kernel_self *self, struct model *model)
{
	unsigned i;

	add_programs(self, model);
	for (i = 0; i < self->map_count; i++) {
		model_add(model, FAMILY_MAP_ENTRIES, self->maps[i].entries, self->maps[i].name);
		model_add(model, FAMILY_MAP_CAPACITY, self->maps[i].capacity, self->maps[i].name);
	}
	add_lost(self, model);
	return 0;
}
