/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_EGRESS_BPF_H
#define OPERAGLASS_EGRESS_BPF_H

/* What the client sends. Runs under the socket's lock. */
#include "loop.bpf.h"
#include "connection.bpf.h"
#include "hello.bpf.h"
#include "host.bpf.h"
#include "records.bpf.h"
#include "segment.bpf.h"

enum {
	/* TLS 1.3: type, header, hash of 32 or 48 bytes, tag of 16 (RFC 8446 sections 4.4.4, 5.2). */
	FINISHED_SHA256 = 53,
	FINISHED_SHA384 = 69,
	/* Java's JSSE makes each of its records longer (RFC 8446 section 5.4). */
	PADDING_JSSE = 16,
	/* TLS 1.3: 2 bytes of alert, type, tag. */
	ALERT_LENGTH = 19,
	/* No request of HTTP/1 fits: "GET / HTTP/1.0" and two line ends are 18 bytes. */
	REQUEST_MIN = 18,
	HTTP2_FRAME_HEAD = 9,
	HTTP2_PREFACE = 24, /* RFC 9113 section 3.4 */
};

/* Is this record the preface and the settings of a client, or one of them, and nothing else? */
static __always_inline bool egress_greets(struct connection *row, __u32 plain)
{
	__u32 before = row->greeting ? 0 : HTTP2_PREFACE;

	if (row->greeting >= GREETING_OVER)
		return false;
	row->greeting = plain == before ? GREETING_PREFACE : GREETING_OVER;
	return plain == before || record_is_settings(plain - before);
}

/* Of a client of which nobody knows whether it speaks HTTP/2: what this record makes of its greeting. A
 * preface and settings, each by itself, are no requests; in one record they might be, which the server's
 * first record decides. Who acknowledges settings has got some. */
static __always_inline enum greeting egress_guess(const struct connection *row, __u32 plain,
						  enum greeting before, bool greets)
{
	if (row->negotiated & NEGOTIATED_UNTOLD && greets && row->greeting == GREETING_OVER)
		return before == GREETING_PREFACE ? GREETING_CERTAIN : GREETING_LIKELY;
	if (row->negotiated & NEGOTIATED_SETTINGS && plain == HTTP2_FRAME_HEAD)
		return GREETING_CERTAIN;
	return row->greeting;
}

/* A request of HTTP/2. If the client's greeting was counted as a call, this is what was counted. */
static __always_inline void egress_correct(struct connection *row, __u64 now)
{
	if (row->greeting != GREETING_LIKELY)
		return;
	row->greeting = GREETING_OVER;
	if (row->call_begin_ns)
		row->call_begin_ns = now;
}

/* Does this record of application data hold a request, or a part of one? Of a client that speaks HTTP/2
 * for certain a request may be as short as its fields are known to the server's table. */
APART bool egress_is_request(struct connection *row, __u64 now)
{
	__u32 plain = record_plain(row, row->sent.length - row->padding);
	bool control = record_is_control(plain), greets;
	enum greeting before = row->greeting;

	greets = egress_greets(row, plain);
	if (row->negotiated & NEGOTIATED_HTTP2 || before == GREETING_CERTAIN ||
	    name_greeted(row, now)) {
		if (greets || control || plain <= HTTP2_FRAME_HEAD)
			return false;
		egress_correct(row, now);
		return true;
	}
	row->greeting = egress_guess(row, plain, before, greets);
	if (greets && row->negotiated & NEGOTIATED_UNTOLD && row->greeting != GREETING_LIKELY)
		return false;
	if (plain < REQUEST_MIN || (control && row->kind < UPSTREAM_DATABASE))
		return false;
	if (before == GREETING_LIKELY)
		row->greeting = GREETING_FOLLOWED;
	return true;
}

/* Several segments may be sent again as one packet, which the device cuts. */
static __always_inline void egress_again(const struct __sk_buff *skb, struct connection *row)
{
	struct upstream_totals *totals = totals_of(row->upstream);
	__u32 segments = skb->gso_segs;

	if (!segments)
		segments = 1;
	row->retransmits += segments;
	if (totals)
		__sync_fetch_and_add(&totals->retransmits, segments);
}

