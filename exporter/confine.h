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
 * Leaves the files in `journal_directory` (NULL: none), those of time zones, and nothing else of the
 * file system, where the kernel can (Landlock, 5.13). For this thread and those it starts from here
 * on; descriptors that are open stay good. Where the kernel cannot, it is as if it had not been
 * called. 0 or -errno (logged).
 */
int confine_files(const char *journal_directory);

/*
 * Leaves the system calls that the table in confine_calls.c names; every other one fails with
 * EPERM. For every thread of the process: none can be started afterwards. Each must have been
 * started after confine_privileges().
 */
int confine_calls(void);

#endif
