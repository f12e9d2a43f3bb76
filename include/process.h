/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_PROCESS_H
#define OPERAGLASS_PROCESS_H

#include <linux/types.h>
#include "histogram.h"
#include "sizes.h"

/*
 * Processes, agents and tools. All times are nanoseconds of CLOCK_BOOTTIME.
 *
 * A process is (tgid, start of its group leader): tgids are reused. An agent root is a process
 * whose image matches a rule; its descendants (by fork, not by current parent) are its tree, and
 * every other process of the tree is a tool. A tree ends where another root begins.
 *
 * Accounting: `accounted` of a row is what this process has already added to agent_totals (and, for
 * a tool, to tools). Two programs add the difference: the task iterator (live values, at a scrape)
 * and sched_process_free (exact totals, once). They cannot meet on one process: the iterator only
 * touches a task whose sighand is still set, and inside its RCU section such a task cannot be
 * freed. Sums therefore never go backwards and end exact, also when no one scrapes or the reader
 * restarts. The iterator `members` must not be run twice at the same moment.
 *
 * Who writes a row: fork creates it; exec (the process itself) and `bootstrap` set what it is; the
 * signal's sender sets signal and sender; its last thread sets exited, status, reason and peak_bytes; the two
 * above set `accounted` and `charged_type`; sched_process_free deletes it. No member has two
 * writers at one time, so no lock is needed.
 */

enum end_reason { /* label `reason` */
	END_SUCCESS = 0,
	END_ERROR = 1,
	END_SIGNAL_SELF = 2,
	END_SIGNAL_PARENT = 3,
	END_SIGNAL_OTHER = 4,
	END_OOM = 5,
	END_CORE = 6,
	END_REASONS = 7,
};

enum signal_sender {
	SENDER_UNKNOWN = 0,
	SENDER_SELF = 1,
	SENDER_PARENT = 2, /* the forker or the real parent at that moment */
	SENDER_OTHER = 3,
	SENDER_KERNEL = 4,
};

enum process_flag {
	PROCESS_AGENT = 1 << 0,	  /* is an agent root */
	PROCESS_EXISTED = 1 << 1, /* ran before the programs were attached: found by `bootstrap` */
	PROCESS_RELAUNCHED = 1 << 2, /* the agent proper that its launcher started: neither a second
					agent nor a tool */
	PROCESS_EXECED = 1 << 4,     /* runs another image than its forker */
	PROCESS_ORPHAN = 1 << 3,     /* in struct member only: its forker has ended */
};

/* What is counted of one process or a sum of processes. */
struct usage {
	__u64 user_ns; /* run time, split as wait4 splits it */
	__u64 system_ns;
	__u64 read_bytes; /* by system calls (rchar, wchar of /proc/PID/io) */
	__u64 written_bytes;
	__u64 disk_read_bytes; /* by the storage layer (read_bytes, write_bytes) */
	__u64 disk_written_bytes;
	__u64 voluntary_switches;
	__u64 involuntary_switches;
	__u64 minor_faults;
	__u64 major_faults;
};

/* Map `processes`: every user process of the host. Key: __u32 tgid as the initial pid namespace
 * sees it. */
struct process {
	__u64 start_ns;	       /* group leader's start_boottime; with tgid the identity */
	__u64 forker_start_ns; /* 0: unknown */
	__u64 root_start_ns;   /* 0 without a root */
	__u64 run_start_ns;    /* start of this agent's or tool's life: fork, or for a root the exec
				  that matched */
	__u64 image_ns; /* last exec, else fork: what its number said before is another program's */
	struct usage accounted;
	struct usage base; /* used when an exec made it what `type` says; before: charged_type's */
	__u64 peak_pages_at_exec; /* signal->maxrss keeps the old image's peak */
	__u64 peak_bytes; /* resident; largest seen, and with `exited` the peak; 0: unknown */
	__u32 tgid;
	__u32 forker;	    /* tgid of the process that called fork */
	__u32 root;	    /* tgid of the agent root, itself included; 0: none */
	__u32 status;	    /* as wait4 reports it, valid with `exited` */
	__u16 type;	    /* agent type id of the root; 0: none */
	__u16 charged_type; /* the type that `accounted` went to last */
	__u8 flags;	    /* enum process_flag */
	__u8 exited;	    /* 1: the last thread has ended, exact totals still to come */
	__u8 signal;	    /* last fatal signal that was delivered to it */
	__u8 sender;	    /* enum signal_sender of that signal */
	__u8 reason;	    /* enum end_reason, valid with `exited` */
	__u8 reserved[3];
	__u32 open_fds;		    /* when `members` last saw that it had run */
	char image[TOOL_NAME_SIZE]; /* basename of the last image; inherited at fork */
};

/* Map `agent_rules`: what makes a process an agent. Key: struct image_name. */
struct image_name {
	char name[IMAGE_NAME_SIZE]; /* "claude" or "claude-code/cli.js", zero-padded */
};

