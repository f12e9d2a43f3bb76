/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_CONNECTION_BPF_H
#define OPERAGLASS_CONNECTION_BPF_H

/*
 * One connection's row: to which upstream it belongs, how much of it can be seen, its end. Everything
 * here runs under the socket's lock (state tracepoint, egress), but what the sweep calls too:
 * connection_count, and the end of a connection whose socket is gone.
 */
#include "loop.bpf.h"
#include "attempt.bpf.h"
#include "call.bpf.h"
#include "opaque_call.bpf.h"
#include "socket_maps.bpf.h"
#include "undecided.bpf.h"

static __always_inline bool upstream_has_port(__u32 upstream, __u16 port)
{
	struct upstream_port_key key = {.upstream = upstream, .port = port};

	return bpf_map_lookup_elem(&upstream_ports, &key) != NULL;
}

/* Upstream by configured network, else by port alone. `address` in network order. */
static __always_inline __u32 network_upstream(const __u8 *address, __u16 port)
{
	struct network_key key = {};
	__u32 *upstream;

	/* Not as an initialiser: that makes a nameless .rodata, whose types 5.10 refuses to load. */
	key.prefix_length = 16 + 128;
	key.port[0] = port >> 8;
	key.port[1] = port & 0xff;
	__builtin_memcpy(key.address, address, sizeof(key.address));
	upstream = bpf_map_lookup_elem(&networks, &key);
	return upstream ? *upstream : 0;
}

/* Upstream by an address that DNS gave for a watched name. */
static __always_inline __u32 learned_upstream(const __u8 *address, __u32 netns, __u16 port)
{
	struct learned_key key = {.netns = netns};
	struct learned_address *learned;

	__builtin_memcpy(key.address, address, sizeof(key.address));
	learned = bpf_map_lookup_elem(&learned_addresses, &key);
	if (!learned || !upstream_has_port(learned->upstream, port))
		return 0;
	return learned->upstream;
}

/*
 * Adds what was received since the last time. Ingress would add a segment twice when two CPUs receive
 * at once, and a sweep beside egress; egress and the end of the connection hold the socket's lock.
 * What is received is acknowledged, so egress comes by at most 200 ms later.
 */
static __always_inline void received_count(struct connection *row, struct upstream_totals *totals)
{
	__u32 fresh = row->received.high - row->received_counted;

	if (!totals || !row->received.started || (__s32)fresh <= 0)
		return;
	row->received_counted += fresh;
	__sync_fetch_and_add(&totals->received_bytes, fresh);
}

/* From now on the connection belongs to `upstream`: what was measured before is added to it. */
static __always_inline void connection_decide(struct connection *row, __u32 upstream)
{
	struct upstream_totals *totals = totals_of(upstream);
	struct upstream *configured = bpf_map_lookup_elem(&upstreams, &upstream);

	if (!totals || !configured || row->upstream)
		return;
	row->kind = configured->kind;
	row->upstream = upstream;
	if (row->established_ns)
		histogram_add(&totals->connect, HISTOGRAM_CONNECT,
			      row->established_ns - row->begin_ns);
	__sync_fetch_and_add(&totals->sent_bytes, row->sent.bytes);
	__sync_fetch_and_add(&totals->retransmits, row->retransmits);
}

/* An exec maps the new program's files, of which the observer takes note, before it is told to us. */
#define EXEC_SECONDS 1

/* What the observer knows of this very program of the process; NULL: nothing. */
static __always_inline struct tls_process *process_known(__u32 tgid)
{
	struct tls_process *known = bpf_map_lookup_elem(&tls_processes, &tgid);
	struct process *process = known ? bpf_map_lookup_elem(&processes, &tgid) : NULL;

	return process && process->image_ns / 1000000000ULL > known->noted_s + EXEC_SECONDS ? NULL
											    : known;
}

/* Counts why the connection is opaque. What is not known of its process now may be known later. */
static __always_inline void connection_explain(struct connection *row,
					       struct upstream_totals *totals, __u32 reason,
					       bool last_time)
{
	struct tls_process *process = process_known(row->tgid);

	if (!reason)
		reason = row->undecoded;
	if (process) {
		reason = reason ? reason : process->undecoded;
	} else if (!reason && !last_time) {
		row->unexplained = 1;
		return;
	}
	asm volatile("" : "+r"(reason)); /* compared and used in the same register */
	if (reason < UNDECODED_REASONS)
		__sync_fetch_and_add(&totals->undecoded[reason], 1);
}

/*
 * Counts the connection once, as soon as it is known how much of it can be seen; final: now or never.
 * The call that is open on a connection in doubt is counted with it, or dropped.
 */
