/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_STREAM_BPF_H
#define OPERAGLASS_TLS_STREAM_BPF_H

#include "tls.h"
#include "connection_maps.bpf.h"
#include "lost.bpf.h"
#include "parse_http.bpf.h"

/*
 * What is remembered between two calls of a TLS library. Nothing here ever holds a byte of what
 * the program says but the endpoint: windows of its memory live on the stack of one program.
 */

enum tls_direction {
	TLS_SENT = 0,
	TLS_RECEIVED = 1,
};

enum tls_stream_state {
	TLS_STREAM_NEW = 0,	/* no request recognised yet */
	TLS_STREAM_JOINED = 1,	/* `sock` is its connection */
	TLS_STREAM_NAMED = 2,	/* no connection known; `upstream` by the Host of a request */
	TLS_STREAM_IGNORED = 3, /* not a watched upstream, not a client, or not understood */
	TLS_STREAM_DRAINED =
		4, /* requests are not understood any more: opaque once no answer is due */
};

struct tls_stream_key {
	__u64 ssl; /* address of the SSL object */
	__u32 tgid;
	__u32 reserved;
};

struct tls_stream {
	struct client_random random; /* zero until its place in the object is known */
	__u64 sock;		     /* key of `connections`; 0: not joined */
	__u64 request_begin_ns;
	__u64 response_begin_ns;
	__u64 bodiless; /* bit n & 63: request n was HEAD */
	__u32 first_call;
	__u32 next_call;
	__u16 upstream;
	__u8 state;	   /* enum tls_stream_state */
	__u8 place;	   /* 1 + index into tls_random_places; 0: not known */
	__u8 head_counted; /* the request being sent is counted */
	__u8 reserved[3];
	struct http_reader readers[2]; /* by enum tls_direction */
	struct endpoint_reader path;
	union { /* of the request that is being sent */
		struct endpoint endpoint;
		char name[ENDPOINT_NAME_ROOM];
	};
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TLS_STREAMS);
	__type(key, struct tls_stream_key);
	__type(value, struct tls_stream);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tls_streams SEC(".maps");

/* One call of the library that has not returned. The stack pointer makes calls inside calls, and
 * fibers, different. */
struct tls_frame_key {
	__u64 pid_tgid;
	__u64 stack; /* at entry */
};

struct tls_frame {
	__u64 ssl;
	__u64 buffer;
	__u64 length;
	__u64 result;  /* where *_ex writes the number of bytes; 0: it is the return value */
	__u64 time_ns; /* entry of a write; return of a read */
	__u64 total;   /* bytes that were written or read */
	__u64 offset;  /* of them decoded */
	__u32 direction;
	__u16 event;	   /* enum http_event that stopped the decoding */
	__u16 window;	   /* bytes being looked at */
	__u16 host_skip;   /* bytes of the Host's name that a wildcard may stand for */
	__u16 host_labels; /* labels among them */
	__u16 links;	   /* of the chain of tail calls so far */
	__u16 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, TLS_CALLS_ON_STACK);
	__type(key, struct tls_frame_key);
	__type(value, struct tls_frame);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tls_frames SEC(".maps");

/* Map `tls_slots`: what is known of each probed file. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
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

#endif
