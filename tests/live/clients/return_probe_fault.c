// SPDX-License-Identifier: Apache-2.0
/*
 * Preloaded into operaglass: a kernel on which a return probe kills a process under seccomp (6.11 to 6.13), as near as
 * another kernel comes to it. The sandbox in which operaglass tries a return probe allows its child two calls; here the
 * filter that it installs allows none, so the child runs through the probe and is then really killed, by SIGSYS. Other
 * filters are installed as they are.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#define IS_CALL (BPF_JMP | BPF_JEQ | BPF_K)

/* As user/tls_probe_check.c asks for: of all calls these two alone are allowed. */
static bool is_sandbox(const struct sock_fprog *filter)
{
	const struct sock_filter *end = filter->filter + filter->len;

	return filter->len > 4 && end[-1].k == SECCOMP_RET_ALLOW && end[-3].code == IS_CALL &&
	       end[-3].k == SYS_write && end[-4].code == IS_CALL && end[-4].k == SYS_exit_group &&
	       end[-5].code != IS_CALL;
}

int prctl(int option, ...)
{
	int (*next)(int, ...) = (int (*)(int, ...))dlsym(RTLD_NEXT, "prctl");
	unsigned long words[4];
	struct sock_fprog *filter;
	va_list list;
	int i;

	va_start(list, option);
	for (i = 0; i < 4; i++)
		words[i] = va_arg(list, unsigned long);
	va_end(list);
	filter = (struct sock_fprog *)words[1];
	if (option == PR_SET_SECCOMP && words[0] == SECCOMP_MODE_FILTER && is_sandbox(filter))
		filter->filter[filter->len - 1].k = SECCOMP_RET_KILL_PROCESS;
	return next(option, words[0], words[1], words[2], words[3]);
}
