/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_PROCESS_END_BPF_H
#define OPERAGLASS_PROCESS_END_BPF_H

#include "fact.bpf.h"
#include "process_usage.bpf.h"

/* 64 types x (success + 255 error codes) would be 16,384; real agents use a handful of codes. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct agent_exit_key);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} agent_exits SEC(".maps");

/* Every type with every reason. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_AGENT_TYPES *END_REASONS);
	__type(key, struct agent_execution_key);
	__type(value, struct histogram);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} agent_executions SEC(".maps");

/* Which process's end was claimed by which thread; only needed while its last threads race. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct verdict_key);
	__type(value, __u8);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} exit_claims SEC(".maps");

/* include/linux/sched/signal.h */
#define SIGNAL_GROUP_EXIT 0x00000004
/* include/uapi/asm-generic/signal.h, the same on every architecture that is supported */
#define SIGNAL_KILL 9
/* What wait4 reports: bits of a signal, of a core dump, of an exit code */
#define STATUS_SIGNAL 0x7f
#define STATUS_CORE   0x80

#if defined(__TARGET_ARCH_x86)
#define PAGE_BYTES 4096
#else
/* arm64 has pages of 4, 16 or 64 KiB, as the kernel was configured. Set by the loader. */
const volatile __u32 page_bytes SEC(".rodata.page");
#define PAGE_BYTES ((__u64)page_bytes)
#endif

/* As wait4 reports it. On 5.10 group_exit_code stays 0 after a plain exit, and exit_code of a
 * thread other than the leader is not the process's. */
static __always_inline __u32 process_status(const struct task_struct *leader,
					    const struct signal_struct *signal)
{
	return signal->flags & SIGNAL_GROUP_EXIT ? signal->group_exit_code : leader->exit_code;
}

static __always_inline enum end_reason process_reason(const struct process *row, __u32 status,
						      const struct signal_struct *signal)
{
	__u8 number = status & STATUS_SIGNAL;

	if (!number)
		return status & 0xff00 ? END_ERROR : END_SUCCESS;
	if (number == SIGNAL_KILL && BPF_CORE_READ(signal, oom_mm))
		return END_OOM;
	if (status & STATUS_CORE)
		return END_CORE;
	/* A signal that was handled or ignored is remembered too: only the one that killed counts.
	 * One that nobody was seen sending was forced on the process by the kernel (seccomp). */
	if (row->signal != number)
		return END_SIGNAL_SELF;
	switch (row->sender) {
	case SENDER_PARENT:
		return END_SIGNAL_PARENT;
	case SENDER_OTHER:
	case SENDER_KERNEL:
		return END_SIGNAL_OTHER;
	default:
		return END_SIGNAL_SELF;
	}
}

/*
 * Peak resident bytes of the last image; 0: unknown. signal->maxrss also covers what ran in this
 * process before its last exec, that is, for whoever was spawned, its spawner. Unless it grew, the
 * image's own peak is still in mm where exit has not let go of it yet (since 6.16), or what the
 * task iterator saw.
 */
static __always_inline __u64 process_peak(const struct process *row, struct task_struct *task,
					  const struct signal_struct *signal)
{
	struct mm_struct *mm;
	__u64 pages, highest;

	if (signal->maxrss > row->peak_pages_at_exec)
		return signal->maxrss * PAGE_BYTES;
	mm = BPF_CORE_READ(task, mm);
	if (!mm)
		return row->peak_bytes;
	pages = mm_resident_pages(mm);
	highest = BPF_CORE_READ(mm, hiwater_rss);
	if (highest > pages)
		pages = highest;
	return pages * PAGE_BYTES > row->peak_bytes ? pages * PAGE_BYTES : row->peak_bytes;
}

