// SPDX-License-Identifier: Apache-2.0
#include "tls_candidates.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "connection.h"
#include "process.h"

#define FILES		 2048 /* of agents, without TLS of their own; more are looked at again */
#define CLIENTS		 1024
#define CLIENTS_EVERY_NS 250000000LL
#define CONNECTIONS_MAX	 65536 /* keys that one walk takes, whatever the map's size */

struct file {
	dev_t device;
	ino_t inode; /* 0: unused */
	bool seen;   /* mapped, by the scan that goes on */
};

struct tls_candidates {
	int processes_fd, connections_fd;
	pid_t last; /* whose mappings came last: an exec maps several files */
	bool last_is_agents;
	bool of_client; /* the mappings that come are a watched client's */
	int64_t walked_ns;
	uint32_t clients[CLIENTS]; /* tgids that were looked into, by hash */
	struct file files[FILES];
};

int tls_candidates_new(const struct bpf_set *set, struct tls_candidates **ret_candidates)
{
	struct tls_candidates *candidates = calloc(1, sizeof(*candidates));

	if (!candidates)
		return -ENOMEM;
	candidates->processes_fd = bpf_set_map(set, "processes");
	candidates->connections_fd = bpf_set_map(set, "connections");
	*ret_candidates = candidates;
	return 0;
}

void tls_candidates_free(struct tls_candidates *candidates)
{
	free(candidates);
}

static struct file *file_of(struct tls_candidates *candidates, const struct tls_mapping *mapping)
{
	uint64_t hash = (mapping->inode ^ (uint64_t)mapping->device << 40) * 0x9e3779b97f4a7c15ULL;

	return &candidates->files[hash >> 53];
}
_Static_assert(FILES == 1 << (64 - 53), "the hash has as many bits");

static bool is_known(const struct file *file, const struct tls_mapping *mapping)
{
	return file->inode == mapping->inode && file->device == mapping->device;
}

static bool is_agents(const struct tls_candidates *candidates, pid_t pid)
{
	uint32_t tgid = (uint32_t)pid;
	struct process process;

	return candidates->processes_fd >= 0 &&
	       !bpf_map_lookup_elem(candidates->processes_fd, &tgid, &process) && process.root;
}

bool tls_candidates_is_agents(struct tls_candidates *candidates, const struct tls_mapping *mapping)
{
	if (mapping->pid != candidates->last) {
		candidates->last = mapping->pid;
		candidates->last_is_agents = is_agents(candidates, mapping->pid);
	}
	return candidates->last_is_agents;
}

bool tls_candidates_want(struct tls_candidates *candidates, const struct tls_mapping *mapping)
{
	struct file *file = file_of(candidates, mapping);

	if (is_known(file, mapping)) {
		file->seen = true;
		return false;
	}
	return candidates->of_client || tls_candidates_is_agents(candidates, mapping);
}

void tls_candidates_looked(struct tls_candidates *candidates, const struct tls_mapping *mapping)
{
	*file_of(candidates, mapping) = (struct file){mapping->device, mapping->inode, true};
}

/* True once for each process, until it is forgotten. */
static bool is_new(struct tls_candidates *candidates, uint32_t tgid)
{
	uint32_t *client = &candidates->clients[tgid % CLIENTS];

	if (*client == tgid)
		return false;
	*client = tgid;
	return true;
}

void tls_candidates_clients(struct tls_candidates *candidates, tls_mapping_taker *take,
			    void *context)
{
	struct connection connection;
	uint64_t key, *last = NULL;
	struct timespec now;
	int64_t now_ns;
	size_t i;

	candidates->last = 0; /* may be another program when the next records come */
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = now.tv_sec * 1000000000LL + now.tv_nsec;
	if (candidates->connections_fd < 0 || now_ns - candidates->walked_ns < CLIENTS_EVERY_NS)
		return;
	candidates->walked_ns = now_ns;
	for (i = 0; i < CONNECTIONS_MAX; i++) {
		if (bpf_map_get_next_key(candidates->connections_fd, last, &key))
			break;
		last = &key;
		if (bpf_map_lookup_elem(candidates->connections_fd, &key, &connection) ||
		    !connection.upstream || !is_new(candidates, connection.tgid))
			continue;
		candidates->of_client = true;
		tls_mappings_of((pid_t)connection.tgid, take, context);
		candidates->of_client = false;
	}
}

void tls_candidates_begin_scan(struct tls_candidates *candidates)
{
	size_t i;

	for (i = 0; i < FILES; i++)
		candidates->files[i].seen = false;
	memset(candidates->clients, 0, sizeof(candidates->clients));
	candidates->last = 0;
}

void tls_candidates_end_scan(struct tls_candidates *candidates)
{
	size_t i;

	for (i = 0; i < FILES; i++)
		if (!candidates->files[i].seen)
			candidates->files[i].inode = 0;
	candidates->last = 0;
}
