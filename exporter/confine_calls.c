// SPDX-License-Identifier: Apache-2.0
/*
 * The system calls of a running exporter.
 *
 * What is not in the table fails with EPERM instead of killing: a new version of a library that
 * tries something new meets an error it handles, and the metrics stay; killing would turn it into
 * a restart loop. Either way nothing is started, connected or made executable, and no file changes
 * its owner; which files can be opened is confine_files.c's matter.
 */
#include "confine.h"

#include <errno.h>
#include <linux/bpf.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "log.h"

struct allowed_call {
	int number;
	unsigned condition_count;
	struct scmp_arg_cmp condition; /* a call is allowed by any of its rows */
};

#define ALWAYS(name)               \
	{                          \
		SCMP_SYS(name), 0, \
		{                  \
			0, 0, 0, 0 \
		}                  \
	}
#define WITHOUT(name, argument, bits)                         \
	{                                                     \
		SCMP_SYS(name), 1,                            \
		{                                             \
			argument, SCMP_CMP_MASKED_EQ, bits, 0 \
		}                                             \
	}
#define ONLY(name, argument, value)                     \
	{                                               \
		SCMP_SYS(name), 1,                      \
		{                                       \
			argument, SCMP_CMP_EQ, value, 0 \
		}                                       \
	}

/* clang-format off */
static const struct allowed_call allowed_calls[] = {
	/* the loop */
	ALWAYS(epoll_wait), ALWAYS(epoll_pwait), ALWAYS(epoll_ctl), ALWAYS(epoll_create1),
	ALWAYS(clock_gettime), ALWAYS(restart_syscall),
	/* clients: only accepted ones, there is no socket() and no connect() */
	ALWAYS(accept4), ALWAYS(accept), ALWAYS(shutdown), ALWAYS(setsockopt), ALWAYS(getsockopt),
	ALWAYS(getsockname), ALWAYS(getpeername), ALWAYS(fcntl),
	ALWAYS(sendto), ALWAYS(sendmsg), ALWAYS(recvfrom), ALWAYS(recvmsg),
	/* held files: the log, /proc, iterators, the signal descriptor */
	ALWAYS(read), ALWAYS(pread64), ALWAYS(readv), ALWAYS(write), ALWAYS(writev), ALWAYS(close),
	ALWAYS(lseek), ALWAYS(getdents64), ALWAYS(fstat), ALWAYS(newfstatat),
	/* the journal: SQLite's files, their locks, and what is set aside; no change of owners */
	ALWAYS(openat), ALWAYS(open), ALWAYS(unlink), ALWAYS(unlinkat), ALWAYS(rename),
	ALWAYS(renameat), ALWAYS(renameat2), ALWAYS(ftruncate), ALWAYS(fallocate),
	ALWAYS(fdatasync), ALWAYS(fsync), ALWAYS(pwrite64), ALWAYS(pwritev), ALWAYS(preadv),
	ALWAYS(flock), ALWAYS(fchmod), ALWAYS(access), ALWAYS(faccessat), ALWAYS(faccessat2),
	ALWAYS(stat), ALWAYS(lstat), ALWAYS(statx), ALWAYS(statfs), ALWAYS(fstatfs),
	ALWAYS(readlink), ALWAYS(readlinkat), ALWAYS(getcwd), ALWAYS(geteuid), ALWAYS(getuid),
	/* threads that run already, if only just: how they begin, and what they wait with */
	ALWAYS(rseq), ALWAYS(set_robust_list), ALWAYS(sched_getaffinity),
	ONLY(prctl, 0, PR_SET_NAME),
	ALWAYS(nanosleep), ALWAYS(clock_nanosleep), ALWAYS(sched_yield), ALWAYS(poll),
	ALWAYS(ppoll), ALWAYS(timerfd_settime), ALWAYS(clock_getres), ALWAYS(recvmmsg),
	/* memory, never executable */
	WITHOUT(mmap, 2, PROT_EXEC), WITHOUT(mprotect, 2, PROT_EXEC), ALWAYS(munmap), ALWAYS(mremap),
	ALWAYS(brk), ALWAYS(madvise), ALWAYS(futex), ALWAYS(getrandom),
	/* maps that were handed over: read, and rows taken out whose life is over */
	ONLY(bpf, 0, BPF_MAP_LOOKUP_ELEM), ONLY(bpf, 0, BPF_MAP_GET_NEXT_KEY),
	ONLY(bpf, 0, BPF_MAP_LOOKUP_AND_DELETE_ELEM), ONLY(bpf, 0, BPF_MAP_DELETE_ELEM),
	ONLY(bpf, 0, BPF_MAP_LOOKUP_BATCH), ONLY(bpf, 0, BPF_MAP_LOOKUP_AND_DELETE_BATCH),
	ONLY(bpf, 0, BPF_OBJ_GET_INFO_BY_FD), ONLY(bpf, 0, BPF_ITER_CREATE),
	/* the end */
	ALWAYS(exit), ALWAYS(exit_group), ALWAYS(rt_sigaction), ALWAYS(rt_sigprocmask),
	ALWAYS(rt_sigreturn), ALWAYS(getpid), ALWAYS(gettid), ALWAYS(tgkill),
};
/* clang-format on */

int confine_calls(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int err = filter ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; i < sizeof(allowed_calls) / sizeof(*allowed_calls) && !err; i++)
		err = seccomp_rule_add_array(filter, SCMP_ACT_ALLOW, allowed_calls[i].number,
					     allowed_calls[i].condition_count,
					     &allowed_calls[i].condition);
	/* Threads have begun by now: the filter is for all of them. */
	if (!err)
		err = seccomp_attr_set(filter, SCMP_FLTATR_CTL_TSYNC, 1);
	if (!err)
		err = seccomp_load(filter);
	if (filter)
		seccomp_release(filter);
	if (err)
		return log_error(err, "cannot restrict the system calls: %s", strerror(-err));
	return 0;
}