static __always_inline void count_agent_end(__u16 type, enum end_reason reason, __u8 code,
					    __u64 run_ns)
{
	static const struct histogram empty;
	struct agent_execution_key execution = {.type = type, .reason = reason};
	struct agent_exit_key exit = {.type = type, .reason = reason, .code = code};
	struct histogram *histogram = bpf_map_lookup_elem(&agent_executions, &execution);
	__u64 zero = 0, *count = bpf_map_lookup_elem(&agent_exits, &exit);

	if (!histogram) {
		bpf_map_update_elem(&agent_executions, &execution, &empty, BPF_NOEXIST);
		histogram = bpf_map_lookup_elem(&agent_executions, &execution);
	}
	if (histogram)
		histogram_add(histogram, HISTOGRAM_EXECUTION, run_ns);
	if (!count) {
		bpf_map_update_elem(&agent_exits, &exit, &zero, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&agent_exits, &exit);
	}
	if (count)
		__sync_fetch_and_add(count, 1);
	else
		lost_add(LOST_AGENT_EXITS_FULL);
}

static __always_inline void emit_agent_end(const struct process *row, __u64 run_ns,
					   const struct task_struct *leader,
					   const struct signal_struct *signal)
{
	struct fact_agent_end *fact = fact_reserve(FACT_AGENT_END, sizeof(*fact));

	if (!fact)
		return;
	fact->start_ns = row->start_ns;
	fact->run_ns = run_ns;
	fact->cpu_ns = signal->sum_sched_runtime + leader->se.sum_exec_runtime;
	fact->peak_bytes = row->peak_bytes;
	fact->tgid = row->tgid;
	fact->status = row->status;
	fact->type = row->type;
	fact->reason = row->reason;
	fact->sender = row->sender;
	fact_submit(fact);
}

static __always_inline void count_peak(const struct process *row)
{
	__u32 index = row->type;
	struct agent_totals *totals;

	if (!row->peak_bytes) {
		lost_add(LOST_PEAK_HIDDEN);
		return;
	}
	totals = bpf_map_lookup_elem(&agent_totals, &index);
	if (totals)
		histogram_add(&totals->peak_memory, HISTOGRAM_MEMORY, row->peak_bytes);
}

/*
 * The end of a member of a tree, once: `task` is its last thread, or its leader. leader and signal
 * are the task's: each step along a pointer costs the verifier of newer kernels a search through
 * all of BTF (up to 1 ms), so a program takes it once, before its paths part.
 */
static __always_inline void process_end(struct process *row, struct task_struct *task,
					const struct task_struct *leader,
					const struct signal_struct *signal)
{
	__u32 status = process_status(leader, signal);
	enum end_reason reason = process_reason(row, status, signal);
	__u64 run_ns = bpf_ktime_get_boot_ns() - row->run_start_ns;
	struct tool *tool;

	row->peak_bytes = process_peak(row, task, signal);
	row->status = status;
	row->reason = reason;
	row->exited = 1;
	count_peak(row);
	if (row->flags & PROCESS_AGENT) {
		__u8 number = status & STATUS_SIGNAL;

		count_agent_end(row->type, reason, number ? number : status >> 8, run_ns);
		emit_agent_end(row, run_ns, leader, signal);
	} else if (is_tool(row)) {
		tool = tool_find(row->type, row->image, true);
		if (tool && reason < END_REASONS) {
			__sync_fetch_and_add(&tool->ends[reason], 1);
			histogram_add(&tool->execution, HISTOGRAM_EXECUTION, run_ns);
		}
	}
}

/*
 * Whether this thread is the one to finish its process. Several threads can see live == 0 here; but
 * when no other is left in the group, whoever was concurrent has gone through and left its mark.
 */
static __always_inline bool claim_end(const struct process *row, const struct signal_struct *signal)
{
	struct verdict_key key = {.start_ns = row->start_ns, .tgid = row->tgid};
	__u8 mark = 1;

	if (row->exited)
		return false;
	if (signal->nr_threads == 1)
		return true;
	return bpf_map_update_elem(&exit_claims, &key, &mark, BPF_NOEXIST) != -EEXIST;
}

#endif
