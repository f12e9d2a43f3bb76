// SPDX-License-Identifier: Apache-2.0
#include "web_clients.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/*
 * Whose a descriptor is: where bytes are received, nothing else is known. Grows to the highest
 * descriptor, which the process's limit bounds; never shrinks.
 */
struct slot {
	struct web_client *client; /* NULL: it is no client's */
};

static struct {
	struct slot *slots;
	size_t size;
} by_fd;

uint64_t web_clients_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* False when memory is out. */
static bool reserve_fd(int fd)
{
	size_t size = by_fd.size ? by_fd.size : 64;
	struct slot *grown;

	if (fd < 0 || (size_t)fd < by_fd.size)
		return true;
	while (size <= (size_t)fd)
		size *= 2;
	grown = reallocarray(by_fd.slots, size, sizeof(*grown));
	if (!grown)
		return false;
	memset(grown + by_fd.size, 0, (size - by_fd.size) * sizeof(*grown));
	by_fd.slots = grown;
	by_fd.size = size;
	return true;
}

static void read_address(int fd, uint8_t ret_address[16])
{
	union {
		struct sockaddr any;
		struct sockaddr_in four;
		struct sockaddr_in6 six;
		struct sockaddr_storage space;
	} peer;
	socklen_t size = sizeof(peer);

	memset(ret_address, 0, 16);
	if (getpeername(fd, &peer.any, &size))
		return;
	if (peer.any.sa_family == AF_INET) {
		memset(ret_address + 10, 0xff, 2);
		memcpy(ret_address + 12, &peer.four.sin_addr, 4);
	} else if (peer.any.sa_family == AF_INET6) {
		/* A host has a whole /64 to itself, and a mapped IPv4 address is one. */
		memcpy(ret_address, &peer.six.sin6_addr,
		       IN6_IS_ADDR_V4MAPPED(&peer.six.sin6_addr) ? 16 : 8);
	}
}

/* The server sees the end of the stream and lets go of the connection. */
static void cut(struct web_client *client)
{
	shutdown(client->fd, SHUT_RDWR);
	client->deadline = UINT64_MAX;
}

static bool goes_before(const struct web_client *one, const struct web_client *other)
{
	if (!one->completed != !other->completed)
		return !one->completed;
	return one->since < other->since;
}

/* Who goes first, among all or among those of one address; NULL: nobody can. */
static struct web_client *choose(const struct web_clients *clients, const uint8_t *address,
				 unsigned *ret_count)
{
	struct web_client *client, *chosen = NULL;

	*ret_count = 0;
	for (client = clients->first; client; client = client->next) {
		if (client->deadline == UINT64_MAX ||
		    (address && memcmp(client->address, address, sizeof(client->address)) != 0))
			continue;
		++*ret_count;
		if (!client->busy && (!chosen || goes_before(client, chosen)))
			chosen = client;
	}
	return chosen;
}

/* False when there is no room and nobody can go. */
static bool make_room(struct web_clients *clients, const uint8_t address[16])
{
	static const uint8_t local[16];
	struct web_client *victim;
	unsigned count;

	if (memcmp(address, local, sizeof(local)) != 0) {
		victim = choose(clients, address, &count);
		if (count >= WEB_CLIENTS_PER_ADDRESS)
			goto out;
	}
	victim = choose(clients, NULL, &count);
	if (count < clients->max)
		return true;
out:
	clients->evicted++;
	if (victim)
		cut(victim);
	return victim;
}

struct web_client *web_client_open(struct web_clients *clients, int fd, uint64_t now)
{
	struct web_client *client = calloc(1, sizeof(*client));

	if (!client)
		return NULL;
	read_address(fd, client->address);
	if (!reserve_fd(fd) || !make_room(clients, client->address)) {
		free(client);
		return NULL;
	}
	client->owner = clients;
	client->fd = fd;
	client->deadline = now + WEB_HEAD_SECONDS * 1000;
	client->since = now;
	client->next = clients->first;
	client->link = &clients->first;
	if (client->next)
		client->next->link = &client->next;
	clients->first = client;
	clients->count++;
	if (fd >= 0)
		by_fd.slots[fd].client = client;
	return client;
}

/* Requests that began and are not answered yet. */
static uint32_t pending(const struct web_client *client)
{
	return client->guard.requests - client->completed;
}

/* What the guard knows now decides how long the client may take. */
static void set_deadline(struct web_client *client, uint64_t next)
{
	bool in_head = web_guard_phase(&client->guard) == WEB_GUARD_HEAD;

	client->busy = pending(client) > (in_head ? 1 : 0);
	if (client->deadline == UINT64_MAX)
		return;
	if (client->busy)
		client->deadline = client->began + WEB_REQUEST_SECONDS * 1000;
	else if (in_head)
		client->deadline = client->began + WEB_HEAD_SECONDS * 1000;
	else
		client->deadline = next;
}

/* NULL: it is no client's. */
static struct web_client *client_of(int fd)
{
	return fd >= 0 && (size_t)fd < by_fd.size ? by_fd.slots[fd].client : NULL;
}

void web_clients_received(int fd, const void *bytes, size_t size, uint64_t now)
{
	struct web_client *client = client_of(fd);

	if (!client)
		return;
	if (!pending(client))
		client->began = now;
	web_guard_feed(&client->guard, bytes, size);
	/* Empty lines between requests bring no time. */
	set_deadline(client, client->deadline);
}

bool web_clients_waits(int fd)
{
	const struct web_client *client = client_of(fd);

	return client && pending(client) && web_guard_phase(&client->guard) == WEB_GUARD_IDLE;
}

void web_client_completed(struct web_client *client, uint64_t now)
{
	char byte;

	/*
	 * The server reads until a read comes back short. An end of stream that came together
	 * with the request stands behind that, and would go unseen: it is announced once more.
	 */
	if (recvfrom(client->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT, NULL, NULL) == 0)
		shutdown(client->fd, SHUT_RD);
	/* What the guard stopped looking at is not counted as begun. */
	if (pending(client))
		client->completed++;
	client->since = now;
	client->began = now;
	set_deadline(client, now + WEB_NEXT_REQUEST_SECONDS * 1000);
}

void web_client_close(struct web_client *client)
{
	if (!client)
		return;
	if (client->fd >= 0)
		by_fd.slots[client->fd].client = NULL;
	*client->link = client->next;
	if (client->next)
		client->next->link = client->link;
	client->owner->count--;
	free(client);
}

int web_clients_expire(struct web_clients *clients, uint64_t now)
{
	uint64_t next = UINT64_MAX;
	struct web_client *client;

	for (client = clients->first; client; client = client->next) {
		if (client->deadline <= now) {
			cut(client);
			clients->expired++;
		} else if (client->deadline < next) {
			next = client->deadline;
		}
	}
	if (next == UINT64_MAX)
		return -1;
	return next - now < INT32_MAX ? (int)(next - now) : INT32_MAX;
}
