/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_PROCESS_USAGE_BPF_H
#define OPERAGLASS_PROCESS_USAGE_BPF_H

#include "compat.bpf.h"
#include "histogram.bpf.h"
#include "loop.bpf.h"
#include "process_table.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_AGENT_TYPES);
	__type(key, __u32);
	__type(value, struct agent_totals);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} agent_totals SEC(".maps");

/* Set by the loader from `limits.tools`. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct tool_key);
	__type(value, struct tool);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tools SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_AGENT_TYPES);
	__type(key, __u32);
	__type(value, struct tool);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} other_tools SEC(".maps");

/*
 * Of a living process with more threads, what those beyond used is added when they end. Where a loop
 * is verified once it may be long: more threads than the largest programs start.
 */
#ifdef VERIFY_ONCE
#define THREADS_MAX 8192
#else
#define THREADS_MAX 64
#endif

/* The kernel's own counters: of a thread, or in signal_struct of all threads that have ended. */
struct counters {
	__u64 run_ns;
	__u64 user_ticks_ns; /* utime and stime: whole ticks, only good as a ratio */
	__u64 system_ticks_ns;
	struct usage usage; /* without CPU */
};

/* From signal_struct or from a task whose pointer the verifier knows. */
#define COUNTERS_ADD(counters, from)                                              \
	do {                                                                      \
		(counters)->user_ticks_ns += (from)->utime;                       \
		(counters)->system_ticks_ns += (from)->stime;                     \
		(counters)->usage.read_bytes += (from)->ioac.rchar;               \
		(counters)->usage.written_bytes += (from)->ioac.wchar;            \
		(counters)->usage.disk_read_bytes += (from)->ioac.read_bytes;     \
		(counters)->usage.disk_written_bytes += (from)->ioac.write_bytes; \
		(counters)->usage.voluntary_switches += (from)->nvcsw;            \
		(counters)->usage.involuntary_switches += (from)->nivcsw;         \
		(counters)->usage.minor_faults += (from)->min_flt;                \
		(counters)->usage.major_faults += (from)->maj_flt;                \
	} while (0)

/* Of a process without its living threads: exact once all of them are released. */
static __always_inline void counters_of_ended(const struct signal_struct *signal,
					      struct counters *ret_counters)
{
	struct counters counters = {.run_ns = signal->sum_sched_runtime};

	COUNTERS_ADD(&counters, signal);
	*ret_counters = counters;
}

static __always_inline void counters_add_leader(struct counters *counters,
						const struct task_struct *leader)
{
	counters->run_ns += leader->se.sum_exec_runtime;
	COUNTERS_ADD(counters, leader);
}

/*
 * The threads are reached by addresses, and a read by address costs 15 ns and the verifier's time
 * for each round: so what stands close together is read in two pieces.
 */
#define TIMES_SIZE 192 /* utime to maj_flt: 150 bytes at most in kernels without lock debugging */
#define IO_SIZE	   48

struct thread_walk {
	char times[TIMES_SIZE];
	char io[IO_SIZE];
	struct counters sum;
	struct list_head *node, *head;
};

/* Only the iterator `members` uses it, which is not run twice at the same moment. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct thread_walk);
} thread_walk SEC(".maps");

#define THREAD_OFFSET(field) bpf_core_field_offset(struct task_struct, field)
#define THREAD_TIME(walk, thread, field)                                                     \
	(THREAD_OFFSET(field) - THREAD_OFFSET(utime) <= TIMES_SIZE - sizeof(__u64)           \
		 ? *(__u64 *)((walk)->times + (THREAD_OFFSET(field) - THREAD_OFFSET(utime))) \
		 : BPF_CORE_READ(thread, field))
#define THREAD_IO(walk, field) \
	(*(__u64 *)((walk)->io + (THREAD_OFFSET(ioac.field) - THREAD_OFFSET(ioac))))

LOOP_BODY long thread_add(__u32 i, struct thread_walk **context)
{
	struct thread_walk *walk = *context;
	struct list_head *node = walk->node;
	struct task_struct *thread;
	struct counters *sum = &walk->sum;

	if (!node || node == walk->head)
		return 1;
	thread = (void *)((__u64)(unsigned long)node - THREAD_OFFSET(thread_node));
	bpf_probe_read_kernel(walk->times, sizeof(walk->times), &thread->utime);
	bpf_probe_read_kernel(walk->io, sizeof(walk->io), &thread->ioac);
	sum->run_ns += BPF_CORE_READ(thread, se.sum_exec_runtime);
	sum->user_ticks_ns += THREAD_TIME(walk, thread, utime);
	sum->system_ticks_ns += THREAD_TIME(walk, thread, stime);
	sum->usage.voluntary_switches += THREAD_TIME(walk, thread, nvcsw);
	sum->usage.involuntary_switches += THREAD_TIME(walk, thread, nivcsw);
	sum->usage.minor_faults += THREAD_TIME(walk, thread, min_flt);
	sum->usage.major_faults += THREAD_TIME(walk, thread, maj_flt);
	sum->usage.read_bytes += THREAD_IO(walk, rchar);
	sum->usage.written_bytes += THREAD_IO(walk, wchar);
	sum->usage.disk_read_bytes += THREAD_IO(walk, read_bytes);
	sum->usage.disk_written_bytes += THREAD_IO(walk, write_bytes);
	walk->node = BPF_CORE_READ(node, next);
	return 0;
}

static __always_inline void counters_add_threads(struct counters *counters,
						 struct task_struct *leader,
						 const struct signal_struct *signal)
{
	struct thread_walk *walk;
	__u32 zero = 0;

	walk = bpf_map_lookup_elem(&thread_walk, &zero);
	if (!walk)
		return;
	walk->sum = *counters;
	walk->node = BPF_CORE_READ(leader, thread_node.next);
	walk->head = (void *)&signal->thread_head;
	loop(THREADS_MAX, THREADS_MAX, thread_add, &walk);
	*counters = walk->sum;
}

/*
 * Of a living process. False when a thread was released meanwhile: its numbers move from the thread
 * to the sum under stats_lock, so a reader that overlaps may see them twice.
 */