/*
 * Map `agent_filter`, array of one: a set bit for the first eight bytes of every rule's basename
 * (bpf/image_name.h). A name whose bit is clear has no rule. 4,096 bits: with 100 rules, one
 * unlisted name in 40 is looked up in vain.
 */
#define IMAGE_FILTER_SHIFT 12
struct image_filter {
	__u64 bits[(1 << IMAGE_FILTER_SHIFT) / 64];
};

enum agent_rule_flag {
	RULE_RELAUNCHES =
		1 << 0, /* a matching direct child of a root of this type is the same agent */
	RULE_INTERPRETER = 1 << 1, /* not an agent itself: look at its arguments */
	RULE_DIRECTORY = 1 << 2,   /* some rule has this basename and a directory: look at both */
};

struct agent_rule {
	__u16 type;  /* 0 for an interpreter, or a basename that means nothing alone */
	__u16 flags; /* enum agent_rule_flag */
};

/* Map `agent_types`: array by type id. An unused row has an empty name. */
struct agent_type {
	char name[TYPE_NAME_SIZE];
};

/*
 * Map `agent_tgids`, array of one, which the observer has in its memory: so that of each of thousands
 * of mappings a second it need not ask in whose tree the process is. Drifts up only, by races that are
 * made up for by asking.
 */
#define TREE_MEMBERS \
	8192	      /* 32 KiB; with 80 processes in trees, 1 % of the others are asked about */
#define TREE_BORN 256 /* agents that start between two looks; more are found by a scan */
struct agent_tgids {
	__u32 born; /* how often a process became an agent; after its tgid is below */
	__u32 reserved;
	__u32 born_tgids[TREE_BORN]; /* by tgid % TREE_BORN; the observer takes it and leaves 0 */
	__u32 members[TREE_MEMBERS]; /* by tgid % TREE_MEMBERS: processes in trees; 0: none */
};

/* Map `agent_totals`: array by type id; counters of whole trees, living and dead. */
struct agent_totals {
	__u64 starts;
	struct usage usage;
	struct histogram peak_memory; /* per process of the tree, at exit */
};

/* Map `agent_exits`. Value: __u64. */
struct agent_exit_key {
	__u16 type;
	__u8 reason; /* enum end_reason */
	__u8 code;   /* exit code (success, error), else the signal's number */
};

/* Map `agent_executions`. Value: struct histogram. */
struct agent_execution_key {
	__u16 type;
	__u16 reason;
};

/*
 * Map `tools`: bounded by configuration. What finds no room is counted in the map `other_tools`
 * (array of struct tool by type id), so that "other" always exists.
 */
struct tool_key {
	__u16 type;
	char name[TOOL_NAME_SIZE];
};

struct tool {
	__u64 cpu_ns;
	__u64 ends[END_REASONS]; /* by enum end_reason */
	struct histogram execution;
};

/* What the task iterator writes for every live (or unreaped) member of a tree, leaders only. */
struct member {
	__u64 start_ns;
	__u64 root_start_ns;
	__u64 run_start_ns;
	__u64 cpu_ns; /* of this process so far */
	__u64 resident_bytes;
	__u32 tgid;
	__u32 root;
	__u32 forker;
	__u32 threads;
	__u32 open_fds;
	__u16 type;
	__u8 flags; /* enum process_flag */
	__u8 zombie;
	char image[TOOL_NAME_SIZE];
};

/*
 * Map `verdicts`, hash: what the observer found in /proc about a process that `bootstrap` listed.
 * `bootstrap` applies it and takes it out.
 */
struct verdict_key {
	__u64 start_ns;
	__u32 tgid;
	__u32 reserved;
};

struct verdict {
	__u16 type;
	__u8 relaunched; /* 1: belongs to its forker's agent, see PROCESS_RELAUNCHED */
	__u8 reserved;
};

/* What `bootstrap` writes for every process that it listed, judged or gave a root. */
enum bootstrap_change {
	BOOTSTRAP_LISTED = 1,
	BOOTSTRAP_JUDGED = 2,
	BOOTSTRAP_INHERITED = 3,
};

_Static_assert(sizeof(struct usage) == 80, "contract");
_Static_assert(sizeof(struct image_name) == 32, "contract");
_Static_assert(sizeof(struct agent_exit_key) == 4, "contract");
_Static_assert(sizeof(struct process) == 264, "contract");
_Static_assert(sizeof(struct tool_key) == 18, "contract");
_Static_assert(sizeof(struct tool) == 64 + sizeof(struct histogram), "contract");
_Static_assert(sizeof(struct member) == 80, "contract");
_Static_assert(sizeof(struct verdict_key) == 16, "contract");
_Static_assert(sizeof(struct verdict) == 4, "contract");
_Static_assert(sizeof(struct image_filter) == 512, "contract");

#endif
