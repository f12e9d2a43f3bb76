/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_OPAQUE_CALL_BPF_H
#define OPERAGLASS_OPAQUE_CALL_BPF_H

/*
 * The calls of a connection that is timed at its packets, one at a time: from the first data that is
 * sent to the last that comes before more is sent. Everything here runs under the socket's lock (state
 * tracepoint, egress), but opaque_begin_late and opaque_finish, which the sweep calls too.
 */
#include "loop.bpf.h"
#include "call.bpf.h"
#include "socket_maps.bpf.h"
#include "undecided.bpf.h"

/* The open call of a connection that was in doubt is an opaque one. */
static __always_inline void opaque_begin_late(struct connection *row)
{
	struct call call = {.begin_ns = row->call_begin_ns, .tgid = row->tgid};

	call.upstream = row->upstream;
	name_set(row->tgid, row->upstream, NAME_OPAQUE, row->call_begin_ns);
	row->told = 1;
	endpoint_set(&call.endpoint, "unknown");
	call_count_begin(&call);
}

/* What the opaque call with this number is, in place of *call's method and endpoint; 0: the next one.
 * The row goes. False: its name is not known. */
SUBPROGRAM int opaque_take_name(struct connection *row, struct call *call, __u32 sequence)
{
	struct call_key key = {};
	struct call *named;

	if (!row || !call)
		return 0;
	endpoint_set(&call->endpoint, "unknown");
	if (!row->named)
		return 0;
	key.owner = row->sock;
	key.sequence = CALL_NAME(sequence);
	named = bpf_map_lookup_elem(&calls, &key);
	if (!named)
		return 0;
	call->method = named->method;
	call->endpoint = named->endpoint;
	bpf_map_delete_elem(&calls, &key);
	return 1;
}

/* Of a request that never left. */
static __always_inline void opaque_forget_name(struct connection *row)
{
	struct call_key key = {};

	if (!row->named)
		return;
	key.owner = row->sock;
	key.sequence = CALL_NAME(0);
	bpf_map_delete_elem(&calls, &key);
}

/* Keeps the name of the call that has begun until its end. */
SUBPROGRAM int opaque_keep_name(struct connection *row, struct call *call)
{
	struct call_key key = {};

	if (!row || !call)
		return 0;
	key.owner = row->sock;
	key.sequence = CALL_NAME(row->call_sequence);
	return bpf_map_update_elem(&calls, &key, call, BPF_ANY);
}

/*
 * Counts the end of the open opaque call: answered when a response came, else with `failure`.
 *
 * The sweep may do the same at the same moment, but only after a pause of quiet_ns; so only after
 * such a pause does the socket's side need a claim, and an ordinary call costs none.
 */
SUBPROGRAM int opaque_finish(struct connection *row, __u32 failure, __u32 by_sweep, __u64 now)
{
	struct call call = {};
	struct upstream *upstream;
	__u32 id, sequence;
	bool answered, paused;

	if (!row || !row->call_begin_ns)
		return 0;
	id = row->upstream;
	upstream = bpf_map_lookup_elem(&upstreams, &id);
	sequence = row->call_sequence;
	if (!upstream || row->swept == sequence)
		return 0;
	if (row->uncounted && row->visibility != VISIBILITY_ENCRYPTED)
		return 0;
	answered = row->response_sequence == row->call_sequence;
	call.end_ns = answered ? row->last_received_ns : now;
	/* The response may have come after `now`. */
	paused = answered && (__s64)(now - call.end_ns) >= (__s64)upstream->quiet_ns;
	if (by_sweep && (!paused || (__s64)(now - row->last_sent_ns) < (__s64)upstream->quiet_ns))
		return 0;
	call.begin_ns = row->call_begin_ns;
	call.first_byte_ns = answered ? row->first_byte_ns : 0;
	if (paused && !claim_take(row, sequence, now))
		return 0;
	if (by_sweep)
		row->swept = sequence;
	call.tgid = row->tgid;
	call.upstream = id;
	call.flags = answered ? CALL_ANSWERED : 0;
	call.failure = answered ? FAILURE_NONE : failure;
	opaque_take_name(row, &call, sequence);
	call_count_end(&call);
	return 0;
}

/* The open call was not counted, and is a decoded one. */
static __always_inline void opaque_drop(struct connection *row)
{
	if (!row->uncounted || row->visibility != VISIBILITY_DECODED)
		return;
	row->uncounted = 0;
	row->call_begin_ns = 0;
}

/* A request that is sent in parts pauses no longer: delayed acknowledgements are 40 ms late. */
#define DOUBT_NS (100 * 1000000ULL)

/* Data that is sent now belongs to another call; else the request goes on, and if something came
 * meanwhile that was a session ticket. */
static __always_inline bool opaque_answered(const struct connection *row, __u64 now)
{
	return row->response_sequence == row->call_sequence &&
	       (!row->in_doubt || now - row->first_byte_ns >= DOUBT_NS);
}

/* An object that is seen to write only now may speak on a connection that is opaque since before: what
 * it sends first is not to be decoded. */
static __always_inline void opaque_tell(struct connection *row, __u64 now)
{
	if (row->told || !name_known(row->tgid, 0, NAME_WRITTEN))
		return;
	row->told = 1;
	name_set(row->tgid, row->upstream, NAME_OPAQUE, now);
}

/* Application data begins to leave: a new call, unless the open one still waits for its response. */
SUBPROGRAM int opaque_begin(struct connection *row, __u64 now)
{
	struct call call = {.begin_ns = now};
	int named;

	if (!row)
		return 0;
	opaque_drop(row);
	if (row->suppressed)
		return 0;
	if (row->decoded) {
		/* It is read since a moment ago: what was timed before is over with its answer. */
		if (row->call_begin_ns && row->response_sequence == row->call_sequence) {
			opaque_finish(row, FAILURE_NONE, false, now);
			row->call_begin_ns = 0;
		}
		return 0;
	}
	if (row->visibility == VISIBILITY_ENCRYPTED)
		opaque_tell(row, now);
	/* Also when it is a request that begins no call, so that no other one gets its name. */
	named = opaque_take_name(row, &call, 0);
	if (row->call_begin_ns) {
		if (!opaque_answered(row, now))
			return 0;
		opaque_finish(row, FAILURE_NONE, false, now);
	}
	row->call_begin_ns = now;
	row->call_sequence++;
	row->uncounted = row->visibility == VISIBILITY_UNDECIDED;
	if (row->uncounted)
		return 0;
	call.tgid = row->tgid;
	call.upstream = row->upstream;
	if (named && opaque_keep_name(row, &call)) {
		lost_add(LOST_CALLS_FULL);
		call.method = METHOD_UNKNOWN;
		endpoint_set(&call.endpoint, "unknown");
		named = 0;
	}
	call_count_begin(&call);
	if (named) /* as it was counted */
		opaque_keep_name(row, &call);
	return 0;
}

#endif
