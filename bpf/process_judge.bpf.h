/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_PROCESS_JUDGE_BPF_H
#define OPERAGLASS_PROCESS_JUDGE_BPF_H

#include "image_name.h"
#include "process_end.bpf.h"

/* Names and interpreters of the configuration, with room for the basenames of "dir/file" names. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct image_name);
	__type(value, struct agent_rule);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} agent_rules SEC(".maps");

/* For people and for the exporter: which name a type id stands for. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_AGENT_TYPES);
	__type(key, __u32);
	__type(value, struct agent_type);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} agent_types SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct image_filter);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} agent_filter SEC(".maps");

/* Too large for the stack. Only exec uses it, and tracepoint programs are not preempted. */
struct judge_scratch {
	char path[IMAGE_PATH_SIZE];
	char beyond[IMAGE_NAME_SIZE]; /* so that a name at the very end can be read as a whole */
	__u32 from, tail;	      /* of image_tail() */
	__u32 length;
	__u32 used; /* bytes of `path` that anything was ever read into since it was forgotten */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct judge_scratch);
} judge_scratch SEC(".maps");

#define FORGET() asm volatile("" ::: "memory")

static __always_inline struct judge_scratch *scratch_find(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&judge_scratch, &zero);
}

/* Arguments may be secrets. What cannot be read is zeroed: the shortest way to forget them. */
static __always_inline void scratch_forget(struct judge_scratch *scratch)
{
	bpf_probe_read_kernel(scratch->path, ((scratch->used - 1) & (IMAGE_PATH_SIZE - 1)) + 1,
			      NULL);
}

static __always_inline bool may_have_rule(__u64 word)
{
	__u32 zero = 0, bit = image_filter_bit(word);
	struct image_filter *filter = bpf_map_lookup_elem(&agent_filter, &zero);

	return filter && filter->bits[bit / 64] >> bit % 64 & 1;
}

/* A rule as a number, so that a global function can return it: 0 is none. */
#define RULE_FOUND (1 << 31)
static __always_inline __u32 rule_find(const char *name)
{
	struct image_name key = {};
	struct agent_rule *rule;

	if (bpf_probe_read_kernel_str(key.name, sizeof(key.name), name) <= 1)
		return 0;
	rule = bpf_map_lookup_elem(&agent_rules, &key);
	return rule ? RULE_FOUND | (rule->flags & 0xff) << 16 | rule->type : 0;
}

static __always_inline __u16 rule_type(__u32 rule)
{
	return rule;
}

static __always_inline bool rule_has(__u32 rule, enum agent_rule_flag flag)
{
	return rule >> 16 & flag;
}

/* The last `*tail` bytes of the path in the scratch, from the last slash further back than `from`
 * bytes from its end; NULL where that is too long for a rule. Both lengths go through memory:
 * what the verifier learns of them in each round of the loop would be followed to the end. */
static __always_inline const char *path_tail(struct judge_scratch *scratch, __u32 from, __u32 *tail)
{
	__u32 length = scratch->length;

	scratch->from = from;
	scratch->tail = image_tail(scratch->path, length, &scratch->from);
	FORGET();
	length = scratch->length;
	*tail = scratch->tail;
	if (*tail >= IMAGE_NAME_SIZE || *tail > length)
		return NULL;
	return scratch->path + ((length - *tail) & (IMAGE_PATH_SIZE - 1));
}

/*
 * The rule for the path in the scratch, by its basename or, where one asks for it, with the
 * directory before it. A global function (not static), so that the verifier looks at it once.
 */
__noinline __u32 rule_of_path(void)
{
	struct judge_scratch *scratch = scratch_find();
	__u32 rule, with_directory = 0, tail;
	const char *name;

	if (!scratch)
		return 0;
	name = path_tail(scratch, 0, &tail);
	if (!name || !may_have_rule(image_word(name, tail)))
		return 0;
	rule = rule_find(name);
	if (!rule_has(rule, RULE_DIRECTORY))
		return rule;
	name = path_tail(scratch, tail + 1, &tail);
	if (name)
		with_directory = rule_find(name);
	return with_directory ? with_directory : rule;
}

