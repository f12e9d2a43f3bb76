// SPDX-License-Identifier: Apache-2.0
#include "tls_mappings.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "mount_views.h"

bool tls_mapping_parse(char *line, struct tls_mapping *ret_mapping)
{
	unsigned int major, minor;
	uint64_t begin, end, inode;
	char protection[5];
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %x:%x %" SCNu64 " %n", &begin, &end,
		   protection, &major, &minor, &inode, &path) != 6 ||
	    strlen(protection) != 4 || protection[2] != 'x' || !inode || line[path] != '/')
		return false;
	*ret_mapping = (struct tls_mapping){
		.begin = begin,
		.end = end,
		.device = makedev(major, minor),
		.inode = inode,
		.path = line + path,
	};
	return true;
}

void tls_mappings_of(pid_t pid, tls_mapping_taker *take, void *context)
{
	struct tls_mapping mapping;
	char path[32], *line = NULL;
	size_t room = 0;
	ssize_t length;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return; /* it has ended, or is a kernel thread */
	while ((length = getline(&line, &room, maps)) > 0) {
		/* Most lines are neither executable nor of a file: tell by their cheapest part. */
		if (line[length - 1] != '\n' || !strchr(line, '/') || !strstr(line, "x"))
			continue;
		line[length - 1] = '\0';
		if (!tls_mapping_parse(line, &mapping))
			continue;
		mapping.pid = pid;
		take(context, &mapping);
	}
	free(line);
	fclose(maps);
}

int tls_mappings_scan(tls_mapping_taker *take, void *context)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	if (!processes)
		return -errno;
	while ((entry = readdir(processes)))
		if (isdigit((unsigned char)entry->d_name[0]))
			tls_mappings_of(atoi(entry->d_name), take, context);
	closedir(processes);
	return 0;
}

int tls_mapping_name(int file, dev_t *ret_device, ino_t *ret_inode)
{
	size_t size = (size_t)sysconf(_SC_PAGESIZE), room = 0;
	void *page = mmap(NULL, size, PROT_READ, MAP_PRIVATE, file, 0);
	FILE *maps = page == MAP_FAILED ? NULL : fopen("/proc/self/maps", "re");
	unsigned int major, minor;
	uint64_t begin, inode;
	char *line = NULL;
	int err = maps ? -ENOENT : -errno;

	while (err == -ENOENT && getline(&line, &room, maps) > 0) {
		if (sscanf(line, "%" SCNx64 "-%*x %*s %*x %x:%x %" SCNu64, &begin, &major, &minor,
			   &inode) != 4 ||
		    begin != (uintptr_t)page)
			continue;
		*ret_device = makedev(major, minor);
		*ret_inode = inode;
		err = 0;
	}
	free(line);
	if (maps)
		fclose(maps);
	if (page != MAP_FAILED)
		munmap(page, size);
	return err;
}

/* Opens nothing but a regular file: a FIFO would block, a device might act. So would a file on which its
 * owner has a lease, for 45 s. Takes `name`, which is that of O_PATH or -1. answering: as of
 * mount_views_ask_file. */
static int open_regular(struct mount_views *views, int name, dev_t answering,
			const struct tls_mapping *mapping)
{
	int fd = name < 0 ? -errno : mount_views_ask_file(views, name, answering, mapping->path);
	char self[32];
	struct stat status;

	if (fd) {
		if (name >= 0)
			close(name);
		return fd;
	}
	fd = -ESTALE;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", name);
	if (!fstat(name, &status) && S_ISREG(status.st_mode) && status.st_ino == mapping->inode) {
		fd = open(self, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
		if (fd < 0)
			fd = -errno;
	}
	close(name);
	return fd;
}

static int open_mapped(struct mount_views *views, const struct tls_mapping *mapping)
{
	char path[64];
	int name;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, mapping->pid,
		 mapping->begin, mapping->end);
	name = open(path, O_PATH | O_CLOEXEC);
	return open_regular(views, name, mapping->device, mapping);
}

/* By its path, as the process of `views` sees it: the kernel has told it, so there is no link in it, but
 * for one that was put there meanwhile and leads anywhere. */
static int open_path(struct mount_views *views, dev_t answering, const struct tls_mapping *mapping)
{
	const struct open_how how = {
		.flags = O_PATH | O_CLOEXEC,
		.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	int err = mount_views_ask_way(views, mapping->path), root, name;
	char path[32];

	if (err)
		return err;
	snprintf(path, sizeof(path), "/proc/%d/root", views->pid);
	root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (root < 0)
		return -errno;
	name = (int)syscall(SYS_openat2, root, mapping->path, &how, sizeof(how));
	err = open_regular(views, name, answering, mapping);
	close(root);
	return err;
}

/* The process has ended: the same file may have this name here, too. */
static int open_same(const struct tls_mapping *mapping)
{
	struct mount_views views = mount_views_of(getpid());
	int fd = open_path(&views, 0, mapping);
	dev_t device;
	ino_t inode;

	mount_views_free(&views);
	if (fd < 0 || (!tls_mapping_name(fd, &device, &inode) && device == mapping->device &&
		       inode == mapping->inode))
		return fd;
	close(fd);
	return -ESTALE;
}

int tls_mapping_open_file(const struct tls_mapping *mapping)
{
	struct mount_views views = mount_views_of(mapping->pid);
	int fd = mount_views_ask_device(&views, mapping->device, mapping->path), first;

	if (!fd)
		fd = open_mapped(&views, mapping);
	first = fd;
	/* The mapping was split, or the capability for map_files is missing. */
	if (fd < 0 && fd != -EREMOTE && fd != -ESTALE)
		fd = open_path(&views, mapping->device, mapping);
	mount_views_free(&views);
	if (fd == -ENOENT || fd == -ESRCH)
		fd = open_same(mapping);
	return fd == -EREMOTE ? first : fd;
}
