// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "datagram.h"

/* Takes a socket away that nobody answers on. 0 when the path is free now. */
static int remove_stale(const struct sockaddr_un *address)
{
	struct stat status;
	int fd, err = 0;

	if (lstat(address->sun_path, &status))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* A stream socket says EPROTOTYPE while somebody listens. */
	if (!connect(fd, (const void *)address, sizeof(*address)) || errno == EPROTOTYPE)
		err = -EADDRINUSE;
	else if (errno != ECONNREFUSED)
		err = -errno;
	close(fd);
	if (!err && unlink(address->sun_path))
		err = -errno;
	return err;
}

/* From the first datagram on: who sent it, and when. */
static int bind_with_credentials(int fd, const struct sockaddr_un *address)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    bind(fd, (const void *)address, sizeof(*address)))
		return -errno;
	return 0;
}

int datagram_listen(const char *path, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	err = remove_stale(&address);
	if (err)
		return err;
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	err = bind_with_credentials(fd, &address);
	if (err) {
		close(fd);
		return err;
	}
	/* bind() obeys the umask. */
	if (chmod(path, 0666)) {
		err = -errno;
		unlink(path);
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}
