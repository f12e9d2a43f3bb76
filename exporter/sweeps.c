// SPDX-License-Identifier: Apache-2.0
#include "sweeps.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <unistd.h>

/* Larger than every key and row of these tables. */
#define KEY_SIZE 256
#define ROW_SIZE 8192

/* In this order: what one finds may be for the next. */
static const struct {
	const char *program, *map;
} rows[SWEEPS_COUNT] = {
	{"sweep_routes", "routes"},	{"sweep_lookups", "lookups"},
	{"sweep_attempts", "attempts"}, {"sweep_connections", "connections"},
	{"sweep_calls", "calls"},	{"sweep_http2", "http2_connections"},
};

void sweeps_open(struct sweeps *sweeps, const struct handover *handover)
{
	struct bpf_map_info info;
	struct sweep *sweep;
	uint32_t size;
	size_t i;

	for (i = 0; i < SWEEPS_COUNT; i++) {
		sweep = &sweeps->list[i];
		sweep->link = handover_fd(handover, HANDOVER_ITERATOR, rows[i].program);
		sweep->map = handover_fd(handover, HANDOVER_MAP, rows[i].map);
		info = (struct bpf_map_info){.id = 0};
		size = sizeof(info);
		if (sweep->map >= 0 && (bpf_obj_get_info_by_fd(sweep->map, &info, &size) ||
					info.key_size > KEY_SIZE || info.value_size > ROW_SIZE))
			sweep->map = -1;
	}
}

/* Whatever the kernel answers but "there is none": a bucket of more rows is an error, too. */
static bool may_have_rows(int map)
{
	uint8_t position[KEY_SIZE], key[KEY_SIZE], value[ROW_SIZE];
	uint32_t count = 1;

	if (map < 0)
		return true;
	return !bpf_map_lookup_batch(map, NULL, position, key, value, &count, NULL) ||
	       errno != ENOENT || count > 0;
}

/* Runs the program over every row; it writes nothing. */
static int run(int link)
{
	char nothing[64];
	ssize_t size;
	int fd;

	fd = bpf_iter_create(link);
	if (fd < 0)
		return -errno;
	do
		size = read(fd, nothing, sizeof(nothing));
	while (size > 0 || (size < 0 && (errno == EINTR || errno == EAGAIN)));
	size = size < 0 ? -errno : 0;
	close(fd);
	return (int)size;
}

int sweeps_run(const struct sweeps *sweeps)
{
	int code = 0, one;
	size_t i;

	for (i = 0; i < SWEEPS_COUNT; i++) {
		if (sweeps->list[i].link < 0 || !may_have_rows(sweeps->list[i].map))
			continue;
		one = run(sweeps->list[i].link);
		code = code ? code : one;
	}
	return code;
}
