/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_HISTOGRAM_H
#define OPERAGLASS_HISTOGRAM_H

#include <linux/types.h>
#include "sizes.h"

/* Row of the map `histogram_bounds`: which `le` set a histogram uses. Numbers are never reused. */
enum histogram_kind {
	HISTOGRAM_CALL = 0,	 /* nanoseconds; call durations, long polls */
	HISTOGRAM_CONNECT = 1,	 /* nanoseconds; DNS, connect, handshake, first byte, round trip */
	HISTOGRAM_EXECUTION = 2, /* nanoseconds; agents and tools */
	HISTOGRAM_MEMORY = 3,	 /* bytes */
	HISTOGRAM_RETRY_AFTER = 4, /* nanoseconds */
	HISTOGRAM_KINDS = 5,
};

/* Upper bounds, ascending, inclusive as Prometheus' `le` is; unused ones at the end are ~0. */
struct histogram_bounds {
	__u64 le[HISTOGRAM_BOUNDS];
};

/*
 * Counts per bucket, not cumulative; the number of observations is their sum. Members grow by
 * atomic addition only, so a reader may see an observation's bucket before its sum.
 */
struct histogram {
	__u64 sum;
	__u64 buckets[HISTOGRAM_BUCKETS];
};

#endif
