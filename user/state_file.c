// SPDX-License-Identifier: Apache-2.0
#include "state_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Of the text and one byte more, which tells whether there is more. */
static int read_all(int file, size_t size, char *ret_text)
{
	struct stat status;
	ssize_t got;

	if (fstat(file, &status))
		return -errno;
	if (!S_ISREG(status.st_mode) || status.st_uid != geteuid() ||
	    status.st_mode & (S_IWGRP | S_IWOTH))
		return -EPERM;
	got = read(file, ret_text, size);
	if (got < 0)
		return -errno;
	if ((size_t)got == size)
		return -EFBIG;
	ret_text[got] = '\0';
	return 0;
}

int state_file_read(const char *path, size_t size, char *ret_text)
{
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), err;

	if (file < 0)
		return -errno;
	err = read_all(file, size, ret_text);
	close(file);
	return err;
}

int state_file_write(const char *path, const char *text, bool lasting)
{
	int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW | (lasting ? O_SYNC : 0);
	char beside[PATH_MAX];
	ssize_t written;
	int file, err = 0;

	if (snprintf(beside, sizeof(beside), "%s.new", path) >= (int)sizeof(beside))
		return -ENAMETOOLONG;
	file = open(beside, flags, 0600);
	if (file < 0)
		return -errno;
	written = write(file, text, strlen(text));
	if (written != (ssize_t)strlen(text))
		err = written < 0 ? -errno : -ENOSPC; /* it stops short where the space ends */
	close(file);
	if (!err && rename(beside, path))
		err = -errno;
	if (err)
		unlink(beside);
	return err;
}
