// SPDX-License-Identifier: Apache-2.0
/*
 * Which instructions this kernel's uprobes emulate (cheap), and which it single-steps.
 *
 * Every supported kernel emulates the four classes (pushes since 4.16, the others since 3.16), so the
 * measurement confirms rather than decides: where it cannot be made all are taken for cheap, which
 * costs time at worst. It is made in a child, which waits for the kernel to take the probes away while
 * its parent goes on.
 */
#ifndef OPERAGLASS_PROBE_CLASSES_H
#define OPERAGLASS_PROBE_CLASSES_H

#include <stdint.h>

#include "probe_sites.h"
#include "tls_targets.h"

/*
 * Pure. Time per hit of each class, and of an instruction that is stepped: a class is cheap when it is
 * nearer to the cheapest one than to the step. All are where a step costs about what they cost, as in
 * an emulated machine: there is nothing to be saved then.
 */
unsigned probe_classes_judge(const uint64_t ns[PROBE_CLASSES], uint64_t stepped_ns);

/* Starts the measurement, once per process: some 5 ms of another process. */
void probe_classes_begin(enum tls_probe_kind kind);

/* enum probe_class bits. Waits at most half a second for what was begun; asked again it remembers. */
unsigned probe_classes_cheap(void);

/* Takes note of the measurement's end if it has ended. Any time later. */
void probe_classes_reap(void);

/* The answer, when it was measured and not assumed; else -ENODATA. */
int probe_classes_measured(unsigned *ret_classes);

/* What an earlier process of this boot has measured: nothing is to be begun. */
void probe_classes_know(unsigned classes);

#endif
