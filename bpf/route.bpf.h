/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_ROUTE_BPF_H
#define OPERAGLASS_ROUTE_BPF_H

#include "loop.bpf.h"
#include "attempt.bpf.h"
#include "socket_maps.bpf.h"

/* A connect() of this thread (pid_tgid) that led to no SYN: it is over, and was unreachable. */
SUBPROGRAM int route_settle(__u64 thread)
{
	struct attempt_key attempt = {.tgid = thread >> 32};
	struct route_wait *found, wait;

	found = bpf_map_lookup_elem(&routes, &thread);
	if (!found)
		return 0;
	wait = *found;
	if (bpf_map_delete_elem(&routes, &thread))
		return 0;
	attempt.upstream = wait.upstream;
	attempt_begin(&attempt, wait.remote, wait.begin_ns, 0);
	attempt_failed(&attempt, wait.remote, FAILURE_UNREACHABLE, wait.begin_ns);
	return 0;
}

#endif
