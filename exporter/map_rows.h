// SPDX-License-Identifier: Apache-2.0
/* Rows of maps of the kernel half: many per system call where the kernel can. */
#ifndef EXPORTER_MAP_ROWS_H
#define EXPORTER_MAP_ROWS_H

#include <stddef.h>
#include <stdint.h>

#define MAP_ARRAY_MAX 256

/* Called once per row; key and value are good during the call. */
typedef void (*map_row_callback)(const void *key, const void *value, void *context);

/*
 * Rows that come or go meanwhile may be missed, none comes twice but after a change of neighbours;
 * sizes are those of the map's key and value. 0 or -errno.
 */
int map_rows(int fd, size_t key_size, size_t value_size, map_row_callback callback, void *context);

/* The first `count` values of an array, at most MAP_ARRAY_MAX. 0 or -errno. */
int map_array(int fd, size_t value_size, uint32_t count, void *ret_values);

#endif
