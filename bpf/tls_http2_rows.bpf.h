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
	HTTP2_CONNECTIONS = 512, /* LRU: to watched upstreams, at one moment; each takes 4.5 KB */
};

/*
 * What is remembered of a connection that speaks HTTP/2. The call of a stream is row
 * first_call + id / 2 of `calls`: ids of a client's streams are odd and grow.
 */
struct http2_connection {
	struct http2_reader readers[2]; /* by enum tls_direction */
	struct endpoint_reader path;
	char name[ENDPOINT_NAME_ROOM]; /* endpoint of the request whose fields are being read */
	struct endpoint paths[HTTP2_PATHS];
	__u32 first_call; /* number of the call of stream 1 */
	__u32 next_stream;
	__u32 open; /* calls that wait for the end of their answer */
	__u32 reserved;
};

#if TLS_READS_HTTP2

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
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
				      .remaining = HTTP2_PREFACE_SIZE,
				      .table_size = HTTP2_TABLE_DEFAULT},
		.readers[TLS_RECEIVED] = {.table_size = HTTP2_TABLE_DEFAULT},
	};
	struct http2_connection *row;

	bpf_map_update_elem(&http2_connections, key, &fresh, BPF_ANY);
	row = bpf_map_lookup_elem(&http2_connections, key);
	if (!row) {
		lost_add(LOST_STREAMS_FULL);
		return false;
	}
	row->readers[TLS_SENT].remaining -= sent;
	row->first_call = stream->next_call;
	row->path.kind = stream->path.kind;
	stream->http2 = 1;
	return true;
}

#else

static __always_inline bool http2_open(struct tls_stream *stream, const struct tls_stream_key *key,
				       __u32 sent)
{
	return false;
}

#endif

#endif
