// SPDX-License-Identifier: Apache-2.0
#include "web_clients.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

uint64_t web_clients_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

struct web_client *web_client_open(struct web_clients *clients, int fd, uint64_t now)
{
	struct web_client *client = malloc(sizeof(*client));

	if (!client)
		return NULL;
	client->fd = fd;
	client->deadline = now + WEB_FIRST_REQUEST_SECONDS * 1000;
	client->next = clients->first;
	client->link = &clients->first;
	if (client->next)
		client->next->link = &client->next;
	clients->first = client;
	return client;
}

void web_client_completed(struct web_client *client, uint64_t now)
{
	char byte;

	/*
	 * The server reads until a read comes back short. An end of stream that came together
	 * with the request stands behind that, and would go unseen: it is announced once more.
	 */
	if (recv(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) == 0)
		shutdown(client->fd, SHUT_RD);
	client->deadline = now + WEB_NEXT_REQUEST_SECONDS * 1000;
}

void web_client_close(struct web_client *client)
{
	if (!client)
		return;
	*client->link = client->next;
	if (client->next)
		client->next->link = client->link;
	free(client);
}

int web_clients_expire(struct web_clients *clients, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	struct web_client *client;

	for (client = clients->first; client; client = client->next) {
		if (client->deadline <= now) {
			/* The server sees the end of the stream and lets go of the connection. */
			shutdown(client->fd, SHUT_RDWR);
			client->deadline = UINT64_MAX;
		} else if (client->deadline < next) {
			next = client->deadline;
		}
	}
	if (next == UINT64_MAX)
		return -1;
	return next - now < INT32_MAX ? (int)(next - now) : INT32_MAX;
}
