// SPDX-License-Identifier: Apache-2.0
/*
 * Whose processes are, told by the kernel's half without a system call: map `agent_tgids`
 * (include/process.h), shared memory. What it says of a process may be too much, never too little:
 * ask the map `processes` then.
 */
#ifndef OPERAGLASS_TLS_TREES_H
#define OPERAGLASS_TLS_TREES_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct agent_tgids;

struct tls_trees {
	struct agent_tgids *shared; /* NULL: not there; every process may be anybody's then */
	uint32_t born;		    /* that were taken */
};

/* map: descriptor, or -1. */
void tls_trees_open(struct tls_trees *trees, int map);
void tls_trees_close(struct tls_trees *trees);

/* Whether a process may be an agent, or what it spawned. */
bool tls_trees_may_have(const struct tls_trees *trees, pid_t tgid);

/* Gives every process that became an agent since the last time to `take`. False: not all of them are
 * known any more. */
bool tls_trees_take_born(struct tls_trees *trees, void (*take)(void *context, pid_t tgid),
			 void *context);

#endif
