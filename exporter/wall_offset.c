// SPDX-License-Identifier: Apache-2.0
#include "wall_offset.h"

/*
 * Slewing moves both clocks alike: only setting one moves the offset. What is set by less than this is not
 * followed (a step of NTP is 128 ms, of a leap second 1 s), so no published time is wrong by more.
 */
#define TOLERANCE_NS UINT64_C(5000000)

/* The true offset is between wall - boot_after and wall - boot_before, however long the look took. */
uint64_t wall_offset(uint64_t kept, const struct wall_look *look)
{
	uint64_t least = look->wall - look->boot_after, most = look->wall - look->boot_before;

	if (kept && kept + TOLERANCE_NS >= least && kept <= most + TOLERANCE_NS)
		return kept;
	return least + (most - least) / 2;
}
