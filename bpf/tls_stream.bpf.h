/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_STREAM_BPF_H
#define OPERAGLASS_TLS_STREAM_BPF_H

#include "tls.h"
#include "connection_maps.bpf.h"
#include "lost.bpf.h"
#include "parse_http.bpf.h"
#include "tls_stream_rows.bpf.h"

/*
 * What is remembered between two calls of a TLS library. Nothing here ever holds a byte of what
 * the program says but the endpoint: windows of its memory live on the stack of one program.
 */

enum tls_direction {
	TLS_SENT = 0,
	TLS_RECEIVED = 1,
};

/* One call of the library that has not returned. The stack pointer makes calls inside calls, and
 * fibers, different. */
struct tls_frame_key {
	__u64 pid_tgid;
	__u64 stack; /* at entry */
};

struct tls_frame {
	__u64 ssl; /* 0: no call, only its row */
	__u64 buffer;
	__u64 length;
	__u64 result;  /* where *_ex writes the number of bytes; 0: it is the return value */
	__u64 time_ns; /* entry of a write; return of a read */
	__u64 total;   /* bytes that were written or read */
	__u64 offset;  /* of them decoded */
	__u64 copied_from, copied_to; /* of all those that lie on the stack; see tls_piece() */
	__u16 direction;
	__u16 function;	   /* of its file, by the cookie */
	__u16 event;	   /* enum http_event that stopped the decoding */
	__u16 window;	   /* bytes being looked at */
	__u16 host_skip;   /* bytes of the Host's name that a wildcard may stand for */
	__u16 host_labels; /* labels among them */
	__u16 links;	   /* of the chain of tail calls so far */
	__u16 unsent;	   /* 1: this write failed, and its connection is gone */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TLS_CALLS_ON_STACK);
	__type(key, struct tls_frame_key);
	__type(value, struct tls_frame);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tls_frames SEC(".maps");

/* Map `tls_slots`: what is known of each probed file. The observer writes members of its own in place. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, TLS_TARGET_SLOTS);
	__type(key, __u32);
	__type(value, struct tls_slot);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tls_slots SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TLS_RANDOM_PLACES);
	__type(key, __u32);
	__type(value, struct tls_random_place);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tls_random_places SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TLS_TARGET_COUNT_ROWS);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tls_target_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TLS_TRUST_COUNT_ROWS);
	__type(key, __u32);
	__type(value, __u64);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tls_trust_counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, TELEGRAM_METHODS);
	__type(key, struct telegram_method);
	__type(value, struct telegram_method);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} telegram_methods SEC(".maps");

/* The connection that the stream was joined to; NULL when it is gone. Socks are used again, so the
 * row must be of the same handshake. */
static __always_inline struct connection *tls_connection(const struct tls_stream *stream)
{
	const __u64 *ours = (const __u64 *)stream->random.bytes, *theirs;
	__u64 sock = stream->sock;
	struct connection *connection = sock ? bpf_map_lookup_elem(&connections, &sock) : NULL;

	if (!connection)
		return NULL;
	theirs = (const __u64 *)connection->client_random;
	if ((ours[0] ^ theirs[0]) | (ours[1] ^ theirs[1]) | (ours[2] ^ theirs[2]) |
	    (ours[3] ^ theirs[3]))
		return NULL;
	return connection;
}

/* A decoded connection is not followed any further: opaque from here on, or nobody's. */
static __always_inline void tls_give_up(struct tls_stream *stream, __u32 undecoded)
{
	struct connection *connection = tls_connection(stream);

	if (connection &&
	    (stream->state == TLS_STREAM_JOINED || stream->state == TLS_STREAM_DRAINED)) {
		connection->undecoded = undecoded;
		connection->decoded = 0;
	}
	stream->state = TLS_STREAM_IGNORED;
}

/* Its calls are those of this connection, from the next one on. */
static __always_inline void tls_stream_join(struct tls_stream *stream, __u64 sock,
					    const struct connection *connection)
{
	stream->sock = sock;
	stream->upstream = connection->upstream;
	stream->path.kind = connection->kind;
	stream->first_call = connection->next_call;
	stream->next_call = connection->next_call;
	stream->state = TLS_STREAM_JOINED;
}

#endif
