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

#include "bounded_call.h"
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

/* Gives what the whole lines of the text say; returns their bytes. */
static size_t take_lines(char *text, size_t length, pid_t pid, tls_mapping_taker *take,
			 void *context)
{
	struct tls_mapping mapping;
	char *line = text, *end;

	for (; (end = memchr(line, '\n', length - (size_t)(line - text))); line = end + 1) {
		*end = '\0';
		/* Most lines are neither executable nor of a file: tell by their cheapest part. */
		if (!strchr(line, '/') || !strchr(line, 'x') || !tls_mapping_parse(line, &mapping))
			continue;
		mapping.pid = pid;
		take(context, &mapping);
	}
	return (size_t)(line - text);
}

/* The maps of some processes; of one that has ended, or is a kernel thread, they are empty. */
struct batch {
	pid_t pids[BOUNDED_FILES];
	struct bounded_reading texts;
};

static void add(struct batch *batch, pid_t pid)
{
	snprintf(batch->texts.paths[batch->texts.count], sizeof(batch->texts.paths[0]),
		 "/proc/%d/maps", pid);
	batch->pids[batch->texts.count++] = pid;
}

/* Gives what is in `bytes` of each, and keeps the rest of a line that is not whole yet. Returns bytes. */
static size_t take_texts(struct batch *batch, unsigned int first, tls_mapping_taker *take,
			 void *context)
{
	struct bounded_reading *texts = &batch->texts;
	size_t begin = 0;
	unsigned int i;

	for (i = first; i < texts->at; begin = texts->ends[i++])
		take_lines(texts->bytes + begin, texts->ends[i] - begin, batch->pids[i], take,
			   context);
	if (texts->at < texts->count)
		begin += take_lines(texts->bytes + begin, texts->used - begin,
				    batch->pids[texts->at], take, context);
	texts->used -= begin;
	memmove(texts->bytes, texts->bytes + begin, texts->used);
	return begin;
}

/* Empties the batch. */
static void take_batch(struct batch *batch, tls_mapping_taker *take, void *context)
{
	struct bounded_reading *texts = &batch->texts;
	unsigned int first;
	size_t taken = 1;
	int err = 0;

	texts->at = 0;
	texts->used = 0;
	texts->fd = -1;
	while (texts->at < texts->count && taken && (!err || err == -ETIMEDOUT)) {
		first = texts->at;
		err = bounded_read(texts);
		taken = take_texts(batch, first, take, context) + (texts->at - first);
	}
	if (texts->fd >= 0)
		close(texts->fd);
	texts->count = 0;
}

static struct batch batch;

void tls_mappings_of(pid_t pid, tls_mapping_taker *take, void *context)
{
	add(&batch, pid);
	take_batch(&batch, take, context);
}

int tls_mappings_scan(tls_mapping_taker *take, void *context)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	if (!processes)
		return -errno;
	while ((entry = readdir(processes))) {
		if (!isdigit((unsigned char)entry->d_name[0]))
			continue;
		add(&batch, atoi(entry->d_name));
		if (batch.texts.count == BOUNDED_FILES)
			take_batch(&batch, take, context);
	}
	take_batch(&batch, take, context);
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
 * owner has a lease, for 45 s. Takes `name`, which is that of O_PATH or -errno. answering: as of
 * mount_views_ask_file. */
static int open_regular(struct mount_views *views, int name, dev_t answering,
			const struct tls_mapping *mapping)
{
	int fd = name < 0 ? name : mount_views_ask_file(views, name, answering, mapping->path);
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
	name = bounded_open_path(path);
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
	if (name < 0)
		name = -errno;
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
