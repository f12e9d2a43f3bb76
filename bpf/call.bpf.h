/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_CALL_BPF_H
#define OPERAGLASS_CALL_BPF_H

/*
 * The one place where a call begins and ends, decoded or not.
 *
 * A decoded call is a row of `calls` between call_begin and call_finish; an opaque one lives in its
 * connection's row and goes through call_count_begin and call_count_end directly.
 */
#include "loop.bpf.h"
#include "call.h"
#include "connection.h"
#include "connection_maps.bpf.h"
#include "fact.bpf.h"
#include "histogram.bpf.h"
#include "lost.bpf.h"

/* A call to the same endpoint by the same process within so long after a retryable failure is a
 * retry: twice the longest pause that Telegram's limits ask of a chat. */
#define RETRY_WINDOW_NS (120 * 1000000000ULL)

/* Half of limits.connections by default, set by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct call_key);
	__type(value, struct call);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} calls SEC(".maps");

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

/* Failures of two minutes at a time; a forgotten one is a retry not recognised. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct recent_failure_key);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} recent_failures SEC(".maps");

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
		__u16 status;
		struct {
			__u8 method_or_failure;
			__u8 reserved;
		};
		__u16 endpoint_upstream; /* struct endpoint_key begins here */
	};
	struct endpoint endpoint;
} __attribute__((aligned(4)));

_Static_assert(sizeof(struct series_key) == sizeof(struct request_key), "overlay");
_Static_assert(sizeof(struct series_key) == sizeof(struct failure_key), "overlay");
_Static_assert(sizeof(struct series_key) == sizeof(struct duration_key), "overlay");
_Static_assert(sizeof(struct series_key) == sizeof(struct endpoint_key) + 2, "overlay");

static __always_inline struct endpoint_key *series_endpoint(struct series_key *key)
{
	key->endpoint_upstream = key->upstream;
	return (struct endpoint_key *)&key->endpoint_upstream;
}

static __always_inline void series_key_of(const struct call *call, struct series_key *key)
{
	key->upstream = call->upstream;
	key->endpoint_upstream = 0;
	key->endpoint = call->endpoint;
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
	__u64 one = 1, *count = bpf_map_lookup_elem(&endpoints, key);

	if (count) {
		__sync_fetch_and_add(count, 1);
		return false;
	}
	if (bpf_map_update_elem(&endpoints, key, &one, BPF_NOEXIST) == 0 ||
	    bpf_map_lookup_elem(&endpoints, key))
		return false;
	lost_add(LOST_ENDPOINTS_FULL);
	endpoint_set(&key->endpoint, "other\0\0");
	return true;
}

static __always_inline bool failure_is_retryable(__u32 failure)
{
	return failure != FAILURE_NONE && failure != FAILURE_UNAUTHORIZED &&
	       failure != FAILURE_CLIENT_ERROR;
}

static __always_inline __u32 failure_of_status(__u32 status)
{
	if (status < 400)
		return FAILURE_NONE;
	if (status >= 500)
		return FAILURE_SERVER_ERROR;
	if (status == 429)
		return FAILURE_RATE_LIMITED;
	if (status == 401)
		return FAILURE_UNAUTHORIZED;
	if (status == 409)
		return FAILURE_CONFLICT;
	return FAILURE_CLIENT_ERROR;
}

SUBPROGRAM int call_count_retry(struct call *call)
{
	struct recent_failure_key key = {};
	struct endpoint_facts *row;
	__u64 *failed;

	if (!call)
		return 0;
	key.tgid = call->tgid;
	key.endpoint.upstream = call->upstream;
	key.endpoint.endpoint = call->endpoint;
	failed = bpf_map_lookup_elem(&recent_failures, &key);
	if (!failed)
		return 0;
	if (call->begin_ns - *failed < RETRY_WINDOW_NS) {
		row = series_row(&endpoint_facts, &key.endpoint);
		if (row)
			__sync_fetch_and_add(&row->retries, 1);
	}
	bpf_map_delete_elem(&recent_failures, &key);
	return 0;
}

/* Counts a request; may replace call->endpoint by "other". Needs begin_ns, tgid, upstream, method
 * and endpoint. Call it once. */
SUBPROGRAM int call_count_begin(struct call *call)
{
	struct upstream_totals *totals;
	struct series_key key;
	__u32 upstream;

	if (!call)
		return 0;
	upstream = call->upstream;
	series_key_of(call, &key);
	if (endpoint_bound(series_endpoint(&key)))
		call->endpoint = key.endpoint;
	key.method_or_failure = call->method;
	key.reserved = 0;
	series_add(&requests, &key);

	/* The usual case, nothing failed lately, costs no look-up. */
	totals = bpf_map_lookup_elem(&upstream_totals, &upstream);
	if (totals && (totals->last_failure_ns || totals->last_retryable_ns))
		call_count_retry(call);
	return 0;
}