SUBPROGRAM int connection_count(struct connection *row, __u32 reason, __u32 final)
{
	struct upstream_totals *totals;
	__u32 visibility;

	if (!row)
		return 0;
	totals = totals_of(row->upstream);
	if (!totals || row->visibility)
		return 0;
	if (row->protocol != PROTOCOL_TLS) {
		visibility = row->protocol == PROTOCOL_PLAIN || row->kind >= UPSTREAM_DATABASE
				     ? VISIBILITY_PLAIN
				     : VISIBILITY_ENCRYPTED;
	} else if (row->decoded) {
		visibility = VISIBILITY_DECODED;
	} else if (name_known(row->tgid, row->upstream, NAME_DECODED)) {
		row->suppressed = 1;
		visibility = VISIBILITY_DECODED;
	} else if (!final && !row->undecoded && name_known(row->tgid, 0, NAME_WRITTEN)) {
		return 0;
	} else {
		visibility = VISIBILITY_ENCRYPTED;
	}
	if (!visibility_decide(row, totals, visibility) || visibility != VISIBILITY_ENCRYPTED)
		return 0;
	connection_explain(row, totals, reason, false);
	if (row->uncounted)
		opaque_begin_late(row);
	return 0;
}

struct decoded_walk {
	struct connection *row;
	__u64 now;
};

LOOP_BODY long decoded_finish_one(__u32 i, struct decoded_walk *walk)
{
	struct connection *row = walk->row;
	struct call_key key = {};
	struct call *found, call;

	key.owner = row->sock;
	key.sequence = row->first_call + i;
	if ((__s32)(row->next_call - key.sequence) <= 0)
		return 1;
	found = call_find(row, &key);
	if (!found)
		return 0;
	call = *found;
	call.begin_ns = request_left_ns(row, call.begin_ns);
	call_break_off(&call,
		       handshake_is_complete(row) || !row->sent.following ? row->end
									  : FAILURE_TLS_HANDSHAKE,
		       walk->now);
	call_finish(row, &key, &call);
	return 0;
}

/*
 * The decoded calls that the end of their connection ends too. A library with a memory BIO takes
 * requests before the handshake is over: they never left if it failed.
 */
SUBPROGRAM int decoded_finish(struct connection *row, __u64 now)
{
	struct decoded_walk walk = {.row = row, .now = now};

	if (row)
		loop(CALLS_SPAN, CALLS_SPAN, decoded_finish_one, &walk);
	return 0;
}

/* No more responses will come, or be waited for. The first cause that is seen stands. */
static __always_inline void connection_ends(struct connection *row, __u32 cause)
{
	if (!row->end)
		row->end = row->server_alert ? FAILURE_CLOSED : cause;
	if (row->uncounted && row->call_begin_ns)
		connection_count(row, 0, true);
	opaque_finish(row, row->end, false, bpf_ktime_get_boot_ns());
	row->call_begin_ns = 0;
}

/* A TLS 1.2 handshake is over with the later of both Finished messages. */
static __always_inline void handshake_settle(struct connection *row)
{
	struct upstream_totals *totals = totals_of(row->upstream);

	if (!row->handshake_ns)
		row->handshake_ns = row->server_finished_ns > row->client_finished_ns
					    ? row->server_finished_ns
					    : row->client_finished_ns;
	if (totals && !row->handshake_counted && row->handshake_ns > row->hello_ns)
		histogram_add(&totals->handshake, HISTOGRAM_CONNECT,
			      row->handshake_ns - row->hello_ns);
	row->handshake_counted = 1;
}

/* Everything that is counted when an established connection is gone. `round_trip_ns` 0: unknown. */
SUBPROGRAM int connection_close(struct connection *row, __u64 round_trip_ns)
{
	struct upstream_totals *totals;
	__u64 now = bpf_ktime_get_boot_ns();
	__u32 upstream;

	if (!row)
		return 0;
	upstream = row->candidate ? row->candidate : row->fallback;
	if (!row->upstream && upstream)
		connection_decide(row, upstream);
	totals = totals_of(row->upstream);
	if (!totals)
		return 0;
	received_count(row, totals);
	if (round_trip_ns)
		histogram_add(&totals->round_trip, HISTOGRAM_CONNECT, round_trip_ns);
	if (row->unexplained)
		connection_explain(row, totals, 0, true);
	if (row->next_call != row->first_call)
		decoded_finish(row, now);
	opaque_forget_name(row);
	if (row->protocol == PROTOCOL_PLAIN || !row->hello_ns) {
		connection_count(row, UNDECODED_NO_REQUEST, true);
		return 0;
	}
	if (handshake_is_complete(row)) {
		handshake_settle(row);
	} else if (!row->call_sequence && !row->next_call) {
		call_count_unsent(row->tgid, row->upstream, FAILURE_TLS_HANDSHAKE, row->hello_ns,
				  now);
	}
	connection_count(row, UNDECODED_NO_REQUEST, true);
	return 0;
}

#endif