/* The upstream of a connection whose first payload is known; false if nobody watches it. */
SUBPROGRAM int egress_attribute(struct connection *row, struct workspace *workspace)
{
	__u32 upstream, named = 0;

	if (!row || !workspace)
		return 0;
	upstream = row->candidate ? row->candidate : row->fallback;
	if (row->protocol == PROTOCOL_TLS && workspace->parsed.name_length) {
		named = host_upstream(workspace->index);
		if (named && !upstream_has_port(named, row->remote_port))
			named = 0;
		upstream = named ? named : row->fallback;
	}
	connection_decide(row, upstream);
	return row->upstream != 0;
}

SUBPROGRAM int egress_remember(struct connection *row, struct workspace *workspace)
{
	struct client_random_owner owner = {};
	struct client_random random;

	if (!row || !workspace)
		return 0;
	owner.sock = row->sock;
	owner.tgid = row->tgid;
	__builtin_memcpy(random.bytes, workspace->hello + CLIENT_HELLO_RANDOM_AT,
			 sizeof(random.bytes));
	bpf_map_update_elem(&client_randoms, &random, &owner, BPF_ANY);
	__builtin_memcpy(row->client_random, random.bytes, sizeof(row->client_random));
	row->client_random_known = 1;
	return 0;
}

enum first_result {
	FIRST_PARTIAL, /* wait for more */
	FIRST_UNWATCHED,
	FIRST_KNOWN,
};

SUBPROGRAM int egress_first(struct __sk_buff *skb, struct connection *row,
			    const struct segment *segment, struct workspace *workspace)
{
	int result;
	__u8 type = 0;

	if (!row || !segment || !workspace)
		return FIRST_PARTIAL;
	workspace->continued = row->hello_ns != 0;
	workspace->parsed.name_length = 0;
	if (!row->hello_ns)
		row->hello_ns = row->last_sent_ns;
	result = hello_feed(skb, row->sock, segment->payload_at, segment->length, workspace);
	if (result == PARSE_PARTIAL)
		return FIRST_PARTIAL;
	if (result == PARSE_DONE) {
		row->protocol = PROTOCOL_TLS;
		row->offers_http2 = workspace->parsed.http2;
		records_begin(&row->sent,
			      row->sent.high - (__u32)row->sent.bytes + workspace->parsed.end);
	} else {
		row->protocol = PROTOCOL_PLAIN;
		bpf_skb_load_bytes(skb, segment->payload_at, &type, 1);
		if (result == PARSE_TOO_LONG)
			lost_add(LOST_HELLO_TOO_LONG);
		else if (workspace->continued || type == TLS_HANDSHAKE)
			lost_add(LOST_HELLO_MALFORMED);
	}
	if (!egress_attribute(row, workspace))
		return FIRST_UNWATCHED;
	if (result == PARSE_DONE)
		egress_remember(row, workspace);
	return FIRST_KNOWN;
}

/* The client ends the TLS connection: it waits for no response any more. */
static __always_inline void egress_alert(struct connection *row)
{
	if (!row->end && row->handshake_over)
		row->end = row->server_alert ? FAILURE_CLOSED : FAILURE_TIMEOUT;
}

/* While a client shakes hands it is not known whether it pads; nothing else is as long as a padded alert. */
static __always_inline bool egress_is_alert(const struct connection *row)
{
	__u32 padding = row->sent.length - ALERT_LENGTH;

	return padding == row->padding || (!row->handshake_ns && padding == PADDING_JSSE);
}

/* Does this record end the client's part of a TLS 1.3 handshake? How long it should be tells the padding. */
static __always_inline bool egress_finishes(struct connection *row)
{
	__u32 length = row->sent.length;
	__u32 hash = row->negotiated & NEGOTIATED_SHA384 ? FINISHED_SHA384 : FINISHED_SHA256;

	if (row->tls != TLS_VERSION_1_3)
		return length == FINISHED_SHA256 || length == FINISHED_SHA384;
	if (length != hash && length != hash + PADDING_JSSE)
		return false;
	row->padding = length - hash;
	return true;
}

