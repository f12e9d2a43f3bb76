/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_PROCESS_TREES_BPF_H
#define OPERAGLASS_PROCESS_TREES_BPF_H

#include "process_rows.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(map_flags, BPF_F_MMAPABLE);
	__type(key, __u32);
	__type(value, struct agent_tgids);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} agent_tgids SEC(".maps");

static __always_inline struct agent_tgids *trees_find(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&agent_tgids, &zero);
}

/* A process came into an agent's tree (1), or left it for good (-1). */
static __always_inline void trees_count(__u32 tgid, __u32 change)
{
	struct agent_tgids *trees = trees_find();

	if (trees)
		__sync_fetch_and_add(&trees->members[tgid & (TREE_MEMBERS - 1)], change);
}

/* The row of a tgid is about to be written over. */
static __always_inline void trees_leave_row(__u32 tgid)
{
	const struct process *row = bpf_map_lookup_elem(&processes, &tgid);

	if (row && row->root)
		trees_count(tgid, -1);
}

/* What an exec mapped was recorded before it was known whose it is. */
static __always_inline void trees_tell(__u32 tgid)
{
	struct agent_tgids *trees = trees_find();

	if (!trees)
		return;
	trees->born_tgids[tgid & (TREE_BORN - 1)] = tgid;
	asm volatile("" ::: "memory");
	__sync_fetch_and_add(&trees->born, 1);
}

#endif
