// SPDX-License-Identifier: Apache-2.0
#include "instance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* 64 bytes a line: a thousand locks. */
#define LOCKS_SIZE 65536

int instance_make_directory(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	char *slash;

	if (strlen(path) >= sizeof(part))
		return -ENAMETOOLONG;
	strcpy(part, path);
	for (slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return -errno;
		*slash = '/';
	}
	return mkdir(part, mode) && errno != EEXIST ? -errno : 0;
}

pid_t instance_find_holder(const char *locks, unsigned int major, unsigned int minor,
			   unsigned long inode)
{
	unsigned int line_major, line_minor;
	unsigned long line_inode;
	const char *line = locks;
	char kind[16];
	int pid;

	while (line && *line) {
		if (sscanf(line, "%*s %15s %*s %*s %d %x:%x:%lu", kind, &pid, &line_major,
			   &line_minor, &line_inode) == 5 &&
		    !strcmp(kind, "FLOCK") && line_major == major && line_minor == minor &&
		    line_inode == inode)
			return pid;
		line = strchr(line, '\n');
		line = line ? line + 1 : NULL;
	}
	return 0;
}

static pid_t find_holder(int fd)
{
	static char locks[LOCKS_SIZE];
	size_t used = 0;
	struct stat status;
	ssize_t got;
	int file;

	if (fstat(fd, &status))
		return 0;
	file = open("/proc/locks", O_RDONLY | O_CLOEXEC);
	if (file < 0)
		return 0;
	while (used < sizeof(locks) - 1 &&
	       (got = read(file, locks + used, sizeof(locks) - 1 - used)) > 0)
		used += (size_t)got;
	close(file);
	locks[used] = '\0';
	return instance_find_holder(locks, major(status.st_dev), minor(status.st_dev),
				    status.st_ino);
}

/* The path may have been removed and made again between open and flock: then this lock is nobody's. */
static int still_there(const char *path, int fd)
{
	struct stat here, there;

	return !fstat(fd, &here) && !stat(path, &there) && here.st_dev == there.st_dev &&
	       here.st_ino == there.st_ino;
}

static int lock(const char *path, int flags, int *ret_fd, pid_t *ret_holder)
{
	int fd, code;

	for (;;) {
		fd = open(path, flags | O_CLOEXEC, 0600);
		if (fd < 0)
			return -errno;
		if (flock(fd, LOCK_EX | LOCK_NB)) {
			code = -errno;
			*ret_holder = code == -EWOULDBLOCK ? find_holder(fd) : 0;
			close(fd);
			return code;
		}
		if (still_there(path, fd))
			break;
		close(fd);
	}
	*ret_fd = fd;
	return 0;
}

int instance_lock_file(const char *path, int *ret_fd, pid_t *ret_holder)
{
	return lock(path, O_RDWR | O_CREAT, ret_fd, ret_holder);
}

int instance_lock_directory(const char *path, int *ret_fd, pid_t *ret_holder)
{
	return lock(path, O_RDONLY | O_DIRECTORY, ret_fd, ret_holder);
}