/* A record of type 23 begins: is it application data? */
static __always_inline bool egress_data_record(struct connection *row, __u64 now)
{
	if (row->tls != TLS_VERSION_1_2 && egress_is_alert(row)) {
		egress_alert(row);
		return false;
	}
	if (row->tls == TLS_VERSION_1_2 || row->client_finished_ns) {
		row->handshake_over = 1;
		return egress_is_request(row, now);
	}
	if (row->handshake_ns) {
		if (!row->sent.flight)
			return egress_is_request(row, now);
		row->sent.flight = !egress_finishes(row); /* a client's certificate goes before */
		return false;
	}
	if (!row->received.bytes) {
		row->early_data = egress_is_request(row, now);
		return row->early_data;
	}
	row->handshake_ns = now;
	row->handshake_over = 1;
	row->sent.flight = !egress_finishes(row);
	return false;
}

struct egress_walk {
	struct __sk_buff *skb;
	struct connection *row;
	const struct segment *segment;
	__u64 now;
};

LOOP_BODY long egress_record(__u32 i, struct egress_walk *walk)
{
	struct connection *row = walk->row;
	struct record_follower *sent = &row->sent;

	(void)i;
	PARSE_FORGET();
	if (records_next(walk->skb, sent, walk->segment))
		return 1;
	if (sent->outcome == RECORD_AGAIN)
		return 0;
	if (sent->type == TLS_APPLICATION_DATA)
		sent->found |= egress_data_record(row, walk->now);
	else if (sent->type == TLS_ALERT)
		egress_alert(row);
	else if (sent->type == TLS_CHANGE_CIPHER_SPEC)
		row->client_ccs = 1;
	else if (sent->type == TLS_HANDSHAKE && row->client_ccs && row->tls != TLS_VERSION_1_3 &&
		 !row->client_finished_ns)
		row->client_finished_ns = walk->now;
	return records_over(sent, walk->segment);
}

SUBPROGRAM int egress_records(struct __sk_buff *skb, struct connection *row,
			      const struct segment *segment, __u64 now)
{
	struct egress_walk walk = {.skb = skb, .row = row, .segment = segment, .now = now};
	struct record_follower *sent;

	if (!row || !segment)
		return 0;
	sent = &row->sent;
	if (!sent->following)
		records_find(skb, sent, segment);
	if (!sent->following)
		return 1;
	sent->found = 0;
	sent->flight = 0;
	loop(RECORDS_PER_PACKET, RECORDS_PER_PACKET, egress_record, &walk);
	records_check(sent, segment);
	return sent->found;
}

/* Payload that was not sent before. False: nobody watches this connection. */
static __always_inline bool egress_fresh(struct __sk_buff *skb, struct connection *row,
					 struct segment *segment)
{
	struct upstream_totals *totals = totals_of(row->upstream);
	__u32 high = segment->sequence + segment->length, fresh = high - row->sent.high;
	__u64 now = bpf_ktime_get_boot_ns();
	struct workspace *workspace;
	int first, data = 1;

	row->sent.bytes += fresh;
	row->sent.high = high;
	row->last_sent_ns = now;
	if (totals)
		__sync_fetch_and_add(&totals->sent_bytes, fresh);
	if (row->protocol == PROTOCOL_UNKNOWN) {
		workspace = workspace_take();
		if (!workspace) {
			lost_add(LOST_HELLO_FULL);
			return false;
		}
		first = egress_first(skb, row, segment, workspace);
		workspace->busy = 0;
		if (first != FIRST_KNOWN)
			return first == FIRST_PARTIAL;
	}
	if (row->protocol == PROTOCOL_TLS)
		data = egress_records(skb, row, segment, now);
	if (row->handshake_over && !row->handshake_counted)
		handshake_settle(row);
	if (!data)
		return true;
	if (!row->visibility)
		connection_count(row, 0, row->uncounted && opaque_answered(row, now));
	opaque_begin(row, now);
	return true;
}

static __always_inline void egress_packet(struct __sk_buff *skb)
{
	struct segment segment = {};
	__u64 sock = (__u64)skb->sk;
	struct connection *row = bpf_map_lookup_elem(&connections, &sock);

	if (!row || !segment_parse(skb, &segment))
		return;
	if (segment.flags & TCP_SYN) {
		if (row->syn_sent)
			egress_again(skb, row);
		row->syn_sent = 1;
	}
	received_count(row, totals_of(row->upstream));
	if (!segment.length && !(segment.flags & TCP_SYN))
		return;
	if (!records_fresh(&row->sent, &segment)) {
		if (segment.length)
			egress_again(skb, row);
		return;
	}
	if (!egress_fresh(skb, row, &segment))
		bpf_map_delete_elem(&connections, &sock);
}

#endif
