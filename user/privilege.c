// SPDX-License-Identifier: Apache-2.0
#include "privilege.h"

#include <errno.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>

#include "log.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

bool privilege_has(int capability)
{
	cap_t now = cap_get_proc();
	cap_flag_value_t value = CAP_CLEAR;

	if (now)
		cap_get_flag(now, capability, CAP_EFFECTIVE, &value);
	cap_free(now);
	return value == CAP_SET;
}

bool privilege_kernel_knows(int capability)
{
	return cap_get_bound(capability) >= 0;
}

bool privilege_can_load(void)
{
	return privilege_has(CAP_SYS_ADMIN) ||
	       (privilege_has(CAP_BPF) && privilege_has(CAP_PERFMON));
}

/* Adds those of the list that this process has. */
static int keep(cap_t set, const cap_value_t *list, size_t count)
{
	size_t i;

	for (i = 0; i < count; i++)
		if (privilege_has(list[i]) &&
		    (cap_set_flag(set, CAP_PERMITTED, 1, &list[i], CAP_SET) ||
		     cap_set_flag(set, CAP_EFFECTIVE, 1, &list[i], CAP_SET)))
			return -errno;
	return 0;
}

int privilege_drop(const struct privilege_needs *needs)
{
	static const cap_value_t always[] = {
		CAP_BPF,
		CAP_PERFMON,
		CAP_SYS_PTRACE,
		CAP_DAC_READ_SEARCH,
		CAP_CHECKPOINT_RESTORE,
		CAP_SETUID,
		CAP_SETGID,
		CAP_SETPCAP,
		CAP_KILL,
	};
	static const cap_value_t admin[] = {CAP_SYS_ADMIN}, port[] = {CAP_NET_BIND_SERVICE};
	cap_t set = cap_init();
	int code = set ? 0 : -ENOMEM;

	if (!code)
		code = keep(set, always, COUNT(always));
	if (!code && needs->system_admin)
		code = keep(set, admin, 1);
	if (!code && needs->low_port)
		code = keep(set, port, 1);
	if (!code && (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || cap_set_proc(set) ||
		      prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)))
		code = -errno;
	cap_free(set);
	return code ? log_error(code, "cannot drop privileges: %s", strerror(-code)) : 0;
}
