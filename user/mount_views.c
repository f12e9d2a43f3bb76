// SPDX-License-Identifier: Apache-2.0
#include "mount_views.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "file_systems.h"
#include "log.h"

#define TEXT_BEGIN (64 * 1024)
#define TEXT_MAX   (16UL * 1024 * 1024) /* some 80,000 mounts; what is cut off is not known */
#define TOLD_MAX   16			/* file systems that the log names */

/* Its end is that of the text, or of the last whole line that there was room for. NULL: it cannot be read. */
static char *read_text(int file)
{
	size_t size = TEXT_BEGIN, used = 0;
	char *text = malloc(size), *more, *last;
	ssize_t got = -1;

	while (text && (got = read(file, text + used, size - 1 - used)) > 0) {
		used += (size_t)got;
		if (used < size - 1)
			continue;
		if (size >= TEXT_MAX)
			break;
		more = realloc(text, size * 2);
		if (!more)
			break;
		text = more;
		size *= 2;
	}
	if (!text || got < 0) {
		free(text);
		return NULL;
	}
	text[used] = '\0';
	last = got > 0 ? strrchr(text, '\n') : NULL;
	if (last)
		last[1] = '\0';
	return text;
}

static char *read_mounts(pid_t pid)
{
	char path[32], *text;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/mountinfo", pid);
	file = open(path, O_RDONLY | O_CLOEXEC);
	text = file < 0 ? NULL : read_text(file);
	if (file >= 0)
		close(file);
	return text;
}

/* Of the first process, which has what containers are mounted on, too. Kept: it may be megabytes, and the
 * kernel tells when it is no longer so. */
static const char *mounts_of_host(void)
{
	static struct pollfd file = {.fd = -1};
	static char *text;

	if (file.fd < 0)
		file.fd = open("/proc/1/mountinfo", O_RDONLY | O_CLOEXEC);
	if (text && !poll(&file, 1, 0))
		return text;
	free(text);
	text = file.fd < 0 || lseek(file.fd, 0, SEEK_SET) < 0 ? NULL : read_text(file.fd);
	return text ? text : "";
}

static bool is_same_namespace(const char *one, const char *other)
{
	struct stat a, b;

	return !stat(one, &a) && !stat(other, &b) && a.st_ino == b.st_ino && a.st_dev == b.st_dev;
}

static const char *mounts_of_process(struct mount_views *views)
{
	if (views->pid == getpid() && is_same_namespace("/proc/self/ns/mnt", "/proc/1/ns/mnt"))
		return mounts_of_host();
	if (!views->read)
		views->own = read_mounts(views->pid);
	views->read = true;
	return views->own ? views->own : "";
}

/* In the user namespace of this process, the first one, only root mounts. */
static enum mounts_of whose(const struct mount_views *views)
{
	char path[32];

	if (views->pid == getpid())
		return MOUNTS_OF_HOST;
	snprintf(path, sizeof(path), "/proc/%d/ns/user", views->pid);
	return is_same_namespace(path, "/proc/self/ns/user") ? MOUNTS_OF_ROOT : MOUNTS_OF_ANYBODY;
}

/* The kernel's own mount of memory without a name (memfd_create), which no mountinfo shows. */
static int mount_id_of(int file)
{
	char path[40], line[64];
	int id = -1;
	FILE *info;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", file);
	info = fopen(path, "re");
	while (info && fgets(line, sizeof(line), info))
		if (sscanf(line, "mnt_id: %d", &id) == 1)
			break;
	if (info)
		fclose(info);
	return id;
}

static struct mount unnamed_memory(void)
{
	static struct mount mount = {.id = -1};
	struct stat status;
	int file;

	if (mount.id >= 0)
		return mount;
	file = memfd_create("operaglass", MFD_CLOEXEC);
	if (file >= 0 && !fstat(file, &status)) {
		mount.device = status.st_dev;
		mount.id = mount_id_of(file);
	}
	if (file >= 0)
		close(file);
	return mount;
}

static bool find(const char *text, const struct mount *wanted, struct mount *ret_mount)
{
	while (mountinfo_next(&text, ret_mount))
		if (wanted->id >= 0 ? ret_mount->id == wanted->id
				    : ret_mount->device == wanted->device)
			return true;
	return false;
}

static int refuse(const struct mount *mount, const char *path)
{
	static dev_t told[TOLD_MAX];
	static size_t count;
	const bool known = mount->type.length != 0;
	size_t i;

	for (i = 0; i < count && told[i] != mount->device; i++)
		;
	if (i < count || count == TOLD_MAX)
		return -EREMOTE;
	told[count++] = mount->device;
	return log_warning(
		-EREMOTE,
		"'%s' is not read, nor is what else lies on device %u:%u: %s%.*s, which may "
		"leave us waiting for ever; calls by its code are timed at the socket; put it "
		"on a file system of this host to have them read",
		path, major(mount->device), minor(mount->device),
		known ? "that is of type " : "no mount of root's shows what that is",
		known ? (int)mount->type.length : 0, known ? mount->type.text : "");
}

static int ask(struct mount_views *views, const struct mount *wanted, const char *path)
{
	const struct mount memory = unnamed_memory();
	const char *text = mounts_of_host();
	struct mount mount;

	if (wanted->id >= 0 ? memory.id == wanted->id : memory.device == wanted->device)
		return 0;
	if (find(text, wanted, &mount)) {
		if (file_systems_answer(&mount, text, MOUNTS_OF_HOST))
			return 0;
		return refuse(&mount, path);
	}
	text = mounts_of_process(views);
	if (!*text)
		return -ESRCH;
	if (!find(text, wanted, &mount))
		return refuse(wanted, path);
	return file_systems_answer(&mount, text, whose(views)) ? 0 : refuse(&mount, path);
}

struct mount_views mount_views_of(pid_t pid)
{
	return (struct mount_views){.pid = pid};
}

void mount_views_free(struct mount_views *views)
{
	free(views->own);
}

int mount_views_ask_device(struct mount_views *views, dev_t device, const char *path)
{
	return ask(views, &(struct mount){.id = -1, .device = device}, path);
}

/* Without asking its file system, if that has anybody to ask. */
static bool is_on(int file, dev_t device)
{
	struct statx status;

	return !statx(file, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &status) &&
	       makedev(status.stx_dev_major, status.stx_dev_minor) == device;
}

int mount_views_ask_file(struct mount_views *views, int file, dev_t answering, const char *path)
{
	const struct mount wanted = {.id = mount_id_of(file), .device = answering};
	struct mount mount;

	if (wanted.id < 0)
		return -EREMOTE;
	/* Not below the root of the process, so not to be seen: that of one which changed its root. */
	if (answering && !find(mounts_of_host(), &wanted, &mount) &&
	    !find(mounts_of_process(views), &wanted, &mount) && is_on(file, answering))
		return 0;
	return ask(views, &wanted, path);
}

int mount_views_ask_way(struct mount_views *views, const char *path)
{
	const char *text = mounts_of_process(views);
	enum mounts_of by;

	if (!*text)
		return -ESRCH;
	by = whose(views);
	return by != MOUNTS_OF_ANYBODY && file_systems_lead_to(path, text, by) ? 0 : -EREMOTE;
}

bool mount_views_lead_here(const char *path)
{
	struct mount_views views = mount_views_of(getpid());
	int err = mount_views_ask_way(&views, path);

	mount_views_free(&views);
	return !err;
}
