// SPDX-License-Identifier: Apache-2.0
/* The kernel half about itself: its programs, the filling of its tables, and what was lost. */
#ifndef EXPORTER_KERNEL_SELF_H
#define EXPORTER_KERNEL_SELF_H

#include "handover_registry.h"
#include "model.h"

#define KERNEL_SELF_MAPS_MAX 128

/* A table that can fill up. */
struct kernel_self_map {
	const char *name; /* the registry's */
	int fd;		  /* the registry's */
	uint32_t capacity, key_size, value_size;
	uint64_t entries; /* when they were counted last */
};

struct kernel_self {
	const struct handover *handover;
	int lost_fd; /* -1: not there */
	unsigned map_count, next;
	struct kernel_self_map maps[KERNEL_SELF_MAPS_MAX];
};

/* Finds the tables and counts them once. 0 or -errno. */
int kernel_self_open(struct kernel_self *self, const struct handover *handover);

/* Adds the families operaglass_bpf_* and operaglass_lost_total. 0 or -errno. */
int kernel_self_read(struct kernel_self *self, struct model *model);

/*
 * Counts the entries of one table, the next one each time. Counting looks at every bucket (some 10
 * us per thousand of capacity), too much for a scrape: the caller does this once a second.
 */
void kernel_self_count(struct kernel_self *self);

#endif
