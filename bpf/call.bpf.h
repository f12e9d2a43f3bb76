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
#include "process_rows.bpf.h"
#include "series.bpf.h"

/* A call to the same endpoint by the same process within so long after a retryable failure is a
 * retry: twice the longest pause that Telegram's limits ask of a chat. */
#define RETRY_WINDOW_NS (120 * 1000000000ULL)

/* Calls of one connection that are followed, from the oldest that waits to the newest: the end of the
 * connection looks for each. The streams of HTTP/2 are many, and one may wait while others come and go. */
#ifdef VERIFY_ONCE
#define CALLS_SPAN  4096
#define CALL_IN_ROW 1
#else
#define CALLS_SPAN  MAX_CALLS_IN_FLIGHT
#define CALL_IN_ROW 0 /* atomic exchange: 5.12, on arm64 5.18 */
#endif

/* Half of limits.connections by default, set by the loader. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 4096);
	__type(key, struct call_key);
	__type(value, struct call);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} calls SEC(".maps");

/* Failures of two minutes at a time; a forgotten one is a retry not recognised. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, struct recent_failure_key);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} recent_failures SEC(".maps");

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
	__u64 *count;

	if (!call)
		return 0;
	upstream = call->upstream;
	series_key_of(call, call->method, &key);
	count = bpf_map_lookup_elem(&requests, &key);
	if (count) { /* so its endpoint has a name of its own, and `endpoints` is not asked */
		__sync_fetch_and_add(count, 1);
	} else {
		if (endpoint_bound(series_endpoint(&key)))
			call->endpoint = key.endpoint;
		key.what = call->method;
		series_add(&requests, &key);
	}

	/* The usual case, nothing failed lately, costs no look-up. */
	totals = bpf_map_lookup_elem(&upstream_totals, &upstream);
	if (totals && (totals->last_failure_ns || totals->last_retryable_ns))
		call_count_retry(call);
	return 0;
}

/* Only a message may be a question to a human, which is what somebody waits for one by one. */
static __always_inline void call_emit(const struct call *call)
{
	const struct process *process;
	struct fact_call *fact;
	__u32 tgid = call->tgid;

	if (!endpoint_is(&call->endpoint, "sendMess", "age\0\0\0\0\0"))
		return;
	fact = fact_reserve(FACT_CALL, sizeof(*fact));
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
	process = bpf_map_lookup_elem(&processes, &tgid);
	if (process) {
		fact->root = process->root;
		fact->root_start_ns = process->root_start_ns;
	}
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
	series_key_of(call, call->failure, &key);
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
	series_key_of(call, call->status, &key);
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

/* Is it the call that is in flight in its connection's row? */
static __always_inline bool call_is_in_row(const struct connection *row, const struct call_key *key)
{
	return CALL_IN_ROW && row && row->call_open && row->call_number == key->sequence;
}

/* A decoded call in flight. row: of its connection; NULL: there is none, or all its calls are in the
 * table. */
static __always_inline struct call *call_find(struct connection *row, const struct call_key *key)
{
	return call_is_in_row(row, key) ? &row->call : bpf_map_lookup_elem(&calls, key);
}

/*
 * A decoded request leaves: counts it and remembers it until call_finish. *call needs what
 * call_count_begin needs; CALL_DECODED is set here. Returns 0, or -1 when it could not be
 * remembered (counted as lost; the request itself is counted). row: as in call_find.
 *
 * Most connections have one call at a time. It lies in the connection's row: to make and delete one of
 * `calls` would cost more than all else that a request does to tables.
 */
static __always_inline int call_begin(struct connection *row, const struct call_key *key,
				      struct call *call)
{
	call->flags |= CALL_DECODED;
	call_count_begin(call);
	if (CALL_IN_ROW && row && !row->call_open) {
		row->call = *call;
		row->call_number = key->sequence;
		__sync_lock_test_and_set(&row->call_open, 1); /* what is above comes first */
		return 0;
	}
	if (bpf_map_update_elem(&calls, key, call, BPF_ANY) == 0)
		return 0;
	lost_add(LOST_CALLS_FULL);
	return -1;
}

/*
 * Finishes a call: the caller has changed end_ns, status, retry_after_ns, first_byte_ns, flags or
 * failure in the row that it looked up, or in its own copy, which is `call`. Returns 0, or -1 when
 * somebody else finished it first (then nothing is counted). row: as in call_find.
 */
static __always_inline int call_finish(struct connection *row, const struct call_key *key,
				       struct call *call)
{
	if (call_is_in_row(row, key)) {
		if (!__sync_lock_test_and_set(&row->call_open, 0))
			return -1;
	} else if (bpf_map_delete_elem(&calls, key)) {
		return -1;
	}
	call_count_end(call);
	return 0;
}

/* No more of its answer will come, for `failure` if that was not complete. The caller finishes it. */
static __always_inline void call_break_off(struct call *call, __u32 failure, __u64 now)
{
	if (!(call->flags & CALL_UNTIL_CLOSE)) {
		call->flags &= ~CALL_ANSWERED;
		call->failure = failure;
		call->end_ns = now;
	} else if (!call->end_ns) {
		call->end_ns = now;
	}
}

#endif
