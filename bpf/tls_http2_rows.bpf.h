/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_HTTP2_ROWS_BPF_H
#define OPERAGLASS_TLS_HTTP2_ROWS_BPF_H

#include "parse_http2.bpf.h"
#include "tls_stream.bpf.h"

/* Without bpf_loop, what verifiers follow of one byte would have to be followed for each. */
#ifdef VERIFY_ONCE
#define TLS_READS_HTTP2 1
#else
#define TLS_READS_HTTP2 0
#endif

enum {
	HTTP2_CONNECTIONS = 512, /* to watched upstreams, at one moment; each takes 4.5 KB */
	HTTP2_GLANCES = 8,	 /* frames of a write that are looked at */
	HTTP2_MISSES = 32,	 /* writes in which a connection's middle is looked for */
	HTTP2_NAMELESS = 64,	 /* requests that do not say for whom they are, until it is left */
};

/*
 * What is remembered of a connection that speaks HTTP/2, in the map `http2_connections`, which lives
 * until its object is freed or its connection or process is gone. The call of a stream is row
 * first_call + id / 2 of `calls`: ids of a client's streams are odd and grow.
 *
 * Why no token, field or body can be in here, or anywhere else outside of the program itself:
 *
 *  - The bytes are on the stack of one run of one BPF program (struct http2_window, struct
 *    authority_walk), 64 of them at a time; what is kept between two of them is struct http2_reader:
 *    numbers of the frame and of the field, a hash of a field's name or method, no byte of either.
 *    Strings of fields that do not matter are skipped by their length, without being read.
 *  - A path becomes the endpoint's name as its letters come out of the Huffman code. `path` holds of
 *    it what bpf/endpoint.bpf.h says: complete segments that are names, never one behind "/bot".
 *  - The dynamic table is not a table of texts. An entry is two numbers: which of five fields it is,
 *    and what it meant: a method, a status, seconds to wait, the configured upstream that an
 *    :authority is, or the number of an endpoint in `paths`, where its name is, as it is published.
 *    Of every other field, a token in a header among them, an entry says only that it is another one.
 */
struct http2_connection {
	struct http2_reader readers[2]; /* by enum tls_direction */
	struct endpoint_reader path;
	char name[ENDPOINT_NAME_ROOM]; /* endpoint of the request whose fields are being read */
	struct endpoint paths[HTTP2_PATHS];
	__u32 first_call;   /* number of the call of stream 1, if there was one */
	__u32 first_stream; /* that was counted; 0: none yet */
	__u32 next_stream;
	__u32 open;	/* calls that wait for the end of their answer */
	__u8 listening; /* it began before anybody looked: what is received is not in step yet */
	__u8 unnamed;	/* `path` is complete, and waits for its upstream */
	__u8 asked;	/* `upstream` is known, if it can be */
	__u8 nameless;	/* requests whose upstream was not known */
	__u16 upstream; /* of an object that was not joined: by its SNI; 0: not known */
	__u8 reserved[2];
	__u64 seen_ns; /* of such an object: when it was first seen to send something */
};

#if TLS_READS_HTTP2

/* Not LRU: a connection that is decoded stays so, and one too many is an opaque one. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, HTTP2_CONNECTIONS);
	__type(key, struct tls_stream_key);
	__type(value, struct http2_connection);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} http2_connections SEC(".maps");

/* The code's table; filled by the observer. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct http2_huffman);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} http2_huffman SEC(".maps");

/* The object is about to send the preface, or the rest of it. False: there is no room. */
static __always_inline bool http2_open(struct tls_stream *stream, const struct tls_stream_key *key,
				       __u32 sent)
{
	static const struct http2_connection fresh = {
		.readers[TLS_SENT] = {.phase = HTTP2_SKIP,
				      .type = HTTP2_FRAME_PREFACE,
				      .remaining = HTTP2_PREFACE_SIZE},
	};
	struct http2_connection *row;

	bpf_map_update_elem(&http2_connections, key, &fresh, BPF_ANY);
	row = bpf_map_lookup_elem(&http2_connections, key);
	if (!row) {
		lost_add(LOST_STREAMS_FULL);
		return false;
	}
	row->readers[TLS_SENT].remaining -= sent;
	row->readers[TLS_SENT].nameless = !stream->sock;
	row->seen_ns = stream->request_begin_ns;
	row->path.kind = stream->path.kind;
	stream->http2 = 1;
	return true;
}

static __always_inline void http2_close(const struct tls_stream_key *key)
{
	bpf_map_delete_elem(&http2_connections, key);
}

#else

static __always_inline bool http2_open(struct tls_stream *stream, const struct tls_stream_key *key,
				       __u32 sent)
{
	return false;
}

static __always_inline void http2_close(const struct tls_stream_key *key)
{
}

#endif

#endif
