/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_HOST_BPF_H
#define OPERAGLASS_HOST_BPF_H

#include "connection_maps.bpf.h"

/*
 * Upstream of a host name, 0 if it is not watched: the exact name, else the longest wildcard above
 * it. `name` lies in a map value of 2 * HOST_NAME_SIZE bytes: at most 253 lower-case letters, the
 * rest zero.
 */
static inline __noinline int host_upstream(const char *name)
{
	__u32 *upstream;

	if (!name)
		return 0;
	upstream = bpf_map_lookup_elem(&hosts, name);
	if (upstream)
		return *upstream;
	for (__u32 i = 0; i < HOST_NAME_SIZE - 2; i++) {
		if (!name[i])
			break;
		if (name[i] != '.')
			continue;
		upstream = bpf_map_lookup_elem(&hosts, name + i);
		if (upstream)
			return *upstream;
	}
	return 0;
}

#endif
