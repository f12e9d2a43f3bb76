/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_CALL_BPF_H
#define OPERAGLASS_TLS_CALL_BPF_H

#include "call.bpf.h"
#include "tls_stream.bpf.h"
#include "undecided.bpf.h"

/* What a decoded message means for the calls of its connection. */

/* Beside enum http_event: why a direction cannot be followed. */
enum tls_loss {
	TLS_NAMED = 15, /* none: the target of a request that is only seen written is complete */
	TLS_TOO_LONG = 16,
	TLS_UNREADABLE = 17,
	TLS_CROWDED = 18, /* more requests in flight than can be told apart */
	TLS_STRAY = 19,	  /* a response to nothing: a server's farewell, or our late arrival */
	TLS_UNSENT = 20,  /* the write of a head failed: no more of it will come */
};

static __always_inline void tls_call_key(const struct tls_stream *stream,
					 const struct tls_stream_key *object, __u32 sequence,
					 struct call_key *key)
{
	key->owner = stream->sock ? stream->sock : object->ssl;
	key->tgid = stream->sock ? 0 : object->tgid;
	key->sequence = sequence;
}

/* The method of this request is, letter by letter, the one of the connection's request before. */
static __always_inline bool tls_is_same_method(const struct tls_stream *stream)
{
	const __u64 *words = (const __u64 *)stream->name;
	__u64 other = 0;

	if (stream->path.state != ENDPOINT_METHOD || !stream->path.length)
		return false;
	for (__u32 i = 0; i < ENDPOINT_METHOD_MAX / 8; i++)
		other |= words[i] ^ stream->path.words[i];
	return !other;
}

/* As the Bot API spells it; letters that it does not know stay as they were sent. By words, as in
 * endpoint_name(). */
static __always_inline void tls_telegram_spelling(struct endpoint *endpoint)
{
	__u64 *words = (__u64 *)endpoint->name, lower[TELEGRAM_METHOD_SIZE / 8], *known;

	for (__u32 i = 0; i < TELEGRAM_METHOD_SIZE / 8; i++)
		lower[i] = parse_lower(words[i]);
	known = bpf_map_lookup_elem(&telegram_methods, lower);
	if (!known)
		return;
	for (__u32 i = 0; i < TELEGRAM_METHOD_SIZE / 8; i++)
		words[i] = known[i];
}

/*
 * Counts a request that was written to a connection which is gone: it cannot leave any more. What
 * ends an established connection under its user's hands is a reset. Without a handshake, its end has
 * been counted as a call that failed.
 */
static __always_inline void tls_request_unsent(struct call *call)
{
	call->flags = CALL_DECODED;
	call_count_begin(call);
	call->failure = FAILURE_RESET;
	call->end_ns = bpf_ktime_get_boot_ns();
	call_count_end(call);
}

/* The next opaque call of the connection is this one. */
static __always_inline void tls_name_next(struct tls_stream *stream, struct connection *connection,
					  const struct call *call)
{
	struct call_key key = {};

	key.owner = stream->sock;
	key.sequence = CALL_NAME(0);
	if (bpf_map_update_elem(&calls, &key, call, BPF_ANY))
		lost_add(LOST_CALLS_FULL);
	else
		connection->named = 1;
}

/* The head of a request is complete. */
static __always_inline void tls_request_begin(struct tls_stream *stream,
					      const struct tls_stream_key *object)
{
	__u32 kind = 0, upstream = stream->upstream, sequence = stream->next_call;
	struct http_reader *reader = &stream->readers[TLS_SENT];
	struct connection *connection = tls_connection(stream);
	struct upstream *row;
	struct call call = {};
	struct call_key key;

	row = bpf_map_lookup_elem(&upstreams, &upstream);
	if (row)
		kind = row->kind;
	if (!(kind == UPSTREAM_TELEGRAM && tls_is_same_method(stream)) &&
	    endpoint_name(&stream->path, kind, stream->name))
		tls_telegram_spelling(&stream->endpoint);
	endpoint_begin(&stream->path, kind);

	call.begin_ns = stream->request_begin_ns;
	call.tgid = object->tgid;
	call.upstream = upstream;
	call.method = reader->method;
	call.endpoint = stream->endpoint;
	if (stream->sock && !connection) {
		if (stream->shaken)
			tls_request_unsent(&call);
		stream->state = TLS_STREAM_IGNORED;
		return;
	}
	if (stream->write_only) {
		if (connection)
			tls_name_next(stream, connection, &call);
		return;
	}
	if (!stream->sock && !stream->named) {
		if (!name_decoded(object->tgid, upstream, call.begin_ns)) {
			stream->state = TLS_STREAM_IGNORED;
			return;
		}
		stream->named = 1;
	}
	tls_call_key(stream, object, sequence, &key);
	if (sequence - stream->first_call < MAX_CALLS_IN_FLIGHT) {
		call_begin(connection, &key, &call);
	} else {
		call_count_begin(&call);
		lost_add(LOST_CALLS_PIPELINED);
	}
	if (call.method == METHOD_HEAD)
		stream->bodiless |= 1ULL << (sequence & 63);
	else
		stream->bodiless &= ~(1ULL << (sequence & 63));
	stream->next_call = sequence + 1;
	stream->head_counted = 1;
	if (connection)
		connection->next_call = sequence + 1;
}

