// SPDX-License-Identifier: Apache-2.0
/*
 * Where the HTTP library receives: the program is linked with --wrap=recv, so that the guard sees
 * the bytes before the library makes something of them. Those of TLS come through
 * gnutls_record_recv() in web_tls_calls.c.
 */
#include <sys/socket.h>

#include "web_clients.h"

ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags);
ssize_t __wrap_recv(int fd, void *buffer, size_t size, int flags)
{
	ssize_t received = recvfrom(fd, buffer, size, flags, NULL, NULL);

	if (received > 0 && !(flags & MSG_PEEK))
		web_clients_received(fd, buffer, (size_t)received, web_clients_now());
	return received;
}
