// SPDX-License-Identifier: Apache-2.0
#include "tls_stale.h"

#include <bpf/bpf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "connection.h"
#include "tls_mappings.h"

#define CLIENTS_MAX 4096 /* processes; as many as connections by default */

struct clients {
	uint32_t tgids[CLIENTS_MAX];
	size_t count;
	struct tls_target *rows;
	size_t row_count;
	const bool *silent; /* by row: attached, and never hit */
};

/* Processes that have sent application data on a watched TLS connection. */
static void find_clients(int connections, struct clients *clients)
{
	struct connection connection;
	uint64_t key, *last = NULL;
	size_t i;

	while (clients->count < CLIENTS_MAX && !bpf_map_get_next_key(connections, last, &key)) {
		last = &key;
		if (bpf_map_lookup_elem(connections, &key, &connection) || !connection.upstream ||
		    connection.protocol != PROTOCOL_TLS || !connection.call_sequence)
			continue;
		for (i = 0; i < clients->count; i++)
			if (clients->tgids[i] == connection.tgid)
				break;
		if (i == clients->count)
			clients->tgids[clients->count++] = connection.tgid;
	}
}

static void take_mapping(void *context, const struct tls_mapping *mapping)
{
	struct clients *clients = context;
	size_t i;

	for (i = 0; i < clients->row_count; i++)
		if (clients->silent[i] && clients->rows[i].inode == mapping->inode &&
		    clients->rows[i].device == mapping->device)
			clients->rows[i].stale = true;
}

void tls_stale_find(struct tls_target *rows, size_t count, const struct tls_target_tools *tools)
{
	bool silent[TLS_TARGET_SLOTS] = {}, any = false;
	struct clients *clients;
	struct tls_slot slot;
	size_t i;

	for (i = 0; i < count && i < TLS_TARGET_SLOTS; i++) {
		silent[i] = rows[i].fate == TLS_FATE_ATTACHED && rows[i].slot &&
			    !bpf_map_lookup_elem(tools->slots_fd, &rows[i].slot, &slot) &&
			    !slot.hits;
		/* Once proven it stays so when the connection closes: only a hit shows otherwise. */
		rows[i].stale &= silent[i];
		any |= silent[i];
	}
	clients = any ? calloc(1, sizeof(*clients)) : NULL;
	if (!clients)
		return;
	clients->rows = rows;
	clients->row_count = count;
	clients->silent = silent;
	find_clients(bpf_set_map(tools->set, "connections"), clients);
	for (i = 0; i < clients->count; i++)
		tls_mappings_of((pid_t)clients->tgids[i], take_mapping, clients);
	free(clients);
}
