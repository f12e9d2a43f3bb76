/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_INGRESS_BPF_H
#define OPERAGLASS_INGRESS_BPF_H

/* What the server sends. Runs before TCP, without the socket's lock: sees duplicates and packets
 * out of order, maybe on another CPU than the egress program, and writes its own members only. */
#include "loop.bpf.h"
#include "connection.bpf.h"
#include "egress.bpf.h"
#include "records.bpf.h"
#include "segment.bpf.h"

enum {
	/* Session tickets come in pairs of one length (OpenSSL's default is two). */
	TICKET_LENGTH_MIN = 60,
	TICKET_LENGTH_MAX = 600,
	TICKETS_MAX = 2,
	/* "HTTP/1.1 100 Continue" and two line ends, sealed: TLS 1.3; 1.2 with ChaCha20, with GCM. */
	CONTINUE_1_3 = 42,
	CONTINUE_1_2_CHACHA = 41,
	CONTINUE_1_2_GCM = 49,
	/* Of HTTP/2: 8 settings and a window (RFC 9113 sections 6.5, 6.9). */
	SETTINGS_MAX = 9 + 8 * 6 + 13,
	/* EncryptedExtensions in a record of its own that holds "h2" (RFC 7301) and nothing else, or an
	 * empty server_name or early_data, too. "http/1.1" is 6 bytes longer. */
	EXTENSIONS_HTTP2 = 4 + 2 + 9 + 17,
	EXTENSIONS_HTTP2_MORE = EXTENSIONS_HTTP2 + 4,
	EXTENSIONS_HTTP1 = EXTENSIONS_HTTP2 + 6,
	EXTENSIONS_HTTP1_MORE = EXTENSIONS_HTTP1 + 4,
	EXTENSIONS_NONE = 4 + 2 + 17,
	EXTENSIONS_NONE_MORE = EXTENSIONS_NONE + 4,
};

SUBPROGRAM int ingress_version(struct __sk_buff *skb, struct connection *row,
			       const struct segment *segment)
{
	__u8 head[SERVER_HELLO_SIZE] = {};
	__u32 length;
	int is_1_3;

	if (!row || !segment || !segment->length)
		return 0;
	length = segment->length < SERVER_HELLO_SIZE ? segment->length : SERVER_HELLO_SIZE;
	length = parse_bound(length - 1, SERVER_HELLO_SIZE - 1) + 1;
	if (bpf_skb_load_bytes(skb, segment->payload_at, head, length))
		return 0;
	is_1_3 = server_hello_is_1_3(head, length);
	if (is_1_3 < 0)
		return 0;
	row->negotiated = server_hello_negotiated(head, length);
	row->tls = is_1_3 ? TLS_VERSION_1_3 : TLS_VERSION_1_2;
	return 0;
}

/* The first record that the server seals in TLS 1.3: its extensions, most often alone. */
static __always_inline void ingress_extensions(struct connection *row)
{
	__u16 length = row->received.length;

	row->negotiated |= NEGOTIATED_EXTENSIONS;
	if (length == EXTENSIONS_HTTP2 || length == EXTENSIONS_HTTP2_MORE)
		row->negotiated |= NEGOTIATED_HTTP2;
	else if (row->offers_http2 && length != EXTENSIONS_HTTP1 &&
		 length != EXTENSIONS_HTTP1_MORE && length != EXTENSIONS_NONE &&
		 length != EXTENSIONS_NONE_MORE)
		row->negotiated |= NEGOTIATED_UNTOLD;
}

/* May this record be a session ticket, of a server of TLS 1.3 that has sent no settings yet? */
static __always_inline bool ingress_before_settings(const struct connection *row, __u32 plain)
{
	return plain > SETTINGS_MAX && row->received.length <= TICKET_LENGTH_MAX;
}

/* Nobody knows yet whether HTTP/2 is spoken: does the first record that is no session ticket tell it? */
static __always_inline void ingress_guess(struct connection *row)
{
	__u32 plain = record_plain(row, row->received.length);
	bool greeted = row->greeting == GREETING_LIKELY || row->greeting == GREETING_FOLLOWED;
	bool first = row->call_sequence <= 1;

	if (first && row->tickets < TICKETS_MAX && ingress_before_settings(row, plain))
		return;
	row->negotiated &= ~NEGOTIATED_UNTOLD;
	if (first && record_is_settings(plain))
		row->negotiated |=
			greeted || !row->call_begin_ns ? NEGOTIATED_HTTP2 : NEGOTIATED_SETTINGS;
}

/* HTTP/2: a response begins with none of the server's settings, which come first and unasked, nor with
 * frames that come by themselves. What comes before its settings are session tickets. Returns as
 * ingress_data_record. */
static __always_inline int ingress_frames(struct connection *row)
{
	__u32 plain = record_plain(row, row->received.length);

	if (row->negotiated & NEGOTIATED_SETTINGS)
		return !record_is_control(plain) || row->response_sequence == row->call_sequence;
	if (row->tls != TLS_VERSION_1_2 && ingress_before_settings(row, plain))
		return 1;
	row->negotiated |= NEGOTIATED_SETTINGS;
	if (plain > SETTINGS_MAX)
		return 1; /* a response is behind them */
	row->tickets = TICKETS_MAX;
	row->response_sequence = 0;
	row->in_doubt = 0;
	return -1;
}

/*
 * The first records after the first request may be session tickets, which look like data: two of
 * one length, of a ticket's size, are taken for tickets. Returns -1 when that is so, and what was
 * taken for the response so far was none. Until the next record comes, the first one is in doubt.
 */
