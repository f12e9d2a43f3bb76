// SPDX-License-Identifier: Apache-2.0
/*
 * Takes everything away from the process that it does not need to answer scrapes. One way: there
 * is no return.
 */
#ifndef EXPORTER_CONFINE_H
#define EXPORTER_CONFINE_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * As root: becomes `user` without groups, capabilities or a way to get them back; keeps CAP_BPF
 * where the kernel reads maps for nobody else (before 5.19, with
 * kernel.unprivileged_bpf_disabled), *ret_kept_bpf says so. As somebody else: only gives up what
 * could be gained. Dies with `parent` from here on. Logs what failed.
 */
int confine_privileges(const char *user, pid_t parent, bool *ret_kept_bpf);

/*
 * Leaves the system calls that the table in confine_calls.c names; every other one fails with
 * EPERM.
 */
int confine_calls(void);

#endif
