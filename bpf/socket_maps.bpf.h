/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_SOCKET_MAPS_BPF_H
#define OPERAGLASS_SOCKET_MAPS_BPF_H

/* Maps that only the socket programs use, beside connection_maps.bpf.h. */
#include "connection.h"
#include "connection_maps.bpf.h"
#include "parse_client_hello.bpf.h"
#include "parse_dns.bpf.h"

/* Ports of upstreams, and 53 and 0 for DNS (a datagram socket that is not connected has port 0). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct port_bitmap);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} watched_ports SEC(".maps");

/* Each upstream with each of its ports: twice CONFIG_PORTS_MAX, for a reload that changes all. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 128);
	__type(key, struct upstream_port_key);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} upstream_ports SEC(".maps");

/* CONFIG_CIDRS_MAX on four ports each; more are refused by the observer. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 2048);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct network_key);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} networks SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, struct learned_key);
	__type(value, struct learned_address);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} learned_addresses SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct lookup_key);
	__type(value, struct lookup);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} lookups SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct attempt_key);
	__type(value, struct attempt);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} attempts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u64);
	__type(value, struct route_wait);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} routes SEC(".maps");

/* Never written: what a new row of `connections` is copied from. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct connection);
} empty_connection SEC(".maps");

/* What arrived of a ClientHello that is not complete yet. Not preallocated: such hellos are rare. */
struct hello_stream {
	__u32 length;
	__u32 reserved;
	__u8 bytes[CLIENT_HELLO_BUFFER];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 256);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u64);
	__type(value, struct hello_stream);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} hellos SEC(".maps");

/* Never written. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct hello_stream);
} empty_hello SEC(".maps");

#endif
