/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_HISTOGRAM_BPF_H
#define OPERAGLASS_HISTOGRAM_BPF_H

#include "histogram.h"

/* The `le` sets of the configuration; the loader fills and freezes them before anything is attached. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, HISTOGRAM_KINDS);
	__type(key, __u32);
	__type(value, struct histogram_bounds);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} histogram_bounds SEC(".maps");

static __always_inline void histogram_add(struct histogram *histogram, __u32 kind, __u64 value)
{
	struct histogram_bounds *bounds = bpf_map_lookup_elem(&histogram_bounds, &kind);
	__u32 bucket = 0;

	if (!bounds)
		return;
	for (__u32 i = 0; i < HISTOGRAM_BOUNDS; i++) {
		if (value <= bounds->le[i])
			break;
		bucket = i + 1;
	}
	if (bucket >= HISTOGRAM_BUCKETS)
		return;
	__sync_fetch_and_add(&histogram->sum, value);
	__sync_fetch_and_add(&histogram->buckets[bucket], 1);
}

#endif
