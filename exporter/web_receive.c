// SPDX-License-Identifier: Apache-2.0
/*
 * Where the HTTP library receives: the program is linked with --wrap=recv, so that the guard sees
 * the bytes before the library makes something of them. Those of TLS come through
 * gnutls_record_recv() in web_tls_calls.c.
 *
 * The library takes the end of the stream for the end of the client, also when the whole request is
 * here and its answer is being made: then it is not told yet (web_client_completed() does).
 */
#include <errno.h>
#include <sys/socket.h>

#include "web_clients.h"

ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags)
{
	ssize_t received = recvfrom(fd, buffer, size, flags, NULL, NULL);

	if (received > 0 && !(flags & MSG_PEEK))
		web_clients_received(fd, buffer, (size_t)received, web_clients_now());
	if (received == 0 && size > 0 && !(flags & MSG_PEEK) && web_clients_waits(fd)) {
		errno = EAGAIN;
		return -1;
	}
	return received;
}
