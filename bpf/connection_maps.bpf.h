/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_CONNECTION_MAPS_BPF_H
#define OPERAGLASS_CONNECTION_MAPS_BPF_H

#include "connection.h"

/*
 * What the socket programs and the TLS programs both touch. Preallocated, because kernel 5.10
 * warns about uprobes that use maps which allocate at run time.
 */

/* The loader sets the size: limits.connections. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, struct connection);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} connections SEC(".maps");

/* One for each connection; removed with it. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct client_random);
	__type(value, struct client_random_owner);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} client_randoms SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_UPSTREAMS);
	__type(key, __u32);
	__type(value, struct upstream);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} upstreams SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, MAX_UPSTREAMS);
	__type(key, __u32);
	__type(value, struct upstream_totals);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} upstream_totals SEC(".maps");

/* Processes with TLS at one moment; a forgotten one only loses its reason. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u32);
	__type(value, struct tls_process);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tls_processes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct decoded_name);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} decoded_names SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct claim);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} claims SEC(".maps");

/* `hosts`, for the name in a ClientHello, in a DNS answer or in a request. Exact names and
 * wildcards (".example.org") together. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, struct host_name);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} hosts SEC(".maps");

static __always_inline bool handshake_is_complete(const struct connection *row)
{
	if (row->handshake_ns)
		return true;
	return row->tls == TLS_VERSION_1_2 && row->server_finished_ns && row->client_finished_ns;
}

/*
 * A first request that was written before the client had finished its handshake, which a TLS library
 * then does inside of that write, left when it had.
 */
static __always_inline __u64 request_left_ns(const struct connection *row, __u64 begin_ns)
{
	__u64 finished_ns = row->client_finished_ns ? row->client_finished_ns : row->handshake_ns;

	return finished_ns > begin_ns && !row->early_data ? finished_ns : begin_ns;
}

#endif
