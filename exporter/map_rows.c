// SPDX-License-Identifier: Apache-2.0
#include "map_rows.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* One batch is at least one bucket; no sane bucket has so many rows. */
#define BATCH_ROWS    128
#define POSITION_SIZE 256    /* larger than every key: the kernel keeps its place in it */
#define BATCHES_MAX   100000 /* a map that changes under us still comes to an end */

struct rows {
	size_t key_size, value_size;
	uint8_t *keys, *values;
};

/* Values of a batch stand 8-aligned in the kernel's answer. */
static size_t aligned(size_t size)
{
	return (size + 7) & ~(size_t)7;
}

/* -ENOTSUP: not even the first batch could be had, no row was handed out. */
static int by_batch(int fd, const struct rows *rows, map_row_callback callback, void *context)
{
	uint8_t in[POSITION_SIZE], out[POSITION_SIZE];
	uint32_t count, i, batches;
	bool last = false;
	int code;

	for (batches = 0; !last && batches < BATCHES_MAX; batches++) {
		count = BATCH_ROWS;
		code = bpf_map_lookup_batch(fd, batches ? in : NULL, out, rows->keys, rows->values,
					    &count, NULL);
		last = code && errno == ENOENT;
		if (code && !last)
			return batches ? -errno : -ENOTSUP;
		for (i = 0; i < count; i++)
			callback(rows->keys + i * rows->key_size,
				 rows->values + i * rows->value_size, context);
		memcpy(in, out, sizeof(in));
	}
	return 0;
}

static int one_by_one(int fd, const struct rows *rows, map_row_callback callback, void *context)
{
	uint8_t *key = rows->keys, *next = rows->keys + aligned(rows->key_size);
	const void *previous = NULL;
	uint32_t steps;

	for (steps = 0; steps < BATCHES_MAX; steps++) {
		if (bpf_map_get_next_key(fd, previous, next))
			return errno == ENOENT ? 0 : -errno;
		memcpy(key, next, rows->key_size);
		previous = key;
		if (!bpf_map_lookup_elem(fd, key, rows->values))
			callback(key, rows->values, context);
	}
	return 0;
}

int map_rows(int fd, size_t key_size, size_t value_size, map_row_callback callback, void *context)
{
	struct rows rows = {.key_size = key_size, .value_size = value_size};
	int code = -ENOMEM;

	rows.keys = malloc(BATCH_ROWS * aligned(key_size));
	rows.values = malloc(BATCH_ROWS * aligned(value_size));
	if (rows.keys && rows.values && key_size <= POSITION_SIZE)
		code = by_batch(fd, &rows, callback, context);
	if (code == -ENOTSUP)
		code = one_by_one(fd, &rows, callback, context);
	free(rows.values);
	free(rows.keys);
	return code;
}

int map_array(int fd, size_t value_size, uint32_t count, void *ret_values)
{
	uint32_t keys[MAP_ARRAY_MAX], position, got = count, row;

	if (count > MAP_ARRAY_MAX)
		return -EINVAL;
	if ((!bpf_map_lookup_batch(fd, NULL, &position, keys, ret_values, &got, NULL) ||
	     errno == ENOENT) &&
	    got == count)
		return 0;
	for (row = 0; row < count; row++)
		if (bpf_map_lookup_elem(fd, &row, (char *)ret_values + row * value_size))
			return -errno;
	return 0;
}
