// SPDX-License-Identifier: Apache-2.0
#include "journal_files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "journal.h"
#include "log.h"

/* Damaged files of one second. */
#define NAMES_MAX 100

int journal_files_lock(const char *directory, int *ret_fd)
{
	char path[PATH_MAX];
	int fd, err;

	if ((size_t)snprintf(path, sizeof(path), "%s/%s", directory, JOURNAL_LOCK_FILE) >=
	    sizeof(path))
		return log_error(-ENAMETOOLONG, "the journal's directory has too long a name");
	if (mkdir(directory, 0700) && errno != EEXIST)
		return log_error(-errno, "cannot make the journal's directory '%s': %s", directory,
				 strerror(errno));
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return log_error(-errno, "cannot open '%s': %s", path, strerror(errno));
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		err = -errno;
		close(fd);
		if (err == -EWOULDBLOCK)
			return log_error(err,
					 "another instance keeps its journal in '%s': stop it or "
					 "use another --state.dir",
					 directory);
		return log_error(err, "cannot lock '%s': %s", path, strerror(-err));
	}
	*ret_fd = fd;
	return 0;
}

int journal_files_create(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return errno == EEXIST ? 0 : -errno;
	close(fd);
	return 0;
}

/* Without replacing anything. */
static int rename_new(const char *from, const char *to)
{
	struct stat there;

	if (!lstat(to, &there))
		return -EEXIST;
	return rename(from, to) ? -errno : 0;
}

int journal_files_set_aside(const char *path, char *ret_name, unsigned size)
{
	char wal[PATH_MAX], stamp[32], aside[PATH_MAX], aside_wal[PATH_MAX + 8];
	time_t now = time(NULL);
	struct tm utc;
	int i, err;

	gmtime_r(&now, &utc);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%S", &utc);
	for (i = 0; i < NAMES_MAX; i++) {
		if (i == 0)
			snprintf(aside, sizeof(aside), "%s.damaged-%s", path, stamp);
		else
			snprintf(aside, sizeof(aside), "%s.damaged-%s.%d", path, stamp, i);
		err = rename_new(path, aside);
		if (err != -EEXIST)
			break;
	}
	if (err)
		return err;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	snprintf(aside_wal, sizeof(aside_wal), "%s-wal", aside);
	if (rename(wal, aside_wal) && errno != ENOENT)
		return -errno;
	snprintf(wal, sizeof(wal), "%s-shm", path);
	if (unlink(wal) && errno != ENOENT)
		return -errno;
	snprintf(ret_name, size, "%s", aside);
	return 0;
}
