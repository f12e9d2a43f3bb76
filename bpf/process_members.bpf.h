/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_PROCESS_MEMBERS_BPF_H
#define OPERAGLASS_PROCESS_MEMBERS_BPF_H

#include "loop.bpf.h"
#include "process_judge.bpf.h"

/* As many as there can be processes to judge before `bootstrap` takes the verdicts. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct verdict_key);
	__type(value, struct verdict);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} verdicts SEC(".maps");

/* include/linux/sched.h */
#define EXIT_ZOMBIE 0x20

/* 4,096 descriptors: of a process with more, the first ones are counted. */
#define FD_WORDS_MAX 64

static __always_inline __u32 bits_set(__u64 word)
{
	word -= word >> 1 & 0x5555555555555555ULL;
	word = (word & 0x3333333333333333ULL) + (word >> 2 & 0x3333333333333333ULL);
	return ((word + (word >> 4)) & 0x0f0f0f0f0f0f0f0fULL) * 0x0101010101010101ULL >> 56;
}

struct fd_walk {
	const unsigned long *words;
	__u32 count;
};

LOOP_BODY long fd_word(__u32 i, struct fd_walk *walk)
{
	__u64 word;

	if (bpf_probe_read_kernel(&word, sizeof(word), walk->words + i))
		return 1;
	walk->count += bits_set(word);
	return 0;
}

/* fdtable is freed by RCU, within which iterators run; a process that exits may show 0. */
static __always_inline __u32 open_fds(struct task_struct *task)
{
	struct fdtable *table = BPF_CORE_READ(task, files, fdt);
	struct fd_walk walk = {.words = BPF_CORE_READ(table, open_fds)};
	__u32 size = BPF_CORE_READ(table, max_fds) / 64;

	if (size > FD_WORDS_MAX)
		size = FD_WORDS_MAX;
	loop(size, FD_WORDS_MAX, fd_word, &walk);
	return walk.count;
}

static __always_inline bool forker_is_gone(const struct process *row)
{
	__u32 tgid = row->forker;
	struct process *forker;

	/* Who ran before has only its present parent for a forker, and that one lives. */
	if (!row->forker_start_ns || row->flags & PROCESS_EXISTED)
		return false;
	forker = bpf_map_lookup_elem(&processes, &tgid);
	return !forker || forker->start_ns != row->forker_start_ns || forker->exited;
}

static __always_inline void member_fill(struct member *member, struct process *row,
					struct task_struct *task,
					const struct signal_struct *signal, struct mm_struct *mm)
{
	member->start_ns = row->start_ns;
	member->root_start_ns = row->root_start_ns;
	member->run_start_ns = row->run_start_ns;
	member->cpu_ns = row->accounted.user_ns + row->accounted.system_ns;
	member->tgid = row->tgid;
	member->root = row->root;
	member->forker = row->forker;
	member->type = row->type;
	member->flags = row->flags;
	member->zombie = task->exit_state & EXIT_ZOMBIE && signal->live.counter == 0;
	member->threads = member->zombie ? 0 : signal->nr_threads;
	if (mm)
		member->resident_bytes = mm_resident_pages(mm) * PAGE_BYTES;
	member->open_fds = row->open_fds;
	if (row->flags & PROCESS_AGENT && forker_is_gone(row))
		member->flags |= PROCESS_ORPHAN;
	__builtin_memcpy(member->image, row->image, sizeof(member->image));
}

/* Whether there is anything to add: who did not run since did nothing else. For a process with other
 * threads only looking at all of them could tell. */
static __always_inline bool has_run(const struct process *row, const struct task_struct *task,
				    const struct signal_struct *signal)
{
	return signal->nr_threads != 1 || row->charged_type != row->type ||
	       signal->sum_sched_runtime + task->se.sum_exec_runtime !=
		       row->accounted.user_ns + row->accounted.system_ns;
}

/*
 * Accounting here cannot meet sched_process_free of the same process: that fires in the RCU callback
 * which release_task() asks for after it has cleared sighand, and this whole program runs in one RCU
 * read section. So whoever is seen with a sighand cannot be freed before this program returns, and
 * whoever has none is left to sched_process_free. An unreaped zombie still has its sighand.
 */
static __always_inline void member_write(struct seq_file *seq, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	/* Before the first branch: 6.18 searches all its types for each way to a load of a pointer. */
	struct mm_struct *mm = task->mm;
	struct process *row = process_find(task);
	struct member member = {};
	struct counters counters;

	if (!row || !row->type || !task->sighand)
		return;
	if (has_run(row, task, signal)) {
		row->open_fds = open_fds(task);
		if (counters_of_living(task, signal, &counters))
			process_account(row, &counters);
	}
	member_fill(&member, row, task, signal, mm);
	if (!row->exited && member.resident_bytes > row->peak_bytes)
		row->peak_bytes = member.resident_bytes;
	bpf_seq_write(seq, &member, sizeof(member));
}

/* Takes the root of its forker; false while that one has none. */
static __always_inline bool bootstrap_inherit(struct process *row, __u8 flags)
{
	__u32 tgid = row->forker;
	struct process *forker = bpf_map_lookup_elem(&processes, &tgid);

	if (!forker || forker->start_ns != row->forker_start_ns || !forker->type)
		return false;
	trees_count(row->tgid, 1);
	row->root = forker->root;
	row->root_start_ns = forker->root_start_ns;
	row->flags |= flags;
	FORGET();
	row->type = forker->type;
	return true;
}

static __always_inline bool bootstrap_apply(struct process *row)
{
	struct verdict_key key = {.start_ns = row->start_ns, .tgid = row->tgid};
	struct verdict *verdict = bpf_map_lookup_elem(&verdicts, &key);

	if (!verdict)
		return false;
	if (row->flags & (PROCESS_AGENT | PROCESS_RELAUNCHED) || row->exited) {
		/* An exec or its end came first. */
	} else if (verdict->relaunched) {
		if (!bootstrap_inherit(row, PROCESS_RELAUNCHED))
			return false;
	} else {
		/* An agent that was in nobody's tree gets all that it used since its start; a tool
		 * of another agent, which a new rule makes an agent, what no scrape has seen yet. */
		row->base = row->accounted;
		process_become_root(row, verdict->type, PROCESS_AGENT | PROCESS_EXISTED);
	}
	bpf_map_delete_elem(&verdicts, &key);
	return true;
}

/* Lists what ran before fork was watched. A task with a sighand cannot be freed before this program
 * returns (see above), so whoever is listed here is also deleted. */
static __always_inline void bootstrap_visit(struct seq_file *seq, struct task_struct *task)
{
	struct process *row = process_find(task);
	__u8 change;

	if (!task->sighand)
		return;
	if (!row) {
		if (process_list(task, PROCESS_EXISTED | PROCESS_EXECED))
			return;
		change = BOOTSTRAP_LISTED;
		bpf_seq_write(seq, &change, sizeof(change));
		return;
	}
	if (bootstrap_apply(row))
		change = BOOTSTRAP_JUDGED;
	else if (!row->type && !row->exited && bootstrap_inherit(row, 0))
		change = BOOTSTRAP_INHERITED;
	else
		return;
	bpf_seq_write(seq, &change, sizeof(change));
}

#endif
