/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_HOST_BPF_H
#define OPERAGLASS_TLS_HOST_BPF_H

#include "connection_maps.bpf.h"
#include "endpoint.bpf.h"

/*
 * The upstream of a Host field's value that lies in the memory of the program, for objects that
 * could not be joined to a connection. The name is looked up from the stack and never kept.
 */

#define TLS_HOST_LABELS 8 /* of a name, from the left, that may be a wildcard's "*" */

/*
 * Looks up the name, or the end of a name from a dot on, that begins at `address`, with at most
 * `size` bytes (one or more) in front of its end. Returns the upstream, or 0; then *ret_dot is
 * where its next dot is, 0: none. Arithmetic instead of branches, for the verifier.
 */
static __always_inline __u32 tls_host_upstream(__u64 address, __u32 size, __u32 *ret_dot)
{
	__u64 inside = 1, outside = 1, length = 0, dot = 0;
	struct host_name host = {};
	__u32 *upstream;

	*ret_dot = 0;
	size = ((size - 1) & (HOST_NAME_SIZE - 1)) + 1;
	if (bpf_probe_read_user(host.name, size, (const void *)address))
		return 0;
	for (__u32 i = 0; i < HOST_NAME_SIZE; i++) {
		__u8 c = host.name[i];

		inside &= text_reaches(c, '!') & (text_zero(c ^ ':') ^ 1);
		length += inside;
		outside &= (text_zero(c ^ '.') & text_reaches(i, 1)) ^ 1;
		dot += outside;
		host.name[i] = text_lower(c) & -inside;
	}
	if (length >= size)
		return 0; /* its end is not among them */
	upstream = bpf_map_lookup_elem(&hosts, &host);
	if (upstream)
		return *upstream;
	if (dot < length)
		*ret_dot = dot;
	return 0;
}

#endif
