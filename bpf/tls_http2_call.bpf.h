/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_HTTP2_CALL_BPF_H
#define OPERAGLASS_TLS_HTTP2_CALL_BPF_H

#include "tls_call.bpf.h"
#include "tls_http2_rows.bpf.h"

/* What a frame means for the call of its stream. */

#if TLS_READS_HTTP2

#define HTTP2_ADVANCE 256 /* calls looked at in search of the oldest that waits */

struct http2_walk {
	struct tls_stream *stream;
	struct tls_frame *frame;
	struct http2_connection *row;
	struct http2_reader *reader;
	const struct http2_huffman *huffman;
	struct tls_stream_key object;
};

static __always_inline void http2_call_key(const struct http2_walk *walk, __u32 sequence,
					   struct call_key *key)
{
	tls_call_key(walk->stream, &walk->object, sequence, key);
}

struct http2_search {
	struct connection *connection;
	__u64 sock;
};

/* Stops at a call that waits. */
LOOP_BODY long http2_search_step(__u32 i, struct http2_search *search)
{
	struct connection *connection = search->connection;
	struct call_key key = {.owner = search->sock};

	key.sequence = connection->first_call;
	if (key.sequence == connection->next_call || bpf_map_lookup_elem(&calls, &key))
		return 1;
	connection->first_call = key.sequence + 1;
	return 0;
}

/* A call is over: its connection remembers from which one on calls may wait. */
static __always_inline void http2_call_gone(struct http2_walk *walk, __u32 sequence)
{
	struct connection *connection = tls_connection(walk->stream);
	struct http2_search search = {.connection = connection, .sock = walk->stream->sock};

	if (walk->row->open)
		__sync_fetch_and_add(&walk->row->open, -1);
	if (!connection)
		return;
	if (!walk->row->open)
		connection->first_call = connection->next_call;
	else if (sequence == connection->first_call)
		loop(HTTP2_ADVANCE, HTTP2_ADVANCE, http2_search_step, &search);
}

/* A path is complete, and so is what is known of whom it was sent to. */
static __noinline int http2_name(struct http2_connection *row, struct http2_reader *reader,
				 __u32 kind)
{
	__u32 slot = parse_bound(reader->slot, HTTP2_PATHS - 1);

	if (!kind)
		row->path.state = ENDPOINT_NO_PATH;
	if (endpoint_name(&row->path, kind, row->name))
		tls_telegram_spelling((struct endpoint *)row->name);
	endpoint_begin(&row->path, row->path.kind);
	row->unnamed = 0;
	if (reader->slot != HTTP2_NO_SLOT)
		__builtin_memcpy(row->paths[slot].name, row->name, ENDPOINT_SIZE);
	return 0;
}

/*
 * Of a request without a connection: by its :authority, which need not be the one of other requests;
 * where that is an index from before, by the object's SNI. Returns the upstream, or 0. An object
 * that speaks to nobody that is watched, or that answers, is not followed.
 */
static __always_inline __u32 http2_upstream(struct http2_walk *walk)
{
	struct tls_stream *stream = walk->stream;
	struct http2_reader *reader = walk->reader;
	struct http2_connection *row = walk->row;
	__u32 upstream = reader->upstream;

	/* A server's object has the same name; nothing but a request has these. */
	if (!upstream && (reader->method || reader->has_path))
		upstream = row->upstream;
	if (upstream && upstream != HTTP2_NOBODY && !reader->status) {
		stream->upstream = upstream;
		stream->state = TLS_STREAM_NAMED;
		if (row->first_stream || name_decoded(walk->object.tgid, upstream, row->seen_ns))
			return upstream;
		stream->state = TLS_STREAM_IGNORED;
		return 0;
	}
	if (upstream || reader->status || row->nameless >= HTTP2_NAMELESS)
		stream->state =
			stream->state == TLS_STREAM_NEW ? TLS_STREAM_IGNORED : stream->state;
	row->nameless++;
	return 0;
}

/* Whom the request is for, if it is to be counted; names its path by that. */
static __always_inline __u32 http2_attribute(struct http2_walk *walk)
{
	struct http2_connection *row = walk->row;
	struct upstream *configured;
	__u32 upstream, kind = 0;

	if (walk->stream->sock) {
		if (!tls_connection(walk->stream))
			walk->stream->state = TLS_STREAM_IGNORED;
		return walk->stream->state == TLS_STREAM_IGNORED ? 0 : walk->stream->upstream;
	}
	upstream = http2_upstream(walk);
	configured = bpf_map_lookup_elem(&upstreams, &upstream);
	if (upstream && configured)
		kind = configured->kind;
	if (row->unnamed)
		http2_name(row, walk->reader, kind);
	return kind ? upstream : 0;
}

