// SPDX-License-Identifier: Apache-2.0
/* Who is at the other end of a connection of the HTTP library. */
#ifndef EXPORTER_WEB_CONNECTION_H
#define EXPORTER_WEB_CONNECTION_H

#include <microhttpd.h>

#include "web_clients.h"
#include "web_request.h"

struct web_connection {
	struct web_client *client; /* NULL: memory was out */
	struct web_origin origin;
};

/* NULL: memory was out when it was made. */
struct web_connection *web_connection_of(struct MHD_Connection *connection);

/* MHD_NotifyConnectionCallback; context: struct web_clients[2], of the web and of unix sockets. */
void web_connection_changed(void *context, struct MHD_Connection *connection, void **socket_context,
			    enum MHD_ConnectionNotificationCode code);

#endif
