// SPDX-License-Identifier: Apache-2.0
/* Agents that already run: found when the programs were attached, or when the rules changed.
 *
 * The iterator `bootstrap` lists every process; this side reads what each one is from /proc, which
 * the kernel half cannot read for a process that is not running, and hands the verdicts back; the
 * iterator applies them and passes the root on along forker links until nothing changes.
 * Running it again never counts anything twice.
 */
#ifndef OPERAGLASS_BOOTSTRAP_H
#define OPERAGLASS_BOOTSTRAP_H

#include <stddef.h>

#include "agent_tables.h"

struct bootstrap_fds {
	int processes; /* maps */
	int verdicts;
	struct agent_table_fds tables; /* already filled */
	int iterator; /* link of the program `bootstrap`; everything else is attached already */
};

/* 0 or -errno (logged). ret_agents may be NULL: how many running agents were found. */
int bootstrap_run(const struct bootstrap_fds *fds, size_t *ret_agents);

/*
 * Pure: the rule for a process by its executable's path (as /proc/PID/exe tells, with " (deleted)"
 * and "memfd:") and its arguments (as /proc/PID/cmdline: each ends with NUL). Same order as at an
 * exec in bpf/process_judge.bpf.h, but for the name it was executed by, which only its first
 * argument still tells. NULL: not an agent.
 */
const struct agent_rule *bootstrap_judge(const struct agent_tables *tables, const char *path,
					 const char *arguments, size_t size);

#endif
