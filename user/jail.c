// SPDX-License-Identifier: Apache-2.0
#include "jail.h"

#include <errno.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534 /* not the exporter's user, who owns the journal */

#define SECOND_NUMBERS 0x40000000 /* __X32_SYSCALL_BIT */

#if defined(__x86_64__)
#define OWN_ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define OWN_ARCH AUDIT_ARCH_AARCH64
#else
#error "which numbers do the system calls of this machine have?"
#endif

/* What is more narrow already stays so: a host that bounds all its processes is no obstacle. */
static int limit(int what, rlim_t value)
{
	struct rlimit bound;

	if (getrlimit((__rlimit_resource_t)what, &bound))
		return -errno;
	if (bound.rlim_max > value)
		bound.rlim_max = value;
	bound.rlim_cur = bound.rlim_max;
	return setrlimit((__rlimit_resource_t)what, &bound) ? -errno : 0;
}

/* Numbers mean other calls by the entry of 32-bit programs: that one is shut, as are the second numbers
 * that x86 has for its calls. */
int jail_filter(const uint32_t *calls, size_t count, bool only)
{
	struct sock_filter code[JAIL_CALLS_MAX + 8] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, OWN_ARCH, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, SECOND_NUMBERS, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
	};
	const uint32_t others = only ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ALLOW,
		       listed = only ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS;
	struct sock_fprog filter = {.len = 6, .filter = code};
	size_t i;

	if (count > JAIL_CALLS_MAX)
		return -E2BIG;
	for (i = 0; i < count; i++)
		code[filter.len++] = (struct sock_filter)BPF_JUMP(
			BPF_JMP | BPF_JEQ | BPF_K, calls[i], (unsigned char)(count - i), 0);
	code[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, others);
	code[filter.len++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, listed);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) ? -errno : 0;
}

static int close_others(const unsigned int kept[2])
{
	unsigned int low = kept[0] < kept[1] ? kept[0] : kept[1],
		     high = kept[0] < kept[1] ? kept[1] : kept[0];

	if ((low && syscall(SYS_close_range, 0, low - 1, 0)) ||
	    (high - low > 1 && syscall(SYS_close_range, low + 1, high - 1, 0)) ||
	    syscall(SYS_close_range, high + 1, ~0U, 0))
		return -errno;
	return 0;
}

static int drop_rights(void)
{
	cap_t none = cap_init();
	int err = 0;

	if (geteuid() == 0 && (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) ||
			       setresuid(NOBODY, NOBODY, NOBODY)))
		err = -errno;
	if (!err && (!none || cap_set_proc(none) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)))
		err = -errno;
	cap_free(none);
	return err;
}

int jail_enter(const struct jail *jail)
{
	const struct {
		int what;
		rlim_t value;
	} limits[] = {
		{RLIMIT_CPU, jail->cpu_seconds},
		{jail->memory, jail->memory_bytes},
		{RLIMIT_FSIZE, 0},
		{RLIMIT_CORE, 0},
		{RLIMIT_NPROC, 0},
	};
	const pid_t parent = getppid();
	int err = close_others(jail->kept);
	size_t i;

	if (!err)
		err = drop_rights();
	/* The change of user forgets an earlier one; a parent that died before it is seen by its number. */
	if (!err && (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != parent))
		err = -ESRCH;
	for (i = 0; !err && i < sizeof(limits) / sizeof(limits[0]); i++)
		err = limit(limits[i].what, limits[i].value);
	return err ? err : jail_filter(jail->calls, jail->call_count, jail->only);
}
