// SPDX-License-Identifier: Apache-2.0
#include "jail.h"

#include <errno.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

#define NOBODY 65534 /* not the exporter's user, who owns the journal */

static void limit(int what, rlim_t value)
{
	const struct rlimit bound = {value, value};

	setrlimit((__rlimit_resource_t)what, &bound);
}

int jail_filter(const uint32_t *calls, size_t count, bool only)
{
	struct sock_filter code[JAIL_CALLS_MAX + 3];
	struct sock_fprog filter = {(unsigned short)(count + 3), code};
	const uint32_t others = only ? SECCOMP_RET_KILL_PROCESS : SECCOMP_RET_ALLOW,
		       listed = only ? SECCOMP_RET_ALLOW : SECCOMP_RET_KILL_PROCESS;
	size_t i;

	if (count > JAIL_CALLS_MAX)
		return -E2BIG;
	code[0] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					       offsetof(struct seccomp_data, nr));
	for (i = 0; i < count; i++)
		code[1 + i] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i],
							   (unsigned char)(count - i), 0);
	code[count + 1] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, others);
	code[count + 2] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, listed);
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) ? -errno : 0;
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
	int err = drop_rights();

	if (err)
		return err;
	limit(RLIMIT_CPU, jail->cpu_seconds);
	limit(jail->memory, jail->memory_bytes);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NPROC, 0);
	return jail_filter(jail->calls, jail->call_count, jail->only);
}
