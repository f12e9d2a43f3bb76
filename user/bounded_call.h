// SPDX-License-Identifier: Apache-2.0
/*
 * System calls that wait as long as another process wants, in a task of their own which can be killed.
 * Whoever reads /proc/PID/maps, /proc/PID/cmdline or opens one of /proc/PID/map_files waits for the lock of
 * that process' memory, and a process keeps it for ever: it waits for a file system under that lock.
 */
#ifndef OPERAGLASS_BOUNDED_CALL_H
#define OPERAGLASS_BOUNDED_CALL_H

#include <stddef.h>
#include <sys/types.h>

#define BOUNDED_FILES 64
#define BOUNDED_BYTES (128 * 1024)

/* Files below /proc that are read one after the other: a task costs 50 us. Static memory only: one that
 * does not answer may write to it later. */
struct bounded_reading {
	char paths[BOUNDED_FILES][32];
	unsigned int count;
	unsigned int at; /* so many were read */
	int fd;		 /* of the next one; -1: it is not begun */
	int err;
	size_t ends[BOUNDED_FILES]; /* of what was read of each, in `bytes` */
	size_t used;
	char bytes[BOUNDED_BYTES];
};

/* Reads on, from file `at` and behind `used`, until there is no file left or no room. Returns 0;
 * -ETIMEDOUT: the last of those that were read does not answer, and is not whole; another -errno: nothing
 * can be read, -EBUSY: as the last one that did not answer has not ended yet. */
int bounded_read(struct bounded_reading *reading);

/* Opens with O_PATH. Descriptor or -errno, as above. */
int bounded_open_path(const char *path);

/* How many calls were given up since this was asked for. */
unsigned int bounded_calls_given_up(void);

#endif
