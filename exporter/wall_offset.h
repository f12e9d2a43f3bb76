// SPDX-License-Identifier: Apache-2.0
/*
 * CLOCK_BOOTTIME's zero in CLOCK_REALTIME, in ns: the same number until somebody sets the wall clock, so that
 * a moment that is published twice is the same moment.
 */
#ifndef EXPORTER_WALL_OFFSET_H
#define EXPORTER_WALL_OFFSET_H

#include <stdint.h>

/* One look at the clocks, in this order. */
struct wall_look {
	uint64_t boot_before, wall, boot_after;
};

/* Pure. kept: what an earlier call returned; 0: there was none. */
uint64_t wall_offset(uint64_t kept, const struct wall_look *look);

#endif
