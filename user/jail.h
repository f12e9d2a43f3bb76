// SPDX-License-Identifier: Apache-2.0
/* What a child takes from itself, for good, before it looks at what others have made. */
#ifndef OPERAGLASS_JAIL_H
#define OPERAGLASS_JAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

#define JAIL_CALLS_MAX 32

struct jail {
	unsigned int kept[2]; /* the descriptors that stay open; the same twice: one */
	rlim_t cpu_seconds;
	int memory; /* RLIMIT_AS or RLIMIT_DATA */
	rlim_t memory_bytes;
	const uint32_t *calls; /* numbers of system calls, at most JAIL_CALLS_MAX */
	size_t call_count;
	bool only; /* all other calls end the process; else these do */
};

/* Ends with its parent from here on. Leaves all other descriptors, root, every capability and the ways back to them, files that grow, processes
 * and cores. Returns 0, or -errno: then the process is to end. */
int jail_enter(const struct jail *jail);

/* The last part of it alone: the filter of calls. Needs PR_SET_NO_NEW_PRIVS. -E2BIG: too many. */
int jail_filter(const uint32_t *calls, size_t count, bool only);

#endif
