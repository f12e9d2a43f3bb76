// SPDX-License-Identifier: Apache-2.0
#include "privilege.h"

#include <errno.h>
#include <stdio.h>
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

static bool kernel_knows(int capability)
{
	return cap_get_bound(capability) >= 0;
}

const struct privilege_row privilege_rows[] = {
	{CAP_BPF, true, "CAP_BPF", NULL},
	{CAP_PERFMON, true, "CAP_PERFMON", NULL},
	{CAP_NET_ADMIN, false, "CAP_NET_ADMIN", "calls and connections"},
	{CAP_SYS_PTRACE, false, "CAP_SYS_PTRACE",
	 "endpoint and status of calls of other users' processes"},
	{CAP_DAC_READ_SEARCH, false, "CAP_DAC_READ_SEARCH",
	 "endpoint and status of calls by files that others may not read"},
	{CAP_CHECKPOINT_RESTORE, true, "CAP_CHECKPOINT_RESTORE",
	 "endpoint and status of calls by files that were replaced or deleted"},
	{CAP_SETUID, false, "CAP_SETUID", NULL},
	{CAP_SETGID, false, "CAP_SETGID", NULL},
	{CAP_KILL, false, "CAP_KILL", "the end of an exporter that hangs"},
};
const size_t privilege_row_count = COUNT(privilege_rows);

bool privilege_lacks(const struct privilege_row *row)
{
	return kernel_knows(row->capability) && !privilege_has(row->capability) &&
	       !(row->admin_stands_in && privilege_has(CAP_SYS_ADMIN));
}

void privilege_report(void)
{
	char missing[1024] = "";
	size_t used = 0, i;

	for (i = 0; i < privilege_row_count && used < sizeof(missing); i++)
		if (privilege_rows[i].lost && privilege_lacks(&privilege_rows[i]))
			used += (size_t)snprintf(missing + used, sizeof(missing) - used,
						 "%s%s (without it is missing: %s)",
						 used ? ", " : "", privilege_rows[i].name,
						 privilege_rows[i].lost);
	if (used)
		log_warning(0, "capabilities are not there: %s; grant them, or start as root",
			    missing);
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