static __always_inline int ingress_maybe_ticket(struct connection *row, __u64 now)
{
	__u16 length = row->received.length;

	if (length < TICKET_LENGTH_MIN || length > TICKET_LENGTH_MAX)
		row->tickets = TICKETS_MAX; /* none can come any more */
	if (!row->tickets) {
		row->tickets = 1;
		row->ticket_length = length;
		row->in_doubt = 1;
		return 1;
	}
	if (row->tickets == 1 && length == row->ticket_length) {
		row->tickets = TICKETS_MAX;
		row->response_sequence = 0;
		row->in_doubt = 0;
		return -1;
	}
	row->tickets = TICKETS_MAX;
	if (row->in_doubt)
		row->first_byte_ns = now; /* more likely a ticket than half of the response */
	row->in_doubt = 0;
	return 1;
}

/* A record of type 23 begins. 1: part of a response; 0: not; -1: nor was what came before it. */
static __always_inline int ingress_data_record(struct connection *row, __u64 now)
{
	__u16 length = row->received.length;
	bool is_1_2 = row->tls == TLS_VERSION_1_2;
	int kind;

	if (!is_1_2 && length == ALERT_LENGTH)
		row->server_alert = row->handshake_ns != 0;
	if (row->tls == TLS_VERSION_1_3 && !(row->negotiated & NEGOTIATED_EXTENSIONS))
		ingress_extensions(row);
	if (!is_1_2 && (length == ALERT_LENGTH || !row->handshake_ns))
		return 0;
	if (row->greeting == GREETING_CERTAIN)
		row->negotiated |= NEGOTIATED_HTTP2;
	else if (row->negotiated & NEGOTIATED_UNTOLD)
		ingress_guess(row);
	if (row->negotiated & NEGOTIATED_HTTP2) {
		kind = ingress_frames(row);
		if (kind <= 0)
			return kind;
	}
	if (is_1_2)
		return length != CONTINUE_1_2_CHACHA && length != CONTINUE_1_2_GCM;
	if (!row->call_begin_ns) {
		if (row->tickets < TICKETS_MAX) {
			row->tickets++;
			row->ticket_length = length;
		}
		return 0;
	}
	if (length == CONTINUE_1_3)
		return 0;
	if (row->call_sequence == 1 && row->tickets < TICKETS_MAX)
		return ingress_maybe_ticket(row, now);
	row->in_doubt = 0;
	return 1;
}

struct ingress_walk {
	struct __sk_buff *skb;
	struct connection *row;
	const struct segment *segment;
	__u64 now;
};

LOOP_BODY long ingress_record(__u32 i, struct ingress_walk *walk)
{
	struct connection *row = walk->row;
	struct record_follower *received = &row->received;
	int kind = 0;

	(void)i;
	PARSE_FORGET();
	if (records_next(walk->skb, received, walk->segment))
		return 1;
	if (received->outcome == RECORD_AGAIN)
		return 0;
	if (received->type == TLS_APPLICATION_DATA)
		kind = ingress_data_record(row, walk->now);
	else if (received->type == TLS_ALERT)
		row->server_alert = row->handshake_ns != 0;
	else if (received->type == TLS_CHANGE_CIPHER_SPEC)
		row->server_ccs = 1;
	else if (received->type == TLS_HANDSHAKE && row->server_ccs &&
		 row->tls != TLS_VERSION_1_3 && !row->server_finished_ns)
		row->server_finished_ns = walk->now;
	received->data = kind > 0;
	received->found = kind < 0 ? 0 : received->found | received->data;
	return records_over(received, walk->segment);
}

SUBPROGRAM int ingress_records(struct __sk_buff *skb, struct connection *row,
			       const struct segment *segment, __u64 now)
{
	struct ingress_walk walk = {.skb = skb, .row = row, .segment = segment, .now = now};
	struct record_follower *received;

	if (!row || !segment)
		return 0;
	received = &row->received;
	if (!received->following)
		records_find(skb, received, segment);
	if (!received->following)
		return row->handshake_ns != 0;
	received->found = records_goes_on(received, segment) && received->data;
	loop(RECORDS_PER_PACKET, RECORDS_PER_PACKET, ingress_record, &walk);
	records_check(received, segment);
	return received->found;
}

static __always_inline void ingress_fresh(struct __sk_buff *skb, struct connection *row,
					  struct segment *segment)
{
	__u32 high = segment->sequence + segment->length, fresh = high - row->received.high;
	bool is_first = !row->received.bytes, data = true;
	__u64 now = bpf_ktime_get_boot_ns();

	row->received.bytes += fresh;
	if (row->protocol == PROTOCOL_TLS) {
		if (is_first && segment->sequence == row->received.high) {
			records_begin(&row->received, segment->sequence);
			ingress_version(skb, row, segment);
		}
		data = ingress_records(skb, row, segment, now);
	}
	if ((__s32)(high - row->received.high) > 0) /* not if another CPU was faster */
		row->received.high = high;
	if (!data || !row->call_begin_ns)
		return;
	row->last_received_ns = now;
	if (row->response_sequence != row->call_sequence) {
		row->first_byte_ns = now;
		row->response_sequence = row->call_sequence;
	}
}

static __always_inline void ingress_packet(struct __sk_buff *skb)
{
	struct segment segment = {};
	__u64 sock = (__u64)skb->sk;
	struct connection *row = bpf_map_lookup_elem(&connections, &sock);
	bool is_first, fresh;

	if (!row || !segment_parse(skb, &segment))
		return;
	if (!segment.length && !(segment.flags & TCP_SYN))
		return;
	is_first = !row->received.started;
	fresh = records_fresh(&row->received, &segment);
	if (is_first)
		row->received_counted = row->received.high;
	if (fresh)
		ingress_fresh(skb, row, &segment);
}

#endif
