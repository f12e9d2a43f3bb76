/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_HOST_BPF_H
#define OPERAGLASS_HOST_BPF_H

#include "hello.bpf.h"
#include "loop.bpf.h"
#include "parse.bpf.h"

struct host_walk {
	const char *name;
	__u32 upstream;
};

/* The wildcard that stands for the name up to its i-th byte, if that is a dot. */
LOOP_BODY long host_wildcard(__u32 i, struct host_walk *walk)
{
	const char *rest = walk->name + parse_bound(i, HOST_NAME_SIZE - 1);
	__u32 *upstream;

	if (*rest != '.')
		return !*rest;
	upstream = bpf_map_lookup_elem(&hosts, rest);
	if (!upstream)
		return 0;
	walk->upstream = *upstream;
	return 1;
}

/*
 * Upstream of a host name, 0 if it is not watched: the exact name, else the longest wildcard above
 * it. The name is that of a workspace: at most 253 lower-case letters, the rest zero.
 */
SUBPROGRAM int host_upstream(__u32 index)
{
	struct workspace *workspace = bpf_map_lookup_elem(&workspaces, &index);
	struct host_walk walk = {};
	__u32 *upstream;

	if (!workspace)
		return 0;
	walk.name = (const char *)workspace->name;
	upstream = bpf_map_lookup_elem(&hosts, walk.name);
	if (upstream)
		return *upstream;
	loop(HOST_NAME_SIZE - 2, HOST_NAME_SIZE - 2, host_wildcard, &walk);
	return walk.upstream;
}

#endif
