/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_HISTOGRAM_BPF_H
#define OPERAGLASS_HISTOGRAM_BPF_H

#include "histogram.h"
#include "loop.bpf.h"

/* The `le` sets of the configuration; the loader fills and freezes them before anything is attached. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HISTOGRAM_KINDS);
	__type(key, __u32);
	__type(value, struct histogram_bounds);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} histogram_bounds SEC(".maps");

/*
 * The bucket of a value: the first whose bound is not below it, found by halving. A global function
 * (not static), so that the verifier follows its branches once and not from every caller.
 */
APART_GLOBAL __u32 histogram_bucket(__u32 kind, __u64 value)
{
	struct histogram_bounds *bounds = bpf_map_lookup_elem(&histogram_bounds, &kind);
	__u32 below = 0;

	if (!bounds)
		return HISTOGRAM_BUCKETS;
#pragma unroll
	for (__u32 step = 16; step; step /= 2)
		if (below + step <= HISTOGRAM_BOUNDS && bounds->le[below + step - 1] < value)
			below += step;
	return below;
}

static __always_inline void histogram_add(struct histogram *histogram, __u32 kind, __u64 value)
{
	__u32 bucket = histogram_bucket(kind, value);

	if (bucket >= HISTOGRAM_BUCKETS)
		return;
	__sync_fetch_and_add(&histogram->sum, value);
	__sync_fetch_and_add(&histogram->buckets[bucket], 1);
}

#endif
