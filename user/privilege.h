// SPDX-License-Identifier: Apache-2.0
/* The observer's privileges: what it needs to start, and the little that it keeps. */
#ifndef OPERAGLASS_PRIVILEGE_H
#define OPERAGLASS_PRIVILEGE_H

#include <stdbool.h>
#include <stddef.h>

struct privilege_needs {
	bool system_admin; /* this kernel probes user programs by perf events, or has no CAP_BPF */
	bool low_port;	   /* the exporter must be able to bind a port below 1024 again */
};

/* What the observer needs, and what is lost without it, for people. */
struct privilege_row {
	int capability;
	bool admin_stands_in; /* CAP_SYS_ADMIN does as well */
	const char *name;
	const char *lost; /* NULL: nothing goes without it, and who needs it says so */
};
extern const struct privilege_row privilege_rows[];
extern const size_t privilege_row_count;

/* Whether this process lacks it, on a kernel that knows it. */
bool privilege_lacks(const struct privilege_row *row);

/* One warning that names what this process lacks; none when it has everything. */
void privilege_report(void);

/* Whether this process may load programs at all: CAP_BPF and CAP_PERFMON, or CAP_SYS_ADMIN. */
bool privilege_can_load(void);

/* One capability by its kernel number, in the effective set. */
bool privilege_has(int capability);

/*
 * Gives up every other capability for good and the way to get them back. What is kept:
 *	CAP_BPF, CAP_PERFMON	attach TLS libraries that appear later
 *	CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH, CAP_CHECKPOINT_RESTORE	find them in /proc/PID
 *	CAP_SETUID, CAP_SETGID, CAP_SETPCAP, CAP_KILL	start an exporter that died again, end it
 * 0 or -errno (logged).
 */
int privilege_drop(const struct privilege_needs *needs);

#endif