/* What a server asks to wait, where that means anything. */
static __always_inline __u64 tls_retry_after_ns(const struct http_reader *reader)
{
	if (reader->status != 429 && reader->status != 503)
		return 0;
	return reader->retry_after_seconds * 1000000000ULL;
}

/* A final status came, its body is still to come: what the row must say if the connection ends. */
static __always_inline void tls_response_begin(struct tls_stream *stream,
					       const struct tls_stream_key *object, __u64 now)
{
	struct http_reader *reader = &stream->readers[TLS_RECEIVED];
	struct connection *connection = tls_connection(stream);
	struct call_key key;
	struct call *call;

	if (stream->sock && !connection)
		return;
	tls_call_key(stream, object, stream->first_call, &key);
	call = call_find(connection, &key);
	if (!call)
		return;
	call->status = reader->status;
	call->first_byte_ns = stream->response_begin_ns;
	call->retry_after_ns = tls_retry_after_ns(reader);
	call->end_ns = now;
	call->flags |= CALL_ANSWERED;
	if (reader->state == HTTP_UNTIL_CLOSE)
		call->flags |= CALL_UNTIL_CLOSE;
}

/* The last byte of a response came. */
static __always_inline void tls_response_end(struct tls_stream *stream,
					     const struct tls_stream_key *object, __u64 now)
{
	struct http_reader *reader = &stream->readers[TLS_RECEIVED];
	struct connection *connection = tls_connection(stream);
	__u32 sequence = stream->first_call;
	struct call_key key;
	struct call *row, call;

	if (stream->sock && !connection) { /* its end has finished the call already */
		stream->state = TLS_STREAM_IGNORED;
		return;
	}
	tls_call_key(stream, object, sequence, &key);
	row = call_find(connection, &key);
	if (row) {
		call = *row;
		call.status = reader->status;
		call.first_byte_ns = stream->response_begin_ns;
		call.retry_after_ns = tls_retry_after_ns(reader);
		call.end_ns = now;
		call.flags |= CALL_ANSWERED;
		if (connection)
			call.begin_ns = request_left_ns(connection, call.begin_ns);
		call_finish(connection, &key, &call);
	}
	stream->first_call = sequence + 1;
	if (connection)
		connection->first_call = sequence + 1;
	if (stream->state == TLS_STREAM_DRAINED && stream->first_call == stream->next_call)
		tls_give_up(stream, UNDECODED_MALFORMED);
}

/*
 * The bytes of this direction are not understood any more. A request whose head broke off has been
 * sent all the same: it is counted by what its head said, and the answers that are due are waited
 * for. Then the connection is opaque. A function of its own, for the stack.
 */
APART int tls_lose(struct tls_stream *stream, const struct tls_stream_key *object, __u32 direction,
		   __u32 why)
{
	struct http_reader *reader = &stream->readers[direction & 1];
	enum lost_cause cause = LOST_HTTP_MALFORMED;

	if (stream->state != TLS_STREAM_JOINED && stream->state != TLS_STREAM_NAMED) {
		stream->state = TLS_STREAM_IGNORED;
		return 0;
	}
	if (why == TLS_TOO_LONG)
		cause = LOST_HTTP_TOO_LONG;
	else if (why == TLS_UNREADABLE)
		cause = LOST_USER_MEMORY;
	else if (why == TLS_CROWDED)
		cause = LOST_CALLS_PIPELINED;
	if (why != TLS_STRAY && why != TLS_UNSENT)
		lost_add(cause);
	if (direction == TLS_SENT && !stream->head_counted) {
		if (!reader->status)
			stream->path.state = ENDPOINT_NO_PATH;
		tls_request_begin(stream, object);
	}
	if (direction == TLS_SENT && stream->first_call != stream->next_call)
		stream->state = TLS_STREAM_DRAINED;
	else
		tls_give_up(stream, UNDECODED_MALFORMED);
	return 0;
}

#endif
