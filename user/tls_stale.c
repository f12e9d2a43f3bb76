// SPDX-License-Identifier: Apache-2.0
#include "tls_stale.h"

#include <bpf/bpf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "tls_mappings.h"

#define CLIENTS_MAX 4096 /* processes; as many as connections by default */
/* Rows that one walk looks at: it begins again wherever the row that it stands on goes meanwhile. */
#define WALK_MAX 65536

struct client {
	uint64_t call_ns; /* its last call that nobody reads */
	uint32_t tgid;
};

struct clients {
	struct client clients[CLIENTS_MAX];
	size_t count;
	const struct client *looked_at;
	struct tls_target *rows;
	size_t row_count;
	uint64_t silent[TLS_TARGET_SLOTS]; /* by row: attached then, and never hit; 0: it is not */
};

uint64_t tls_stale_call(const struct connection *connection)
{
	if (!connection->upstream || connection->protocol != PROTOCOL_TLS || connection->decoded ||
	    connection->suppressed || connection->uncounted)
		return 0;
	return connection->call_begin_ns;
}

bool tls_stale_shown(uint64_t call_ns, uint64_t attached_ns)
{
	return call_ns > attached_ns + TLS_STALE_GRACE_NS;
}

static void find_clients(int connections, struct clients *clients)
{
	struct connection connection;
	uint64_t key, call_ns, *last = NULL;
	unsigned int left = WALK_MAX;
	size_t i;

	while (left-- && clients->count < CLIENTS_MAX &&
	       !bpf_map_get_next_key(connections, last, &key)) {
		last = &key;
		call_ns = bpf_map_lookup_elem(connections, &key, &connection)
				  ? 0
				  : tls_stale_call(&connection);
		if (!call_ns)
			continue;
		for (i = 0; i < clients->count; i++)
			if (clients->clients[i].tgid == connection.tgid)
				break;
		if (i == clients->count)
			clients->clients[clients->count++].tgid = connection.tgid;
		if (clients->clients[i].call_ns < call_ns)
			clients->clients[i].call_ns = call_ns;
	}
}

static void take_mapping(void *context, const struct tls_mapping *mapping)
{
	struct clients *clients = context;
	size_t i;

	for (i = 0; i < clients->row_count; i++)
		if (clients->silent[i] && clients->rows[i].inode == mapping->inode &&
		    clients->rows[i].device == mapping->device &&
		    tls_stale_shown(clients->looked_at->call_ns, clients->silent[i]))
			clients->rows[i].stale = true;
}

/* When the probes of this row were set, if they were never hit; else 0. */
static uint64_t silent_since(const struct tls_target *row, const struct tls_target_tools *tools)
{
	struct tls_slot slot;

	if (row->fate != TLS_FATE_ATTACHED || !row->slot ||
	    bpf_map_lookup_elem(tools->slots_fd, &row->slot, &slot) || slot.hits)
		return 0;
	return slot.attached_ns;
}

void tls_stale_find(struct tls_target *rows, size_t count, const struct tls_target_tools *tools)
{
	struct clients *clients;
	bool any = false;
	size_t i;

	for (i = 0; i < count && i < TLS_TARGET_SLOTS; i++) {
		/* Once proven it stays so when the connection closes: only a hit shows otherwise. */
		rows[i].stale &= silent_since(&rows[i], tools) != 0;
		any |= silent_since(&rows[i], tools) != 0;
	}
	clients = any ? calloc(1, sizeof(*clients)) : NULL;
	if (!clients)
		return;
	clients->rows = rows;
	clients->row_count = i;
	find_clients(bpf_set_map(tools->set, "connections"), clients);
	/* Now, not before: the calls that were found are counted in `hits` by now, if they were seen. */
	for (i = 0; i < clients->row_count; i++)
		clients->silent[i] = silent_since(&rows[i], tools);
	for (i = 0; i < clients->count; i++) {
		clients->looked_at = &clients->clients[i];
		tls_mappings_of((pid_t)clients->clients[i].tgid, take_mapping, clients);
	}
	free(clients);
}
