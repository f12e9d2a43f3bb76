/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_OPEN_BPF_H
#define OPERAGLASS_TLS_OPEN_BPF_H

#include "process_rows.bpf.h"
#include "tls_http2_late.bpf.h"
#include "tls_join.bpf.h"
#include "tls_session.bpf.h"
#include "undecided.bpf.h"

/* What an SSL object is about to send: decided before the data leaves, so that a connection is
 * either decoded or opaque from its first byte on. */

/* One row: 1 when only agents and what they spawned are read (`tls: scope: agents`). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tls_scope SEC(".maps");

/* Whether this process is to be read at all. */
static __always_inline bool tls_in_scope(__u32 tgid)
{
	__u32 zero = 0, *agents_only = bpf_map_lookup_elem(&tls_scope, &zero);
	struct process *process;

	if (!agents_only || !*agents_only)
		return true;
	process = bpf_map_lookup_elem(&processes, &tgid);
	return process && process->root;
}

/* What the first bytes of a write are. */
enum tls_opening {
	TLS_OPENING_REQUEST, /* the beginning of an HTTP/1 request, as far as can be seen */
	TLS_OPENING_RESPONSE,
	TLS_OPENING_HTTP2,
	TLS_OPENING_OTHER,
};

static __always_inline struct tls_slot *tls_slot_of(__u64 cookie, bool *ret_own)
{
	__u32 index = TLS_COOKIE_SLOT(cookie);

	if (index >= TLS_TARGET_SLOTS)
		index = 0;
	*ret_own = index != 0;
	return bpf_map_lookup_elem(&tls_slots, &index);
}

static __always_inline enum tls_opening tls_opening(__u64 buffer, __u64 length)
{
	__u64 word = 0;
	__u8 c;

	if (bpf_probe_read_user(&word, length < 8 ? 1 : sizeof(word), (const void *)buffer) ||
	    (__u8)(word - 'A') >= 26)
		return TLS_OPENING_OTHER;
	if (length < 8)
		return TLS_OPENING_REQUEST; /* in pieces: the reader decides */
	if (word == 0x5448202a20495250ULL)  /* "PRI * HT" */
		return TLS_OPENING_HTTP2;
	if ((word & 0x00ffffffffffffffULL) == HTTP_WORD_VERSION)
		return TLS_OPENING_RESPONSE;
	for (__u32 i = 1; i < 8; i++) { /* letters, then a space, then anything */
		c = word >> (i * 8);
		if (c == ' ')
			return i > 2 ? TLS_OPENING_REQUEST : TLS_OPENING_OTHER;
		if ((__u8)(c - 'A') >= 26)
			return TLS_OPENING_OTHER;
	}
	return TLS_OPENING_REQUEST;
}

/* An object without a connection is about to send the first bytes that are seen of it. */
static __always_inline void tls_open_unjoined(struct tls_stream *stream,
					      const struct tls_stream_key *key, __u64 buffer,
					      __u64 length)
{
	enum tls_opening opening = tls_opening(buffer, length);
	__u64 now = bpf_ktime_get_boot_ns();

	if (!stream->misses && opening == TLS_OPENING_REQUEST) {
		name_written(key->tgid, now);
		return;
	}
	if (!stream->misses && opening == TLS_OPENING_HTTP2 && TLS_READS_HTTP2) {
		name_greets(key->tgid, now);
		return;
	}
	if (opening == TLS_OPENING_HTTP2 || opening == TLS_OPENING_RESPONSE) {
		stream->state = TLS_STREAM_IGNORED;
		return;
	}
	if (!stream->misses)
		stream->request_begin_ns = now;
	if (http2_open_late(stream, key, buffer, length))
		name_written(key->tgid, now);
	else if (stream->misses >= HTTP2_MISSES)
		stream->state = TLS_STREAM_IGNORED;
}

/* A joined connection is about to send the first bytes of a request, or of something else. */
static __always_inline void tls_open(struct tls_stream *stream, const struct tls_slot *slot,
				     const struct tls_stream_key *key, __u64 buffer, __u64 length)
{
	enum tls_opening opening;
	struct connection *connection;
	__u64 sock = stream->sock;
	bool late;

	opening = tls_opening(buffer, length);
	if (stream->settled && opening == TLS_OPENING_REQUEST)
		return;
	connection = bpf_map_lookup_elem(&connections, &sock);
	if (stream->foreign && connection &&
	    http2_inherit(stream, key, connection->tgid, buffer, length)) {
		stream->foreign = 0;
		return;
	}
	if (stream->foreign && (length < 8 || opening == TLS_OPENING_RESPONSE ||
				opening == TLS_OPENING_OTHER || !connection)) {
		stream->state = TLS_STREAM_IGNORED;
		return;
	}
	if (!connection)
		return;
	stream->foreign = 0;
	stream->shaken |= handshake_is_complete(connection);
	late = connection->call_sequence || (slot && connection->begin_ns < slot->attached_ns);
	if (late && !connection->decoded && opening == TLS_OPENING_OTHER) {
		connection->undecoded = UNDECODED_ATTACHED_LATE;
		if (http2_open_late(stream, key, buffer, length))
			connection->decoded = 1;
		else if (stream->misses >= HTTP2_MISSES)
			tls_give_up(stream, UNDECODED_ATTACHED_LATE);
		return;
	}
	switch (opening) {
	case TLS_OPENING_REQUEST:
		if (!connection->call_sequence || connection->decoded || connection->suppressed ||
		    connection_take_over(connection)) {
			connection->decoded = 1;
			stream->settled = stream->shaken;
		} else {
			tls_give_up(stream, UNDECODED_ATTACHED_LATE);
		}
		break;
	case TLS_OPENING_HTTP2:
		if (connection->call_sequence && !connection_take_over(connection))
			tls_give_up(stream, UNDECODED_ATTACHED_LATE);
		else if (http2_open(stream, key, 0))
			connection->decoded = 1;
		else
			tls_give_up(stream, UNDECODED_HTTP2);
		break;
	case TLS_OPENING_RESPONSE: /* a server in the client's own process */
		stream->state = TLS_STREAM_IGNORED;
		break;
	case TLS_OPENING_OTHER:
		if (connection->decoded)
			lost_add(LOST_HTTP_MALFORMED);
		tls_give_up(stream, late ? UNDECODED_ATTACHED_LATE : UNDECODED_MALFORMED);
		break;
	}
}

/* Looks at what an object is about to send. False: of no interest. */
static __always_inline bool tls_look_at(struct tls_stream *stream, const struct tls_slot *slot,
					const struct tls_stream_key *key, __u64 buffer,
					__u64 length)
{
	if (stream->write_only) { /* until its file was probed anew */
		stream->write_only = 0;
		http_begin(&stream->readers[TLS_SENT], 0);
	}
	if (stream->readers[TLS_SENT].state == HTTP_START && !stream->http2) {
		if (stream->state == TLS_STREAM_JOINED)
			tls_open(stream, slot, key, buffer, length);
		else if (stream->state == TLS_STREAM_NEW)
			tls_open_unjoined(stream, key, buffer, length);
	}
	return stream->state < TLS_STREAM_IGNORED && (stream->http2 || !stream->misses);
}

/* The same, after a look at the object itself. */
static __always_inline bool tls_look(struct tls_stream *stream, struct tls_slot *slot,
				     const struct tls_stream_key *key, __u64 buffer, __u64 length)
{
	tls_stream_refresh(stream, slot, key->ssl, key->tgid);
	return tls_look_at(stream, slot, key, buffer, length);
}

#endif