static __always_inline bool counters_of_living(struct task_struct *leader,
					       const struct signal_struct *signal,
					       struct counters *ret_counters)
{
	__u32 before = signal_sequence(signal);

	if (before & 1)
		return false;
	counters_of_ended(signal, ret_counters);
	counters_add_leader(ret_counters, leader);
	if (signal->nr_threads > 1)
		counters_add_threads(ret_counters, leader, signal);
	return signal_sequence(signal) == before;
}

/*
 * run_ns split as wait4 splits it (cputime_adjust() of kernel/sched/cputime.c): in the ratio of the
 * ticks, neither part ever smaller than before, and exactly run_ns together.
 */
static __always_inline void usage_split_cpu(const struct counters *counters,
					    const struct usage *before, struct usage *usage)
{
	__u64 part = counters->system_ticks_ns, run = counters->run_ns;
	__u64 whole = part + counters->user_ticks_ns;
	__u64 system_ns;

	/* So that no product below exceeds 64 bits; a ratio of 16 bits is still good to 0.002 %. */
	for (int i = 0; i < 2; i++) {
		if (whole >> 32) {
			whole >>= 16;
			part >>= 16;
		}
	}
	if (whole == 0)
		system_ns = 0;
	else
		system_ns = run / whole * part + run % whole * part / whole;
	if (system_ns < before->system_ns)
		system_ns = before->system_ns;
	if (system_ns > run)
		system_ns = run;
	if (run - system_ns < before->user_ns && run > before->user_ns)
		system_ns = run - before->user_ns;
	usage->system_ns = system_ns;
	usage->user_ns = run - system_ns;
}

/* A process is looked for twice, for its end and for what it used: only its end, if any, is lost. */
static __always_inline struct tool *tool_find(__u16 type, const char *image, bool end)
{
	static const struct tool empty;
	struct tool_key key = {.type = type};
	__u32 index = type;
	struct tool *tool;

	__builtin_memcpy(key.name, image, sizeof(key.name));
	tool = bpf_map_lookup_elem(&tools, &key);
	if (tool)
		return tool;
	bpf_map_update_elem(&tools, &key, &empty, BPF_NOEXIST);
	tool = bpf_map_lookup_elem(&tools, &key);
	if (tool)
		return tool;
	if (end)
		lost_add(LOST_TOOLS_FULL);
	return bpf_map_lookup_elem(&other_tools, &index);
}

static __always_inline bool is_tool(const struct process *row)
{
	return !(row->flags & (PROCESS_AGENT | PROCESS_RELAUNCHED));
}

/* Adds what `now` has more than the row has accounted for; returns the CPU part of it. */
static __always_inline __u64 usage_charge(struct process *row, __u16 type, const struct usage *now)
{
	__u32 index = type;
	struct agent_totals *totals = bpf_map_lookup_elem(&agent_totals, &index);
	const __u64 *current = (const __u64 *)now;
	__u64 *accounted = (__u64 *)&row->accounted;
	__u64 cpu_ns = 0;

	if (!totals)
		return 0;
#pragma unroll
	for (unsigned int i = 0; i < sizeof(*now) / sizeof(__u64); i++) {
		__u64 *total = (__u64 *)&totals->usage + i;

		if (current[i] <= accounted[i])
			continue;
		if (type)
			__sync_fetch_and_add(total, current[i] - accounted[i]);
		if (i < 2)
			cpu_ns += current[i] - accounted[i];
		accounted[i] = current[i];
	}
	return cpu_ns;
}

/* Brings the totals of its tree up to `counters`. See process.h for why no one else does so now. */
static __always_inline void process_account(struct process *row, struct counters *counters)
{
	__u16 type = row->type;
	struct tool *tool;
	__u64 cpu_ns;

	if (row->charged_type != type) {
		usage_charge(row, row->charged_type, &row->base);
		row->charged_type = type;
	}
	usage_split_cpu(counters, &row->accounted, &counters->usage);
	cpu_ns = usage_charge(row, type, &counters->usage);
	if (!cpu_ns || !is_tool(row))
		return;
	tool = tool_find(type, row->image, false);
	if (tool)
		__sync_fetch_and_add(&tool->cpu_ns, cpu_ns);
}

#endif
