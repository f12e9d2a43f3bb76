// SPDX-License-Identifier: Apache-2.0
#include "bpf_mounts.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "mountinfo.h"

#define BPFFS	      "/sys/fs/bpf"
#define MOUNTINFO_MAX (1024 * 1024)

int bpf_mounts_find(const char *mountinfo, const char *type, char *ret_path, size_t size)
{
	struct mount mount, best = {};

	while (mountinfo_next(&mountinfo, &mount)) {
		if (!mount_text_is(mount.type, type))
			continue;
		if (mount_text_is(mount.root, "/"))
			return mount_text_plain(mount.point, ret_path, size);
		if (!best.point.length)
			best = mount;
	}
	return best.point.length ? mount_text_plain(best.point, ret_path, size) : -ENOENT;
}

static char *read_mountinfo(void)
{
	int fd = open("/proc/self/mountinfo", O_RDONLY | O_CLOEXEC);
	char *text = fd < 0 ? NULL : malloc(MOUNTINFO_MAX);
	size_t used = 0;
	ssize_t got;

	while (text && used < MOUNTINFO_MAX - 1 &&
	       (got = read(fd, text + used, MOUNTINFO_MAX - 1 - used)) > 0)
		used += (size_t)got;
	if (fd >= 0)
		close(fd);
	if (text)
		text[used] = '\0';
	return text;
}

/* A mount that is in no directory: it ends with its last descriptor. */
static int mount_own_cgroup(void)
{
	int context = fsopen("cgroup2", FSOPEN_CLOEXEC), mount_fd, fd, code;

	if (context < 0)
		return -errno;
	if (fsconfig(context, FSCONFIG_CMD_CREATE, NULL, NULL, 0)) {
		code = -errno;
		close(context);
		return code;
	}
	mount_fd = fsmount(context, FSMOUNT_CLOEXEC, 0);
	code = -errno;
	close(context);
	if (mount_fd < 0)
		return code;
	fd = openat(mount_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	code = -errno;
	close(mount_fd);
	return fd < 0 ? code : fd;
}

int bpf_mounts_open_cgroup(const char *given, char *ret_path, size_t size)
{
	char *mountinfo = given ? NULL : read_mountinfo();
	char found[PATH_MAX];
	const char *path = given;
	struct statfs status;
	int fd, code;

	if (mountinfo && !bpf_mounts_find(mountinfo, "cgroup2", found, sizeof(found)))
		path = found;
	free(mountinfo);
	snprintf(ret_path, size, "%s", path ? path : "(a private mount)");
	fd = path ? open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC) : mount_own_cgroup();
	code = path && fd < 0 ? -errno : fd;
	if (code >= 0 && !fstatfs(fd, &status) && status.f_type != CGROUP2_SUPER_MAGIC) {
		close(fd);
		return -EMEDIUMTYPE;
	}
	return code;
}

bool bpf_mounts_is_cgroup_root(int cgroup_fd)
{
	/* Every cgroup has this file, but not the root. */
	return faccessat(cgroup_fd, "cgroup.events", F_OK, 0) != 0;
}

int bpf_mounts_check_bpffs(const char *pin_path)
{
	char path[PATH_MAX];
	struct statfs status;
	char *slash;

	snprintf(path, sizeof(path), "%s", pin_path);
	while (statfs(path, &status)) {
		if (errno != ENOENT)
			return -errno;
		slash = strrchr(path, '/');
		if (!slash || slash == path)
			return -ENOENT;
		*slash = '\0';
	}
	return status.f_type == BPF_FS_MAGIC ? 0 : -EMEDIUMTYPE;
}

int bpf_mounts_need_bpffs(const char *pin_path)
{
	int code = bpf_mounts_check_bpffs(pin_path);

	if (code != -EMEDIUMTYPE || strncmp(pin_path, BPFFS "/", sizeof(BPFFS)))
		return code;
	if (mount("bpf", BPFFS, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700"))
		return -errno;
	return bpf_mounts_check_bpffs(pin_path);
}
