/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_HTTP2_READER_BPF_H
#define OPERAGLASS_HTTP2_READER_BPF_H

#include "http2.h"
#include "http_reader.bpf.h"

/* What is remembered of one direction of an HTTP/2 connection between two bytes of it: never a byte
 * of a field. See parse_hpack.bpf.h and parse_http2.bpf.h. */

enum {
	HTTP2_PREFACE_SIZE = 24, /* RFC 9113, 3.4 */
	HTTP2_HEAD_SIZE = 9,	 /* of a frame, RFC 9113, 4.1 */
	/* Entries of a dynamic table of the default size (4096, RFC 9113, 6.5.2), each at least 32
	 * bytes (RFC 7541, 4.1). Of a larger one what is older is unknown. */
	HTTP2_ENTRIES = 128,
	HTTP2_PATHS = 64, /* endpoints among them: a path with a token takes 64 bytes or more */
	HTTP2_PATH_NUMBERS = 0x7fff, /* they begin again after so many */
	HTTP2_NO_SLOT = 0xffff,
	HTTP2_NOBODY = 0xffff,	    /* an :authority that is no watched upstream's */
	HTTP2_INDEX_SHIFT_MAX = 21, /* of an integer's last byte: below 2^28 */
};

enum http2_event {
	HTTP2_NOTHING = 0,
	HTTP2_PATH = 1,	      /* :path was read: endpoint_name() is its endpoint; see `slot` */
	HTTP2_PATH_KNOWN = 2, /* :path is the one of `slot` */
	HTTP2_HEADERS = 3,    /* a field section is complete; `ends_stream` */
	HTTP2_END = 4,	      /* the stream's last DATA is complete */
	HTTP2_RESET = 5,      /* RST_STREAM */
	HTTP2_GOAWAY = 6,     /* `word`: the last stream that will be answered */
	HTTP2_MALFORMED = 7,
	HTTP2_PATH_BEGINS = 8, /* the next byte is the first of :path */
	HTTP2_AUTHORITY =
		9, /* the next `left` bytes are :authority; `value` shall be its upstream */
};

enum http2_frame_type { /* RFC 9113, 6 */
	HTTP2_FRAME_DATA = 0,
	HTTP2_FRAME_HEADERS = 1,
	HTTP2_FRAME_PRIORITY = 2,
	HTTP2_FRAME_RST_STREAM = 3,
	HTTP2_FRAME_SETTINGS = 4,
	HTTP2_FRAME_PUSH_PROMISE = 5,
	HTTP2_FRAME_PING = 6,
	HTTP2_FRAME_GOAWAY = 7,
	HTTP2_FRAME_WINDOW_UPDATE = 8,
	HTTP2_FRAME_CONTINUATION = 9,
	HTTP2_FRAME_PREFACE = 255, /* none: the client's first 24 bytes */
};

enum http2_frame_flag {
	HTTP2_ACK = 1, /* of SETTINGS and PING */
	HTTP2_END_STREAM = 1,
	HTTP2_END_HEADERS = 4,
	HTTP2_PADDED = 8,
	HTTP2_PRIORITY = 32,
};

enum http2_phase { /* of a frame */
	HTTP2_HEAD = 0,
	HTTP2_PAD = 1,	   /* the byte that says how long the padding is */
	HTTP2_PRELUDE = 2, /* priority, promised stream */
	HTTP2_BLOCK = 3,   /* HPACK */
	HTTP2_WORD = 4,	   /* four bytes that matter */
	HTTP2_SKIP = 5,	   /* the rest */
};

enum hpack_state {
	HPACK_FIELD = 0, /* before the first byte of a field */
	HPACK_INDEX = 1,
	HPACK_LENGTH = 2, /* before the first byte of a string's length */
	HPACK_LENGTH_MORE = 3,
	HPACK_STRING = 4,
};

enum hpack_flag { /* of the field being read */
	HPACK_INDEXED = 1 << 0,
	HPACK_INSERT = 1 << 1,
	HPACK_RESIZE = 1 << 2,
	HPACK_IN_NAME = 1 << 3,
	HPACK_HUFFMAN = 1 << 4,
	HPACK_SKIPPED = 1 << 5, /* of this string nobody wants a byte */
	HPACK_OVER = 1 << 6,	/* the path's query began, or a number is none */
};

enum hpack_field {
	HPACK_OTHER = 0,
	HPACK_METHOD = 1,
	HPACK_PATH = 2,
	HPACK_STATUS = 3,
	HPACK_RETRY_AFTER = 4,
	HPACK_AUTHORITY = 5, /* or Host, which may stand for it */
};

/* Of a dynamic table: what its text meant, never the text. */
struct hpack_entry {
	__u8 field; /* enum hpack_field */
	__u8 reserved;
	__u16 value; /* enum http_method, status, seconds, upstream, or number of the path */
};

struct http2_reader {
	__u64 hash; /* of the name or method being read */
	__u64 head; /* of a frame, as far as it was read */

	/* The frame. */
	__u32 remaining; /* bytes of it still to come */
	__u32 stream;
	__u32 word; /* last stream of a GOAWAY, code of a RST_STREAM */
	__u8 phase; /* enum http2_phase */
	__u8 type;
	__u8 flags;
	__u8 progress; /* bytes of the head or of the word */
	__u8 padding;
	__u8 prelude;  /* bytes of it still to come */
	__u8 in_block; /* CONTINUATION must come */
	__u8 promise;  /* the block is a PUSH_PROMISE's */
	__u8 node;     /* state of struct http2_huffman */
	__u8 state;    /* enum hpack_state */
	__u8 form;     /* enum hpack_flag */
	__u8 field;    /* enum hpack_field */
	__u8 shift;    /* of the integer being read */
	__u8 nameless; /* HTTP2_AUTHORITY is to be reported; set by the caller */
	__u8 reserved[2];

	/* The field. */
	__u32 number; /* the integer being read */
	__u32 left;   /* bytes of the string still to come */
	__u32 value;  /* of a field of digits; of :authority, set by the caller: its upstream */

	/* The block. */
	__u32 retry_after_seconds;
	__u16 status;
	__u16 slot;	/* number of the path in the table; HTTP2_NO_SLOT: it is not there */
	__u16 upstream; /* by :authority; 0: not said, or not known; HTTP2_NOBODY */
	__u8 method;
	__u8 has_path;
	__u8 ends_stream;
	__u8 reserved2[3];

	/* The dynamic table. */
	__u32 inserted; /* entries so far */
	__u32 paths;	/* of them */
	struct hpack_entry table[HTTP2_ENTRIES];
};

_Static_assert(sizeof(struct hpack_entry) == 4, "contract");
_Static_assert(sizeof(struct http2_reader) == 592, "contract");

/* As HTTP_HASH_*, recomputed by tests/unit/test_http2.c. */
#define HPACK_HASH_METHOD    0xe7718773b978b4e8ULL
#define HPACK_HASH_PATH	     0xcdf2c36c30fbed4eULL
#define HPACK_HASH_STATUS    0x2e34de0ff2ef0cf7ULL
#define HPACK_HASH_AUTHORITY 0x18b5c8ef3134763eULL

/* A new connection; `sent`: the direction that begins with the preface. */
static __always_inline void http2_begin(struct http2_reader *reader, __u32 sent)
{
	__builtin_memset(reader, 0, sizeof(*reader));
	if (!sent)
		return;
	reader->phase = HTTP2_SKIP;
	reader->type = HTTP2_FRAME_PREFACE;
	reader->remaining = HTTP2_PREFACE_SIZE;
}

#endif
