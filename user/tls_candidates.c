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
#include "tls_trees.h"

#define CLIENTS		    1024
#define CLIENTS_EVERY_NS    250000000LL
#define CONNECTIONS_MAX	    65536 /* that one walk takes, whatever the map's size */
#define CONNECTIONS_AT_ONCE 64 /* more than share a bucket, which comes as a whole or not at all */

struct tls_candidates {
	int processes_fd, connections_fd;
	pid_t last; /* whose mappings came last: an exec maps several files */
	bool last_is_agents;
	bool of_client; /* the mappings that come are a watched client's */
	int64_t walked_ns;
	uint32_t clients[CLIENTS]; /* tgids that were looked into, by hash */
	struct tls_trees trees;
	struct tls_files files;
};

int tls_candidates_new(const struct bpf_set *set, struct tls_candidates **ret_candidates)
{
	struct tls_candidates *candidates = calloc(1, sizeof(*candidates));

	if (!candidates)
		return -ENOMEM;
	candidates->processes_fd = bpf_set_map(set, "processes");
	candidates->connections_fd = bpf_set_map(set, "connections");
	tls_trees_open(&candidates->trees, bpf_set_map(set, "agent_tgids"));
	*ret_candidates = candidates;
	return 0;
}

void tls_candidates_free(struct tls_candidates *candidates)
{
	if (candidates)
		tls_trees_close(&candidates->trees);
	free(candidates);
}

static bool is_agents(const struct tls_candidates *candidates, pid_t pid)
{
	uint32_t tgid = (uint32_t)pid;
	struct process process;

	return candidates->processes_fd >= 0 && tls_trees_may_have(&candidates->trees, pid) &&
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

bool tls_candidates_pass(struct tls_candidates *candidates, const struct tls_mapping *mapping)
{
	struct tls_file *file = tls_files_find(&candidates->files, mapping->device, mapping->inode,
					       mapping->generation);

	switch (file ? file->kind : TLS_FILE_UNKNOWN) {
	case TLS_FILE_EMPTY:
		file->seen = true;
		return false;
	case TLS_FILE_SETTLED:
		return false;
	case TLS_FILE_OTHERS:
		return tls_trees_may_have(&candidates->trees, mapping->pid);
	case TLS_FILE_LEFT_OUT:
	case TLS_FILE_COUNTED:
	case TLS_FILE_UNKNOWN:
		break;
	}
	return true;
}

bool tls_candidates_is_left_out(struct tls_candidates *candidates,
				const struct tls_mapping *mapping)
{
	struct tls_file *file = tls_files_find(&candidates->files, mapping->device, mapping->inode,
					       mapping->generation);

	return file && file->kind == TLS_FILE_LEFT_OUT;
}

bool tls_candidates_leave_out(struct tls_candidates *candidates, const struct tls_mapping *mapping)
{
	struct tls_file *file = tls_files_find(&candidates->files, mapping->device, mapping->inode,
					       mapping->generation);
	bool is_new = !file || file->kind != TLS_FILE_COUNTED;

	tls_candidates_decided(candidates, mapping, TLS_FILE_LEFT_OUT);
	return is_new;
}

bool tls_candidates_want(struct tls_candidates *candidates, const struct tls_mapping *mapping)
{
	struct tls_file *file = tls_files_find(&candidates->files, mapping->device, mapping->inode,
					       mapping->generation);

	if (file && file->kind == TLS_FILE_EMPTY) {
		file->seen = true;
		return false;
	}
	return candidates->of_client || tls_candidates_is_agents(candidates, mapping);
}

void tls_candidates_decided(struct tls_candidates *candidates, const struct tls_mapping *mapping,
			    enum tls_file_kind kind)
{
	tls_files_set(&candidates->files, mapping->device, mapping->inode, mapping->generation,
		      kind);
}

void tls_candidates_undecide(struct tls_candidates *candidates)
{
	tls_files_unsettle(&candidates->files);
}

struct born {
	tls_mapping_taker *take;
	void *context;
};

static void take_born(void *context, pid_t tgid)
{
	const struct born *born = context;

	tls_mappings_of(tgid, born->take, born->context);
}

bool tls_candidates_born(struct tls_candidates *candidates, tls_mapping_taker *take, void *context)
{
	struct born born = {take, context};

	candidates->last = 0; /* may have been none when its mappings came */
	return tls_trees_take_born(&candidates->trees, take_born, &born);
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

/* Looks into the processes of some connections. */
static void take_clients(struct tls_candidates *candidates, const struct connection *connections,
			 size_t count, tls_mapping_taker *take, void *context)
{
	size_t i;

	for (i = 0; i < count; i++) {
		if (!connections[i].upstream || !is_new(candidates, connections[i].tgid))
			continue;
		candidates->of_client = true;
		tls_mappings_of((pid_t)connections[i].tgid, take, context);
		candidates->of_client = false;
	}
}

void tls_candidates_clients(struct tls_candidates *candidates, tls_mapping_taker *take,
			    void *context)
{
	struct connection connections[CONNECTIONS_AT_ONCE];
	uint64_t keys[CONNECTIONS_AT_ONCE];
	uint32_t from, next, count, taken;
	struct timespec now;
	int64_t now_ns;
	int err = 0;

	candidates->last = 0; /* may be another program when the next records come */
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = now.tv_sec * 1000000000LL + now.tv_nsec;
	if (candidates->connections_fd < 0 || now_ns - candidates->walked_ns < CLIENTS_EVERY_NS)
		return;
	candidates->walked_ns = now_ns;
	for (taken = 0; !err && taken < CONNECTIONS_MAX; taken += count, from = next) {
		count = CONNECTIONS_AT_ONCE;
		err = bpf_map_lookup_batch(candidates->connections_fd, taken ? &from : NULL, &next,
					   keys, connections, &count, NULL);
		if (!err || err == -ENOENT) /* the last ones */
			take_clients(candidates, connections, count, take, context);
	}
}

void tls_candidates_begin_scan(struct tls_candidates *candidates)
{
	tls_files_begin_scan(&candidates->files);
	memset(candidates->clients, 0, sizeof(candidates->clients));
	candidates->last = 0;
}

void tls_candidates_end_scan(struct tls_candidates *candidates)
{
	tls_files_end_scan(&candidates->files);
	candidates->last = 0;
}
