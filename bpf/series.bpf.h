/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_SERIES_BPF_H
#define OPERAGLASS_SERIES_BPF_H

/*
 * The series that calls add to: tables keyed by upstream, endpoint and one thing more. A row begins
 * as zeroes when it is first needed; how many endpoints have a name of their own is bounded.
 */
#include "call.h"
#include "lost.bpf.h"

/* limits.endpoints, set by the loader, and so the multiples below. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 512);
	__type(key, struct endpoint_key);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} endpoints SEC(".maps");

/* Two methods an endpoint. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct request_key);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} requests SEC(".maps");

/* Four kinds of failure an endpoint. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, struct failure_key);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} failures SEC(".maps");

/* Four statuses an endpoint. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2048);
	__type(key, struct duration_key);
	__type(value, struct histogram);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} durations SEC(".maps");

/* One an endpoint, and as many that are `unknown` or `other`. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct endpoint_key);
	__type(value, struct endpoint_facts);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} endpoint_facts SEC(".maps");

/* What a new row of `durations` and `endpoint_facts` is copied from: too large for the stack. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct endpoint_facts);
} zeroes SEC(".maps");

/* Kernel and endpoint names are compared as words. */
static __always_inline bool endpoint_is(const struct endpoint *endpoint, const char *text8,
					const char *rest8)
{
	const __u64 *words = (const __u64 *)endpoint->name;

	return words[0] == *(const __u64 *)text8 && words[1] == *(const __u64 *)rest8;
}

static __always_inline void endpoint_set(struct endpoint *endpoint, const char *text8)
{
	__builtin_memset(endpoint, 0, sizeof(*endpoint));
	__builtin_memcpy(endpoint->name, text8, 8);
}

/*
 * One key for `requests`, `failures`, `durations` and, from its third byte on, for `endpoints` and
 * `endpoint_facts`: the stack is too small for one of each. Aligned, or the compiler copies names
 * by two bytes and spills them: 136 instead of 76 bytes of stack, too much below connection_open.
 */
struct series_key {
	__u16 upstream;
	union {
		__u16 what;		 /* method, failure or status */
		__u16 endpoint_upstream; /* struct endpoint_key begins here */
	};
	struct endpoint endpoint;
} __attribute__((aligned(4)));

_Static_assert(sizeof(struct series_key) == sizeof(struct request_key), "overlay");
_Static_assert(sizeof(struct series_key) == sizeof(struct failure_key), "overlay");
_Static_assert(sizeof(struct series_key) == sizeof(struct duration_key), "overlay");
_Static_assert(sizeof(struct series_key) == sizeof(struct endpoint_key) + 2, "overlay");
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "a method is the low byte of `what`");

static __always_inline void series_key_of(const struct call *call, __u16 what,
					  struct series_key *key)
{
	key->upstream = call->upstream;
	key->what = what;
	key->endpoint = call->endpoint;
}

static __always_inline struct endpoint_key *series_endpoint(struct series_key *key)
{
	key->endpoint_upstream = key->upstream;
	return (struct endpoint_key *)&key->endpoint_upstream;
}

/* The row of a table whose rows begin as zeroes; NULL when the table is full, which is counted. */
static __always_inline void *series_row(void *map, const void *key)
{
	void *row = bpf_map_lookup_elem(map, key);
	__u32 zero = 0;
	void *empty;

	if (row)
		return row;
	empty = bpf_map_lookup_elem(&zeroes, &zero);
	if (!empty)
		return NULL;
	bpf_map_update_elem(map, key, empty, BPF_NOEXIST);
	row = bpf_map_lookup_elem(map, key);
	if (!row)
		lost_add(LOST_SERIES_FULL);
	return row;
}

static __always_inline void series_add(void *map, const void *key)
{
	__u64 *count = series_row(map, key);

	if (count)
		__sync_fetch_and_add(count, 1);
}

/* Replaces the endpoint by "other" when it is new and the table is full; true then. */
static __always_inline bool endpoint_bound(struct endpoint_key *key)
{
	__u64 one = 1;

	if (bpf_map_lookup_elem(&endpoints, key) ||
	    bpf_map_update_elem(&endpoints, key, &one, BPF_NOEXIST) == 0 ||
	    bpf_map_lookup_elem(&endpoints, key))
		return false;
	lost_add(LOST_ENDPOINTS_FULL);
	endpoint_set(&key->endpoint, "other\0\0");
	return true;
}

#endif
