/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_PROCESS_TABLE_BPF_H
#define OPERAGLASS_PROCESS_TABLE_BPF_H

#include "lost.bpf.h"
#include "process_rows.bpf.h"
#include "process_trees.bpf.h"

/* include/linux/sched.h */
#define PF_KTHREAD 0x00200000

static __always_inline bool is_user_process(const struct task_struct *task)
{
	return task->pid == task->tgid && !(task->flags & PF_KTHREAD);
}

/* The row of the process that `leader` leads, or NULL: a tgid's earlier owner is somebody else. */
static __always_inline struct process *process_find(const struct task_struct *leader)
{
	__u32 tgid = leader->tgid;
	struct process *row = bpf_map_lookup_elem(&processes, &tgid);

	return row && row->start_ns == leader->start_boottime ? row : NULL;
}

static __always_inline void process_inherit(struct process *row, const struct process *from)
{
	row->root = from->root;
	row->root_start_ns = from->root_start_ns;
	row->type = from->type;
	row->charged_type = from->type;
}

/* Lists a process that nobody has seen being forked: it ran before, or the table was full then. */
static __noinline long process_list(const struct task_struct *leader, __u8 flags)
{
	struct task_struct *parent = leader->real_parent;
	struct process row = {
		.start_ns = leader->start_boottime,
		.forker_start_ns = parent->group_leader->start_boottime,
		.run_start_ns = leader->start_boottime,
		.image_ns = leader->start_boottime,
		.tgid = leader->tgid,
		.forker = parent->tgid,
		.flags = flags,
	};
	long error;

	bpf_probe_read_kernel(row.image, sizeof(row.image), leader->comm);
	error = bpf_map_update_elem(&processes, &row.tgid, &row, BPF_NOEXIST);
	if (error && error != -EEXIST)
		lost_add(LOST_PROCESSES_FULL);
	return error;
}

static __always_inline void process_born(const struct task_struct *forker,
					 const struct task_struct *child)
{
	struct task_struct *leader = forker->group_leader;
	struct process row = {
		.start_ns = child->start_boottime,
		.forker_start_ns = leader->start_boottime,
		.run_start_ns = child->start_boottime,
		.image_ns = child->start_boottime,
		.tgid = child->tgid,
		.forker = forker->tgid,
	};
	struct process *parent = process_find(leader);
	long error;

	if (parent) {
		process_inherit(&row, parent);
		__builtin_memcpy(row.image, parent->image, sizeof(row.image));
	}
	/* `bootstrap` may already have listed it; and a tgid may come again so soon that its last
	 * owner's exact totals are still to come: those are lost. */
	error = bpf_map_update_elem(&processes, &row.tgid, &row, BPF_NOEXIST);
	if (error == -EEXIST) {
		if (!process_find(child))
			lost_add(LOST_PROCESS_REUSED);
		trees_leave_row(row.tgid);
		error = bpf_map_update_elem(&processes, &row.tgid, &row, BPF_EXIST);
	}
	if (error)
		lost_add(LOST_PROCESSES_FULL);
	else if (row.root)
		trees_count(row.tgid, 1);
}

#endif
