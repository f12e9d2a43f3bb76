// SPDX-License-Identifier: Apache-2.0
#include "confine.h"

#include <errno.h>
#include <grp.h>
#include <linux/bpf.h>
#include <linux/capability.h>
#include <pwd.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "log.h"

/* Linux 5.8; older headers lack it. */
#ifndef CAP_BPF
#define CAP_BPF 39
#endif
#define CAPABILITIES 64 /* more than any kernel has; those it lacks answer EINVAL */

/* Sets the three sets of this process; a mask has bit N for capability N. */
static int set_capabilities(uint64_t permitted, uint64_t effective)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[2] = {
		{.permitted = (uint32_t)permitted, .effective = (uint32_t)effective},
		{.permitted = (uint32_t)(permitted >> 32),
		 .effective = (uint32_t)(effective >> 32)},
	};

	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/*
 * Whether bpf() looks into maps for this process: a closed descriptor must be the only complaint.
 */
static bool may_read_maps(void)
{
	union bpf_attr attr;
	uint64_t key = 0, value = 0;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (uint32_t)-1;
	attr.key = (uintptr_t)&key;
	attr.value = (uintptr_t)&value;
	return syscall(SYS_bpf, BPF_MAP_LOOKUP_ELEM, &attr, sizeof(attr)) < 0 && errno == EBADF;
}

static void empty_bounding_set(void)
{
	unsigned long capability;

	for (capability = 0; capability < CAPABILITIES; capability++)
		prctl(PR_CAPBSET_DROP, capability, 0, 0, 0);
}

static int become(const char *user)
{
	const struct passwd *entry = getpwnam(user);

	if (!entry)
		return log_error(-ENOENT, "cannot become user '%s': no such user; pass --user=NAME",
				 user);
	if (entry->pw_uid == 0)
		return log_error(
			-EPERM, "cannot become user '%s': it is root; pass --user with another one",
			user);
	if (setgroups(0, NULL) || setresgid(entry->pw_gid, entry->pw_gid, entry->pw_gid) ||
	    setresuid(entry->pw_uid, entry->pw_uid, entry->pw_uid))
		return log_error(-errno, "cannot become user '%s': %s", user, strerror(errno));
	return 0;
}

static int drop_root(const char *user, bool *ret_kept_bpf)
{
	const uint64_t bpf = UINT64_C(1) << CAP_BPF;
	bool keep;
	int err;

	empty_bounding_set();
	if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0))
		return log_error(-errno, "cannot keep capabilities: %s", strerror(errno));
	err = become(user);
	if (err)
		return err;
	/*
	 * Asked without any capability in effect. Before 5.8 CAP_BPF does not exist, nor is it
	 * supported.
	 */
	err = set_capabilities(bpf, 0);
	keep = err == 0 && !may_read_maps();
	err = keep ? set_capabilities(bpf, bpf) : set_capabilities(0, 0);
	if (err)
		return log_error(err, "cannot drop capabilities: %s", strerror(-err));
	*ret_kept_bpf = keep;
	return 0;
}

int confine_privileges(const char *user, pid_t parent, bool *ret_kept_bpf)
{
	bool kept_bpf = false;
	int err = 0;

	if (geteuid() == 0)
		err = drop_root(user, &kept_bpf);
	if (err)
		return err;
	if (chdir("/"))
		return log_error(-errno, "cannot change to /: %s", strerror(errno));
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0))
		return log_error(-errno, "cannot give up privileges: %s", strerror(errno));
	/*
	 * After the change of user, which forgets it; a parent that died before is seen by its
	 * number.
	 */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) || getppid() != parent)
		return log_error(-ESRCH, "the observer is gone");
	*ret_kept_bpf = kept_bpf;
	return 0;
}
