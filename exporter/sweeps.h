// SPDX-License-Identifier: Apache-2.0
/* Runs the programs of bpf/sweep.bpf.c: what only time decides, before the counters are read. */
#ifndef EXPORTER_SWEEPS_H
#define EXPORTER_SWEEPS_H

#include "handover_registry.h"

#define SWEEPS_COUNT 6

struct sweeps {
	struct sweep {
		int link; /* of the iterator; -1: not there */
		int map;  /* that it walks; -1: not known, it is walked always */
	} list[SWEEPS_COUNT];
};

/* Borrows the descriptors. */
void sweeps_open(struct sweeps *sweeps, const struct handover *handover);

/*
 * Over every table that holds a row: an iterator asks some 20 ns for each bucket, 8,192 in the
 * larger tables, a look-up of the first row 1 ns. 0 or the first -errno.
 */
int sweeps_run(const struct sweeps *sweeps);

#endif
