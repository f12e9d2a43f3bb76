/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_HTTP_READER_BPF_H
#define OPERAGLASS_HTTP_READER_BPF_H

#include "call.h"
#include "endpoint.bpf.h"

/* What is remembered of a message between two bytes of it: never a byte. See parse_http.bpf.h. */

enum http_state {
	HTTP_START = 0, /* before the first byte of a message */
	HTTP_METHOD = 1,
	HTTP_TARGET = 2,
	HTTP_QUERY = 3,
	HTTP_VERSION = 4,
	HTTP_STATUS = 5,
	HTTP_LINE_END = 6,
	HTTP_SKIP = 7, /* rest of a line that says nothing here */
	HTTP_LINE = 8, /* before the first byte of a field */
	HTTP_NAME = 9,
	HTTP_NUMBER = 10,
	HTTP_NUMBER_END = 11,
	HTTP_CODING = 12,
	HTTP_HOST_LEAD = 13, /* blanks before Host's value */
	HTTP_HEAD_END = 14,  /* the line feed of the empty line */
	HTTP_BODY = 15,
	HTTP_CHUNK_SIZE = 16,
	HTTP_CHUNK_EXTENSION = 17,
	HTTP_CHUNK = 18,
	HTTP_CHUNK_END = 19,
	HTTP_UNTIL_CLOSE = 20,
	HTTP_COMPLETE = 21,
	HTTP_LOST = 22, /* malformed: nothing more is understood */
};

enum http_flag {
	HTTP_RESPONSE = 1 << 0,
	HTTP_BODILESS = 1 << 1,	 /* this response answers HEAD; set by the caller at HTTP_START */
	HTTP_WANT_HOST = 1 << 2, /* report where Host's value begins; set by the caller */
	HTTP_LENGTH = 1 << 3,	 /* Content-Length was seen */
	HTTP_CHUNKED = 1 << 4,
	HTTP_CODED = 1 << 5, /* Transfer-Encoding was seen */
	HTTP_TRAILER = 1 << 6,
	HTTP_OLD = 1 << 7, /* HTTP/1.0 */
};

enum http_field {
	HTTP_FIELD_OTHER = 0,
	HTTP_FIELD_CONTENT_LENGTH = 1,
	HTTP_FIELD_RETRY_AFTER = 2,
};

enum http_event {
	HTTP_NOTHING = 0,
	HTTP_HOST = 1,	  /* the byte just taken was the first of Host's value */
	HTTP_HEAD = 2,	  /* head complete: method and endpoint, or status, are known */
	HTTP_END = 3,	  /* message complete */
	HTTP_PREFACE = 4, /* this is HTTP/2 */
	HTTP_MALFORMED = 5,
	HTTP_PATH = 6, /* the next byte belongs to the target: state HTTP_TARGET */
};

struct http_reader {
	__u64 remaining; /* bytes of the body or chunk still to come; before: Content-Length */
	__u64 number;	 /* being read */
	__u64 hash;	 /* of the method or field name being read; 0 while a value is */
	__u32 retry_after_seconds;
	__u32 head_bytes; /* so far; counted by the caller */
	__u16 status;	  /* of a response; of a request: 1 once its first line is complete */
	__u8 state;	  /* enum http_state */
	__u8 method;	  /* enum http_method */
	__u8 field;	  /* enum http_field */
	__u8 progress;	  /* letters matched, digits read */
	__u8 flags;	  /* enum http_flag */
	__u8 said_host;	  /* HTTP_HOST was reported for this message */
};

_Static_assert(sizeof(struct http_reader) == 40, "contract");

/* FNV-1a of 64 bits. The names are those of tests/unit/test_http.c, which recomputes them. */
#define HTTP_HASH_BASIS		    0xcbf29ce484222325ULL
#define HTTP_HASH_PRIME		    0x100000001b3ULL
#define HTTP_HASH_GET		    0xea7e631998067e17ULL
#define HTTP_HASH_POST		    0xa048aa190bf19f87ULL
#define HTTP_HASH_PUT		    0x8d8fb019f3f63eceULL
#define HTTP_HASH_DELETE	    0x5cd15819e278608aULL
#define HTTP_HASH_HEAD		    0x4b9253d8ff1ee183ULL
#define HTTP_HASH_PATCH		    0xbebf4d0191bc5a49ULL
#define HTTP_HASH_OPTIONS	    0x87cc05b46a17cf65ULL
#define HTTP_HASH_PRI		    0x8d995d19f3fe064aULL
#define HTTP_HASH_HOST		    0x4077f8cc7eaf4d6fULL
#define HTTP_HASH_CONTENT_LENGTH    0x2d69a1e6ee916e7dULL
#define HTTP_HASH_TRANSFER_ENCODING 0x8640bd735e9d802cULL
#define HTTP_HASH_RETRY_AFTER	    0x434ef288821301b6ULL

/* Eight letters as a little-endian word; the zeros behind them match nothing. */
#define HTTP_WORD_VERSION 0x002e312f50545448ULL /* "HTTP/1." */
#define HTTP_WORD_CHUNKED 0x0064656b6e756863ULL /* "chunked" */
#define HTTP_MISMATCH	  255
#define HTTP_METHOD_MAX	  20 /* letters; longer is no method */
#define HTTP_NUMBER_MAX	  18 /* digits that a __u64 always holds */

/* A new message on the same direction. */
static __always_inline void http_begin(struct http_reader *reader, __u8 flags)
{
	__builtin_memset(reader, 0, sizeof(*reader));
	reader->flags = flags;
}

static __always_inline enum http_event http_malformed(struct http_reader *reader)
{
	reader->state = HTTP_LOST;
	reader->hash = 0;
	reader->number = 0;
	return HTTP_MALFORMED;
}

static __always_inline void http_hash(struct http_reader *reader, __u8 c)
{
	reader->hash = (reader->hash ^ c) * HTTP_HASH_PRIME;
}

static __always_inline __u8 http_method(__u64 hash)
{
	switch (hash) {
	case HTTP_HASH_GET:
		return METHOD_GET;
	case HTTP_HASH_POST:
		return METHOD_POST;
	case HTTP_HASH_PUT:
		return METHOD_PUT;
	case HTTP_HASH_DELETE:
		return METHOD_DELETE;
	case HTTP_HASH_HEAD:
		return METHOD_HEAD;
	case HTTP_HASH_PATCH:
		return METHOD_PATCH;
	case HTTP_HASH_OPTIONS:
		return METHOD_OPTIONS;
	}
	return METHOD_OTHER;
}

#endif
