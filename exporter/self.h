// SPDX-License-Identifier: Apache-2.0
/*
 * Operaglass about itself: build, resident memory and CPU of both processes, scrape durations,
 * series.
 */
#ifndef EXPORTER_SELF_H
#define EXPORTER_SELF_H

#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "handover_registry.h"
#include "model.h"

#define SELF_SCRAPE_BOUNDS 12

/* Files stay open, because nothing can be opened once the process is confined. */
struct self_process {
	const char *name; /* label `process` */
	int statm_fd;	  /* -1: unreadable */
	clockid_t cpu_clock;
};

struct self {
	struct self_process processes[2]; /* the observer, the exporter */
	int fd_directory;		  /* /proc/self/fd; -1: unreadable */
	uint64_t max_fds;
	uint64_t start_time; /* nanoseconds since 1970 */
	uint64_t scrape_counts[SELF_SCRAPE_BOUNDS + 1];
	uint64_t scrape_sum;
};

/* An initialiser that self_close() accepts. */
#define SELF_CLOSED                                                                   \
	{                                                                             \
		.processes = {{.statm_fd = -1}, {.statm_fd = -1}}, .fd_directory = -1 \
	}

/* Before privileges go. What cannot be read is left out of the model. */
void self_open(struct self *self, pid_t observer);
void self_close(struct self *self);

/* Remembers how long a scrape took; it is part of the next one. */
void self_scraped(struct self *self, uint64_t nanoseconds);

/*
 * Adds every family about Operaglass that needs no kernel map; the last to be called in a scrape,
 * because it counts what the others added.
 */
void self_add(struct self *self, const struct handover *handover, struct model *model);

#endif
