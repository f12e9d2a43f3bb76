/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_HOST_BPF_H
#define OPERAGLASS_TLS_HOST_BPF_H

#include "connection_maps.bpf.h"
#include "endpoint.bpf.h"
#include "loop.bpf.h"
#include "parse.bpf.h"

/*
 * The upstream of a Host field's value that lies in the memory of the program, for objects that
 * could not be joined to a connection. The name is looked up from the stack and never kept.
 */

#define TLS_HOST_LABELS 8 /* of a name, from the left, that may be a wildcard's "*" */

union tls_host_name {
	struct host_name host;
	__u64 words[HOST_NAME_SIZE / 8];
};

/* Stops at the first byte behind the name. */
LOOP_BODY long tls_host_byte(__u32 i, union tls_host_name *name)
{
	__u8 c = name->host.name[i & (HOST_NAME_SIZE - 1)];

	return c <= ' ' || c == ':';
}

/* Stops at the first dot behind the first byte. */
LOOP_BODY long tls_host_label(__u32 i, union tls_host_name *name)
{
	return i && name->host.name[i & (HOST_NAME_SIZE - 1)] == '.';
}

static __always_inline long tls_host_read(union tls_host_name *name, __u64 address, __u32 size)
{
	__builtin_memset(name, 0, sizeof(*name));
	size = ((size - 1) & (HOST_NAME_SIZE - 1)) + 1;
	return bpf_probe_read_user(name, size, (const void *)address);
}

/*
 * Looks up the name, or the end of a name from a dot on, that begins at `address`, with at most
 * `size` bytes (one or more) in front of its end. Returns the upstream, or 0; then *ret_dot is
 * where its next dot is, 0: none. Places go through `window`, which lies in a map, so that the
 * verifier follows one unknown instead of all cases.
 */
static __always_inline __u32 tls_host_upstream(__u64 address, __u32 size, __u16 *window,
					       __u32 *ret_dot)
{
	union tls_host_name name;
	__u32 *upstream, length;

	*ret_dot = 0;
	if (tls_host_read(&name, address, size))
		return 0;
	*window = loop(HOST_NAME_SIZE, HOST_NAME_SIZE, tls_host_byte, &name);
	PARSE_FORGET();
	length = *window - 1;
	if (!length || length >= size || length == HOST_NAME_SIZE - 1)
		return 0;			   /* its end is not among them */
	if (tls_host_read(&name, address, length)) /* and nothing behind it */
		return 0;
	for (__u32 i = 0; i < HOST_NAME_SIZE / 8; i++)
		name.words[i] = parse_lower(name.words[i]);
	upstream = bpf_map_lookup_elem(&hosts, &name);
	if (upstream)
		return *upstream;
	*window = loop(length, HOST_NAME_SIZE, tls_host_label, &name);
	PARSE_FORGET();
	*ret_dot = *window < length ? *window - 1 : 0;
	return 0;
}

#endif