static __always_inline void call_emit(const struct call *call)
{
	struct fact_call *fact = fact_reserve(FACT_CALL, sizeof(*fact));

	if (!fact)
		return;
	fact->begin_ns = call->begin_ns;
	fact->duration_ns = call->end_ns - call->begin_ns;
	fact->first_byte_ns = call->first_byte_ns ? call->first_byte_ns - call->begin_ns : 0;
	fact->tgid = call->tgid;
	fact->upstream = call->upstream;
	fact->status = call->status;
	fact->method = call->method;
	fact->failure = call->failure;
	fact->flags = call->flags;
	__builtin_memcpy(fact->endpoint, call->endpoint.name, ENDPOINT_SIZE);
	fact_submit(fact);
}

SUBPROGRAM int call_count_failure(struct call *call)
{
	struct recent_failure_key recent = {};
	struct series_key key;
	__u64 end_ns;

	if (!call)
		return 0;
	recent.tgid = call->tgid;
	series_key_of(call, &key);
	key.method_or_failure = call->failure;
	series_add(&failures, &key);
	if (!failure_is_retryable(call->failure))
		return 0;
	recent.endpoint.upstream = call->upstream;
	recent.endpoint.endpoint = call->endpoint;
	end_ns = call->end_ns;
	bpf_map_update_elem(&recent_failures, &recent, &end_ns, BPF_ANY);
	return 0;
}

SUBPROGRAM int call_count_answer(struct call *call)
{
	struct histogram *histogram;
	struct endpoint_facts *row;
	struct series_key key;

	if (!call)
		return 0;
	series_key_of(call, &key);
	key.status = call->status;
	histogram = series_row(&durations, &key);
	if (histogram)
		histogram_add(histogram, HISTOGRAM_CALL, call->end_ns - call->begin_ns);
	if (call->failure && !call->retry_after_ns)
		return 0;
	row = series_row(&endpoint_facts, series_endpoint(&key));
	if (!row)
		return 0;
	if (!call->failure)
		row->last_success_ns = call->end_ns;
	if (call->retry_after_ns)
		histogram_add(&row->retry_after, HISTOGRAM_RETRY_AFTER, call->retry_after_ns);
	return 0;
}

/*
 * Counts the end of a call that call_count_begin counted. Needs end_ns; first_byte_ns, status and
 * CALL_ANSWERED when a response came, else `failure`. Call it once, after claiming the call.
 */
SUBPROGRAM int call_count_end(struct call *call)
{
	struct upstream_totals *totals;
	__u32 upstream;

	if (!call)
		return 0;
	upstream = call->upstream;
	totals = bpf_map_lookup_elem(&upstream_totals, &upstream);
	if (!totals)
		return 0;
	if (call->end_ns < call->begin_ns)
		call->end_ns = call->begin_ns;
	if (call->flags & CALL_ANSWERED) {
		call->failure = failure_of_status(call->status);
		call_count_answer(call);
		/* A long poll's first byte says how long the server had nothing to say. */
		if (call->first_byte_ns > call->begin_ns &&
		    !endpoint_is(&call->endpoint, "getUpdat", "es\0\0\0\0\0"))
			histogram_add(&totals->first_byte, HISTOGRAM_CONNECT,
				      call->first_byte_ns - call->begin_ns);
	}
	if (call->failure)
		call_count_failure(call);
	switch (call->failure) {
	case FAILURE_NONE:
	case FAILURE_CLIENT_ERROR:
		totals->last_success_ns = call->end_ns;
		break;
	case FAILURE_RATE_LIMITED:
		totals->last_success_ns = call->end_ns;
		totals->last_retryable_ns = call->end_ns;
		break;
	default:
		totals->last_failure_ns = call->end_ns;
		break;
	}
	call_emit(call);
	return 0;
}

/* A call that failed before it had a request: counted as begun and failed, endpoint unknown. */
SUBPROGRAM int call_count_unsent(__u32 tgid, __u32 upstream, __u32 failure, __u64 begin_ns,
				 __u64 end_ns)
{
	struct call call = {.begin_ns = begin_ns, .end_ns = end_ns, .tgid = tgid};

	call.upstream = upstream;
	endpoint_set(&call.endpoint, "unknown");
	call_count_begin(&call);
	call.failure = failure;
	call_count_end(&call);
	return 0;
}

/*
 * A decoded request leaves: counts it and remembers it until call_finish. *call needs what
 * call_count_begin needs; CALL_DECODED is set here. Returns 0, or -1 when it could not be
 * remembered (counted as lost; the request itself is counted).
 */
static __always_inline int call_begin(const struct call_key *key, struct call *call)
{
	call->flags |= CALL_DECODED;
	call_count_begin(call);
	if (bpf_map_update_elem(&calls, key, call, BPF_ANY) == 0)
		return 0;
	lost_add(LOST_CALLS_FULL);
	return -1;
}

/*
 * Finishes a call: the caller has changed end_ns, status, retry_after_ns, first_byte_ns, flags or
 * failure in the row that it looked up, or in its own copy, which is `call`. Returns 0, or -1 when
 * somebody else finished it first (then nothing is counted).
 */
static __always_inline int call_finish(const struct call_key *key, struct call *call)
{
	if (bpf_map_delete_elem(&calls, key))
		return -1;
	call_count_end(call);
	return 0;
}

#endif