#define MEMFD_PREFIX	  "memfd:" /* mm/memfd.c */
#define MEMFD_PREFIX_SIZE 6

/* What an executable is called when its path says nothing: a link, a deleted file, a memfd. */
static __always_inline const char *image_of_file(const struct linux_binprm *bprm, __u64 *ret_word)
{
	const char *name = (const char *)bprm->file->f_path.dentry->d_name.name;
	__u32 length = bprm->file->f_path.dentry->d_name.len;
	char start[8] = {};
	__u64 word;

	bpf_probe_read_kernel(start, sizeof(start), name);
	word = image_word(start, length);
	if ((word & ((1ULL << 8 * MEMFD_PREFIX_SIZE) - 1)) ==
	    (image_word(MEMFD_PREFIX "\0", MEMFD_PREFIX_SIZE))) {
		name += MEMFD_PREFIX_SIZE;
		length -= MEMFD_PREFIX_SIZE;
		bpf_probe_read_kernel(start, sizeof(start), name);
		word = image_word(start, length);
	}
	*ret_word = word;
	return name;
}

static __always_inline __u32 rule_of_file(const struct linux_binprm *bprm)
{
	__u64 word;
	const char *name = image_of_file(bprm, &word);

	return may_have_rule(word) ? rule_find(name) : 0;
}

/* Reads the argument at *address into the scratch and moves on to the next one. */
static __always_inline bool argument_read(struct judge_scratch *scratch, __u64 *address, __u64 end)
{
	long size;

	if (*address >= end)
		return false;
	size = bpf_probe_read_user_str(scratch->path, IMAGE_PATH_SIZE,
				       (const void *)(unsigned long)*address);
	if (size > 0 && scratch->used < size)
		scratch->used = size;
	if (size <= 0 || size >= IMAGE_PATH_SIZE)
		return false;
	scratch->length = size - 1;
	*address += size;
	return true;
}

/* The rule for the script among the arguments from `address` on. Global as rule_of_path is. */
__noinline __u32 rule_of_script(__u64 address, __u64 end)
{
	struct judge_scratch *scratch = scratch_find();

	if (!scratch)
		return 0;
	for (int i = 0; i < ARGUMENTS_MAX; i++) {
		if (!argument_read(scratch, &address, end))
			return 0;
		switch (argument_step(scratch->path, scratch->length)) {
		case ARGUMENT_SCRIPT:
			return rule_of_path();
		case ARGUMENT_OPTION:
			break;
		default:
			return 0;
		}
	}
	return 0;
}

/*
 * What the image that was just executed is: by its path (in the scratch), else by its file's own
 * name (a link, a deleted file, a memfd), else by what it was called with; for an interpreter, by
 * its script. 0: nothing that a rule knows.
 */
static __always_inline __u32 judge(const struct task_struct *task, const struct linux_binprm *bprm,
				   struct judge_scratch *scratch)
{
	__u64 address = task->mm->arg_start, end = task->mm->arg_end;
	__u32 rule = rule_of_path();

	if (!rule)
		rule = rule_of_file(bprm);
	if (rule_type(rule))
		return rule;
	if (!argument_read(scratch, &address, end))
		return 0;
	if (!rule)
		rule = rule_of_path();
	if (!rule_type(rule) && rule_has(rule, RULE_INTERPRETER))
		return rule_of_script(address, end);
	return rule;
}

/* The agent proper that its own launcher started: the launcher stays the root. */
static __always_inline bool is_relaunched(const struct process *row, __u32 rule)
{
	__u32 tgid = row->forker;
	struct process *forker;

	if (!rule_has(rule, RULE_RELAUNCHES) || row->type != rule_type(rule))
		return false;
	forker = bpf_map_lookup_elem(&processes, &tgid);
	return forker && forker->start_ns == row->forker_start_ns &&
	       forker->type == rule_type(rule) &&
	       forker->flags & (PROCESS_AGENT | PROCESS_RELAUNCHED);
}

