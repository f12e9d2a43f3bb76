// SPDX-License-Identifier: Apache-2.0
#include "bpf_set.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "bpf_attach.h"

void bpf_set_init(struct bpf_set *set)
{
	size_t i;

	memset(set, 0, sizeof(*set));
	for (i = 0; i < BPF_PROGRAMS_MAX; i++)
		set->programs[i] = (struct bpf_program_fd){-1, -1};
}

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void bpf_set_close(struct bpf_set *set)
{
	size_t i;

	for (i = 0; i < BPF_PROGRAMS_MAX; i++) {
		close_fd(&set->programs[i].link);
		close_fd(&set->programs[i].program);
	}
	for (i = 0; i < set->map_count; i++)
		close_fd(&set->maps[i].fd);
	set->map_count = 0;
}

int bpf_set_map(const struct bpf_set *set, const char *name)
{
	size_t i;

	for (i = 0; i < set->map_count; i++)
		if (!strcmp(set->maps[i].name, name))
			return set->maps[i].fd;
	return -1;
}

int bpf_set_program(const struct bpf_set *set, const char *name)
{
	int row = bpf_catalogue_find(name);

	return row < 0 ? -1 : set->programs[row].program;
}

int bpf_set_add_map(struct bpf_set *set, const char *name, int fd)
{
	struct bpf_map_fd *map = &set->maps[set->map_count];

	if (set->map_count == BPF_MAPS_MAX) {
		close(fd);
		return -ENOSPC;
	}
	snprintf(map->name, sizeof(map->name), "%s", name);
	map->fd = fd;
	set->map_count++;
	return 0;
}

/* What is loaded and gets no link is attached by others, or not at all (TLS, tail calls). */
static bool object_works(const struct bpf_set *set, const char *object)
{
	bool loaded = false;
	size_t i;

	for (i = 0; i < bpf_program_count; i++) {
		if (strcmp(bpf_programs[i].object, object))
			continue;
		if (bpf_attach_makes_link(bpf_programs[i].attach) && set->programs[i].link < 0)
			return false;
		loaded = loaded || set->programs[i].program >= 0;
	}
	return loaded;
}

bool bpf_set_is_up(const struct bpf_set *set, const char *component)
{
	size_t i;

	for (i = 0; i < bpf_object_count; i++)
		if (!strcmp(bpf_objects[i].component, component) && !bpf_objects[i].optional &&
		    !object_works(set, bpf_objects[i].name))
			return false;
	return true;
}