/* The fields of a request are complete. */
static __noinline int http2_request(struct http2_walk *walk)
{
	struct http2_connection *row = walk->row;
	__u32 id = walk->reader->stream, upstream, sequence;
	struct connection *connection;
	struct call call = {};
	struct call_key key;

	if (!(id & 1) || id < row->next_stream)
		return 0; /* its trailers */
	row->next_stream = id + 2;
	upstream = http2_attribute(walk);
	if (!upstream)
		return 0;
	if (!row->first_stream) {
		row->first_stream = id;
		row->first_call = walk->stream->next_call - id / 2;
	}
	sequence = row->first_call + id / 2;
	call.begin_ns = walk->frame->time_ns;
	call.tgid = walk->object.tgid;
	call.upstream = upstream;
	call.method = walk->reader->method;
	if (walk->reader->has_path)
		__builtin_memcpy(call.endpoint.name, row->name, ENDPOINT_SIZE);
	else
		endpoint_set(&call.endpoint, "unknown");
	connection = tls_connection(walk->stream);
	if (connection && !row->open)
		connection->first_call = sequence;
	if (connection && sequence - connection->first_call >= CALLS_SPAN) {
		call_count_begin(&call);
		lost_add(LOST_CALLS_PIPELINED);
		return 0;
	}
	http2_call_key(walk, sequence, &key);
	if (connection)
		connection->next_call = sequence + 1;
	walk->stream->next_call = sequence + 1;
	if (call_begin(NULL, &key, &call) == 0)
		__sync_fetch_and_add(&row->open, 1);
	return 0;
}

/* What the fields of an answer, its trailers, or its last byte mean for its call; failure: it was
 * broken off. */
static __noinline int http2_answer(struct http2_walk *walk, __u32 event, __u32 failure)
{
	struct http2_reader *reader = walk->reader;
	__u32 id = reader->stream, sequence = walk->row->first_call + id / 2;
	__u64 now = walk->frame->time_ns;
	struct connection *connection;
	struct call_key key;
	struct call *found, call;

	if (!(id & 1) || id < walk->row->first_stream)
		return 0;
	http2_call_key(walk, sequence, &key);
	found = bpf_map_lookup_elem(&calls, &key);
	if (!found)
		return 0;
	if (event == HTTP2_HEADERS && !(found->flags & CALL_ANSWERED)) {
		if (reader->status >= 100 && reader->status < 200)
			return 0;
		found->status = reader->status;
		found->first_byte_ns = now;
		found->end_ns = now;
		if (reader->status == 429 || reader->status == 503)
			found->retry_after_ns = reader->retry_after_seconds * 1000000000ULL;
		found->flags |= CALL_ANSWERED;
	}
	if (event == HTTP2_HEADERS && !reader->ends_stream)
		return 0;
	call = *found;
	call.end_ns = now;
	call.flags |= CALL_ANSWERED;
	connection = tls_connection(walk->stream);
	if (connection)
		call.begin_ns = request_left_ns(connection, call.begin_ns);
	if (failure)
		call_break_off(&call, failure, now);
	if (call_finish(NULL, &key, &call) == 0)
		http2_call_gone(walk, sequence);
	return 0;
}

struct http2_refused {
	struct http2_walk *walk;
	__u32 first;
};

/* A stream that the server will not answer. */
LOOP_BODY long http2_refuse(__u32 i, struct http2_refused *refused)
{
	struct http2_walk *walk = refused->walk;
	__u64 now = walk->frame->time_ns;
	struct call_key key;
	struct call *found, call;

	http2_call_key(walk, refused->first + i, &key);
	found = bpf_map_lookup_elem(&calls, &key);
	if (!found)
		return 0;
	call = *found;
	call_break_off(&call, FAILURE_CLOSED, now);
	if (call_finish(NULL, &key, &call) == 0)
		http2_call_gone(walk, key.sequence);
	return 0;
}

static __noinline int http2_goaway(struct http2_walk *walk)
{
	__u32 last = walk->reader->word & 0x7fffffff, next = walk->row->next_stream;
	__u32 first = walk->row->first_stream, count;
	struct http2_refused refused = {.walk = walk};

	if (last + 2 > next || !first)
		return 0;
	if (last < first)
		last = first - 1;
	refused.first = walk->row->first_call + (last + 1) / 2;
	count = walk->row->first_call + next / 2 - refused.first;
	loop(count > CALLS_SPAN ? CALLS_SPAN : count, CALLS_SPAN, http2_refuse, &refused);
	return 0;
}

/* The path of a request is complete. */
static __always_inline long http2_path(struct http2_walk *walk, __u32 event)
{
	struct http2_connection *row = walk->row;
	struct http2_reader *reader = walk->reader;
	__u32 slot = parse_bound(reader->slot, HTTP2_PATHS - 1);

	if (walk->frame->direction != TLS_SENT)
		return 0;
	row->unnamed = 0;
	if (event == HTTP2_PATH_KNOWN) {
		reader->has_path = http2_has_slot(reader);
		__builtin_memcpy(row->name, row->paths[slot].name, ENDPOINT_SIZE);
	} else if (walk->stream->sock) {
		http2_name(row, reader, row->path.kind);
	} else {
		row->unnamed = 1;
	}
	return 0;
}

#endif

#endif
