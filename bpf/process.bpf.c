// SPDX-License-Identifier: GPL-2.0
/*
 * The life of every process: who forked it, what it became, who killed it, how it ended and what
 * it cost. include/process.h says what the maps mean and why nothing is counted twice.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <linux/errno.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include "process_judge.bpf.h"
#include "process_members.bpf.h"
#include "process_signal.bpf.h"
#include "settings.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} settings SEC(".maps");

SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *forker, struct task_struct *child)
{
	if (is_user_process(child))
		process_born(forker, child);
	return 0;
}

SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, pid_t old_pid, struct linux_binprm *bprm)
{
	struct signal_struct *signal = task->signal;
	struct process *row = process_find(task);

	if (!row) {
		process_list(task, PROCESS_EXECED);
		row = process_find(task);
	}
	if (!row)
		return 0;
	row->peak_pages_at_exec = signal->maxrss;
	row->image_ns = bpf_ktime_get_boot_ns();
	process_judge(row, task, signal, bprm);
	row->flags |= PROCESS_EXECED;
	return 0;
}

SEC("tp_btf/signal_generate")
int BPF_PROG(process_signal, int number, struct kernel_siginfo *info, struct task_struct *task,
	     int group, int result)
{
	if (result == SIGNAL_DELIVERED && signal_is_fatal(number))
		process_signalled(task, number, signal_info(ctx));
	return 0;
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;
	struct signal_struct *signal = task->signal;
	struct process *row;

	if (signal->live.counter != 0)
		return 0;
	row = process_find(leader);
	if (row && row->type && claim_end(row, signal))
		process_end(row, task, leader, signal);
	return 0;
}

/* The leader is released last, and all threads' numbers are in signal_struct then: exact totals. */
SEC("tp_btf/sched_process_free")
int BPF_PROG(process_free, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	__u32 tgid = task->tgid;
	struct process *row;

	/* An old leader that another thread's exec replaced has lost its pid to that thread. */
	if (task->pid != task->tgid)
		return 0;
	row = process_find(task);
	if (!row)
		return 0;
	if (row->type) {
		struct counters counters;

		/* It ended between being listed and being judged by `bootstrap`. */
		if (!row->exited)
			process_end(row, task, task, signal);
		counters_of_ended(signal, &counters);
		process_account(row, &counters);
	}
	if (row->root)
		trees_count(tgid, -1);
	bpf_map_delete_elem(&processes, &tgid);
	return 0;
}

SEC("iter/task")
int members(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;

	if (task && is_user_process(task))
		member_write(context->meta->seq, task);
	return 0;
}

SEC("iter/task")
int bootstrap(struct bpf_iter__task *context)
{
	struct task_struct *task = context->task;

	if (task && is_user_process(task))
		bootstrap_visit(context->meta->seq, task);
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
