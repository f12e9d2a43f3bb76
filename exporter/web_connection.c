// SPDX-License-Identifier: Apache-2.0
#include "web_connection.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <sys/socket.h>

struct web_connection *web_connection_of(struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	return info ? info->socket_context : NULL;
}

static void know_peer(struct MHD_Connection *connection, struct web_origin *origin)
{
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
	const struct sockaddr *address = info ? info->client_addr : NULL;
	socklen_t size = sizeof(struct ucred);
	struct ucred peer;

	origin->way = WAY_WEB;
	origin->uid = UINT32_MAX;
	if (address)
		origin->sender = rate_sender_address(address);
	if (address && address->sa_family == AF_INET) {
		inet_ntop(AF_INET, &((const struct sockaddr_in *)address)->sin_addr,
			  origin->address, sizeof(origin->address));
	} else if (address && address->sa_family == AF_INET6) {
		inet_ntop(AF_INET6, &((const struct sockaddr_in6 *)address)->sin6_addr,
			  origin->address, sizeof(origin->address));
	} else if (!getsockopt(origin->fd, SOL_SOCKET, SO_PEERCRED, &peer, &size)) {
		origin->way = WAY_STREAM;
		origin->uid = peer.uid;
		origin->pid = (uint32_t)peer.pid;
		origin->sender = rate_sender_user(peer.uid);
	}
}

void web_connection_changed(void *context, struct MHD_Connection *connection, void **socket_context,
			    enum MHD_ConnectionNotificationCode code)
{
	struct web_connection *own = *socket_context;
	const union MHD_ConnectionInfo *info;
	struct web_clients *clients = context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		if (own)
			web_client_close(own->client);
		free(own);
		*socket_context = NULL;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	own = info ? calloc(1, sizeof(*own)) : NULL;
	*socket_context = own; /* without one its requests end the connection */
	if (!own)
		return;
	own->origin.fd = info->connect_fd;
	know_peer(connection, &own->origin);
	own->client = web_client_open(&clients[own->origin.way == WAY_STREAM], info->connect_fd,
				      web_clients_now());
	if (own->client)
		own->origin.guard = &own->client->guard;
	else /* nobody could make room: the server sees the end of the stream */
		shutdown(info->connect_fd, SHUT_RDWR);
}