/* `type` last: whoever reads it first finds what belongs to it. */
static __always_inline void process_become_root(struct process *row, __u16 type, __u8 flags)
{
	if (!row->root)
		trees_count(row->tgid, 1);
	row->root = row->tgid;
	row->root_start_ns = row->start_ns;
	row->flags = flags | PROCESS_EXECED;
	FORGET();
	row->type = type;
	trees_tell(row->tgid);
}

static __always_inline void emit_agent_start(const struct process *row)
{
	struct fact_agent_start *fact = fact_reserve(FACT_AGENT_START, sizeof(*fact));

	if (!fact)
		return;
	fact->start_ns = row->start_ns;
	fact->tgid = row->tgid;
	fact->forker = row->forker;
	fact->type = row->type;
	fact_submit(fact);
}

/* An exec made this process an agent. What another image used in it before stays with whom it
 * belonged to; what fork and exec themselves cost is the agent's, as wait4 has it. */
static __always_inline void agent_starts(struct process *row, __u16 type,
					 const struct task_struct *task,
					 const struct signal_struct *signal)
{
	__u64 now = bpf_ktime_get_boot_ns();
	struct agent_totals *totals;
	struct counters counters;
	__u32 index = type;

	if (row->flags & PROCESS_EXECED) {
		counters_of_ended(signal, &counters);
		counters_add_leader(&counters, task);
		usage_split_cpu(&counters, &row->accounted, &counters.usage);
		row->base = counters.usage;
	}
	/* One agent that hands its process over to another has ended well. */
	if (row->flags & PROCESS_AGENT)
		count_agent_end(row->type, END_SUCCESS, 0, now - row->run_start_ns);
	row->run_start_ns = now;
	process_become_root(row, type, PROCESS_AGENT);
	totals = bpf_map_lookup_elem(&agent_totals, &index);
	if (totals)
		__sync_fetch_and_add(&totals->starts, 1);
	emit_agent_start(row);
}

/* The name a tool goes by: the kernel's comm, which exec set to the path's basename, but for
 * fexecve on kernels before 6.14, where that is a descriptor's number. */
static __always_inline void process_name(struct process *row, const struct linux_binprm *bprm,
					 const struct judge_scratch *scratch)
{
	__u64 word;

	bpf_get_current_comm(row->image, sizeof(row->image));
	if (image_word(scratch->path, 8) == image_word("/dev/fd/", 8))
		bpf_probe_read_kernel_str(row->image, sizeof(row->image),
					  image_of_file(bprm, &word));
}

static __always_inline void process_judge(struct process *row, const struct task_struct *task,
					  const struct signal_struct *signal,
					  const struct linux_binprm *bprm)
{
	struct judge_scratch *scratch = scratch_find();
	__u32 rule;
	long size;

	if (!scratch)
		return;
	size = bpf_probe_read_kernel_str(scratch->path, IMAGE_PATH_SIZE, bprm->filename);
	if (size <= 0 || size > IMAGE_PATH_SIZE)
		return;
	scratch->length = size - 1;
	scratch->used = size;
	process_name(row, bprm, scratch);
	rule = judge(task, bprm, scratch);
	scratch_forget(scratch);
	if (!rule_type(rule))
		return; /* a tool, or a helper that the agent runs itself through: stays what it was */
	if (row->flags & (PROCESS_AGENT | PROCESS_RELAUNCHED) && row->type == rule_type(rule))
		return; /* env became node, sh became the script */
	if (is_relaunched(row, rule))
		row->flags |= PROCESS_RELAUNCHED;
	else
		agent_starts(row, rule_type(rule), task, signal);
}

#endif
