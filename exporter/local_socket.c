// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "local_socket.h"

/* Takes a socket away that nobody answers on. 0 when the path is free now. */
static int remove_stale(const struct sockaddr_un *address, int type)
{
	struct stat status;
	int fd, err = 0;

	if (lstat(address->sun_path, &status))
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(status.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* A socket of the other type says EPROTOTYPE while somebody listens. */
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
static int bind_datagram(int fd, const struct sockaddr_un *address)
{
	const int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, sizeof(on)) ||
	    setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof(on)) ||
	    bind(fd, (const void *)address, sizeof(*address)))
		return -errno;
	return 0;
}

static int bind_stream(int fd, const struct sockaddr_un *address)
{
	if (bind(fd, (const void *)address, sizeof(*address)) || listen(fd, SOMAXCONN))
		return -errno;
	return 0;
}

int local_socket_listen(const char *path, int type, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	mode_t mask;
	int fd, err;

	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	strcpy(address.sun_path, path);
	err = remove_stale(&address, type);
	if (err)
		return err;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* By the umask, not by chmod(): what stands at the path by then may be somebody's link. */
	mask = umask(0111);
	err = type == SOCK_DGRAM ? bind_datagram(fd, &address) : bind_stream(fd, &address);
	umask(mask);
	if (err) {
		close(fd);
		return err;
	}
	*ret_fd = fd;
	return 0;
}
