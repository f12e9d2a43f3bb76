/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_LOST_BPF_H
#define OPERAGLASS_LOST_BPF_H

#include "lost.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, LOST_COUNT);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} lost SEC(".maps");

static __always_inline void lost_add(enum lost_cause cause)
{
	__u32 index = cause;
	__u64 *count = bpf_map_lookup_elem(&lost, &index);

	if (count)
		__sync_fetch_and_add(count, 1);
}

#endif
