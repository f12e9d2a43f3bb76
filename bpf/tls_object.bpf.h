/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_TLS_OBJECT_BPF_H
#define OPERAGLASS_TLS_OBJECT_BPF_H

#include "connection.h"
#include "http_reader.bpf.h"

/* What is remembered of an SSL object. */

enum tls_stream_state {
	TLS_STREAM_NEW = 0,	/* no request recognised yet */
	TLS_STREAM_JOINED = 1,	/* `sock` is its connection */
	TLS_STREAM_NAMED = 2,	/* no connection known; `upstream` by the Host of a request */
	TLS_STREAM_IGNORED = 3, /* not a watched upstream, not a client, or not understood */
	TLS_STREAM_DRAINED =
		4, /* requests are not understood any more: opaque once no answer is due */
};

/* An object that is written to so often lives long. */
#define TLS_WRITES_MANY 16
/* Bytes that the socket of a connection which waits for nothing takes at once: tcp_wmem's least. */
#define TLS_WRITE_SMALL 4096

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
	__u64 bodiless;	  /* bit n & 63: request n was HEAD */
	__u32 first_call; /* calls first_call <= n < next_call wait for their answer */
	__u32 next_call;
	__u16 upstream;
	__u8 state;	   /* enum tls_stream_state */
	__u8 place;	   /* 1 + index into tls_random_places; 0: not known */
	__u8 head_counted; /* the request being sent is counted */
	__u8 shaken;	   /* a request began when the handshake was over, as the wire shows it */
	__u8 http2;	   /* it speaks HTTP/2; see tls_http2_rows.bpf.h */
	__u8 misses;	   /* writes that begin nothing that is known; see tls_http2_late.bpf.h */
	__u8 writes;	   /* so far, up to TLS_WRITES_MANY */
	__u8 write_only;   /* only what it sends is seen: its calls are opaque ones with a name */
	__u8 foreign;	   /* another process opened the connection: this may be its server's end */
	__u8 settled;	   /* requests leave on it, and its connection is known to be decoded */
	__u8 small_requests; /* of one write each, in a row, up to TLS_WRITES_MANY */
	__u8 named; /* without a connection: its first request has said whose opaque calls end */
	__u8 reserved[2];
	struct http_reader readers[2]; /* by enum tls_direction */
	struct endpoint_reader path;
	union { /* of the request that is being sent */
		struct endpoint endpoint;
		char name[ENDPOINT_NAME_ROOM];
	};
};

#endif
