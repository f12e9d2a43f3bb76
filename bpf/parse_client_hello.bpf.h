/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_PARSE_CLIENT_HELLO_BPF_H
#define OPERAGLASS_PARSE_CLIENT_HELLO_BPF_H

#include <linux/types.h>
#include "loop.bpf.h"
#include "parse.bpf.h"

/*
 * TLS ClientHello (RFC 8446 section 4.1.2): where the server's name and the client's random are, and
 * whether it offers HTTP/2.
 * Pure; compiled for the kernel and for tests. Never reads at or behind `length`.
 */

enum {
	CLIENT_HELLO_SIZE =
		16384, /* the largest record; post-quantum hellos have some 1,800 bytes */
	CLIENT_HELLO_EXTENSIONS = 48, /* browsers send about 18 */
	CLIENT_HELLO_CHUNK = 4096,    /* copied at once */
	CLIENT_HELLO_BUFFER = CLIENT_HELLO_SIZE + CLIENT_HELLO_CHUNK,
	CLIENT_HELLO_STEPS =
		20, /* 4 chunks, and 16 records more that one hello may be spread over */
	CLIENT_HELLO_NAME_MAX = 253,
	CLIENT_HELLO_PROTOCOLS = 16, /* offered; browsers offer two */
	TLS_HEADER_SIZE = 5,
	TLS_RECORD_MAX = 16384 + 256, /* RFC 8446 section 5.2 */
};

enum tls_record_type {
	TLS_CHANGE_CIPHER_SPEC = 20,
	TLS_ALERT = 21,
	TLS_HANDSHAKE = 22,
	TLS_APPLICATION_DATA = 23,
	TLS_HEARTBEAT = 24,
};

enum client_hello_type { /* of an extension */
	EXTENSION_SERVER_NAME = 0,
	EXTENSION_ALPN = 16,
};

enum parse_result {
	PARSE_DONE = 0,
	PARSE_PARTIAL = 1, /* more bytes are needed */
	PARSE_MALFORMED = 2,
	PARSE_TOO_LONG = 3,
};

/* In the kernel it lies in a map value: see PARSE_FORGET. */
struct client_hello {
	__u32 length;	   /* of the whole message, its 4 bytes of header included */
	__u32 end;	   /* bytes of the stream up to the end of the message's last record */
	__u32 name_at;	   /* in the message */
	__u32 name_length; /* 0: no name */
	__u32 http2;	   /* 1: it is offered */
	__u32 at;	   /* the parsers' own: place in the stream or in the message */
	__u32 have;	   /* bytes of the message so far */
	__u32 record;	   /* bytes left of the record */
	__u32 stop;	   /* end of the extensions, or of the protocols */
	__u32 wanted;	   /* enum client_hello_type */
	__u32 found;	   /* where its content begins; 0: it is not there */
	__u32 size;	   /* of its content */
	__u32 result;	   /* enum parse_result, of the last step */
};

/* Where in the message the 32 bytes of the client's random are. */
#define CLIENT_HELLO_RANDOM_AT 6

/*
 * Is there a whole ClientHello in one record at the beginning of a stream? `head` holds the
 * stream's first 9 bytes. On PARSE_DONE length and end are set.
 */
static __always_inline enum parse_result client_hello_head(const __u8 *head, __u32 stream_length,
							   struct client_hello *hello)
{
	__u32 record = head[3] << 8 | head[4];
	__u32 message = (head[6] << 16 | head[7] << 8 | head[8]) + 4;

	if (head[0] != TLS_HANDSHAKE || head[1] != 3 || record < 4 || record > TLS_RECORD_MAX ||
	    head[5] != 1)
		return PARSE_MALFORMED;
	if (message > CLIENT_HELLO_SIZE)
		return PARSE_TOO_LONG;
	if (message > record || TLS_HEADER_SIZE + message > stream_length)
		return PARSE_PARTIAL;
	hello->length = message;
	hello->end = TLS_HEADER_SIZE + record;
	return PARSE_DONE;
}

/* The first bytes of a record's header: could it still be one of a handshake? */
static __always_inline enum parse_result client_hello_early(const __u8 *stream, __u32 length,
							    __u32 at)
{
	if (at < length) {
		at = parse_bound(at, CLIENT_HELLO_SIZE - 1);
		if (stream[at] != TLS_HANDSHAKE)
			return PARSE_MALFORMED;
	}
	return PARSE_PARTIAL;
}

struct client_hello_walk {
	const __u8 *stream;
	__u8 *message;
	struct client_hello *hello;
	__u32 stream_length;
};

/* The next piece of the message: the rest of a record, or a chunk of it. */
LOOP_BODY long client_hello_piece(__u32 i, struct client_hello_walk *walk)
{
	struct client_hello *hello = walk->hello;
	const __u8 *stream = walk->stream;
	__u32 at, have, record, piece, whole;
	__u8 *message = walk->message;

	(void)i;
	PARSE_FORGET();
	at = hello->at;
	have = hello->have;
	record = hello->record;
	hello->result = PARSE_MALFORMED;
	if (!record) {
		if (at + TLS_HEADER_SIZE > walk->stream_length) {
			hello->result = client_hello_early(stream, walk->stream_length, at);
			return 1;
		}
		at = parse_bound(at, CLIENT_HELLO_SIZE - 1);
		record = stream[at + 3] << 8 | stream[at + 4];
		if (stream[at] != TLS_HANDSHAKE || stream[at + 1] != 3 || record < 1 ||
		    record > TLS_RECORD_MAX)
			return 1;
		at += TLS_HEADER_SIZE;
	}
	hello->result = PARSE_PARTIAL;
	if (at >= walk->stream_length)
		return 1;
	piece = walk->stream_length - at;
	if (piece > record)
		piece = record;
	if (piece > CLIENT_HELLO_CHUNK)
		piece = CLIENT_HELLO_CHUNK;
	hello->result = PARSE_TOO_LONG;
	if (have + piece > CLIENT_HELLO_SIZE)
		return 1;
	parse_copy(message, have, CLIENT_HELLO_SIZE - 1, stream, at, piece, CLIENT_HELLO_CHUNK - 1);
	have += piece;
	at += piece;
	record -= piece;
	hello->at = at;
	hello->have = have;
	hello->record = record;
	hello->result = PARSE_MALFORMED;
	if (message[0] != 1)
		return 1;
	hello->result = PARSE_TOO_LONG; /* unless a later piece ends it */
	if (have < 4)
		return 0;
	whole = (message[1] << 16 | message[2] << 8 | message[3]) + 4;
	if (whole > CLIENT_HELLO_SIZE)
		return 1;
	if (have < whole)
		return 0;
	hello->length = whole;
	hello->end = at + record;
	hello->result = PARSE_DONE;
	return 1;
}

/*
 * Takes a message out of the records that it is spread over. `stream` begins with a record's
 * header; both buffers have CLIENT_HELLO_BUFFER bytes. On PARSE_DONE length and end are set.
 */
static __always_inline enum parse_result client_hello_gather(const __u8 *stream,
							     __u32 stream_length, __u8 *message,
							     struct client_hello *hello)
{
	struct client_hello_walk walk = {
		.stream = stream,
		.message = message,
		.hello = hello,
		.stream_length = stream_length,
	};

	hello->at = 0;
	hello->have = 0;
	hello->record = 0;
	loop(CLIENT_HELLO_STEPS, CLIENT_HELLO_STEPS, client_hello_piece, &walk);
	return hello->result;
}

static __always_inline __u32 client_hello_u16(const __u8 *message, __u32 at)
{
	at = parse_bound(at, CLIENT_HELLO_SIZE - 1);
	return message[at] << 8 | message[at + 1];
}

/* The server_name extension (RFC 6066 section 3) of `size` bytes at `at`. */
static __always_inline enum parse_result client_hello_name(const __u8 *message, __u32 at,
							   __u32 size, struct client_hello *hello)
{
	__u32 name;

	if (size < 5)
		return PARSE_MALFORMED;
	at = parse_bound(at, CLIENT_HELLO_SIZE - 1);
	name = message[at + 3] << 8 | message[at + 4];
	if (message[at + 2] != 0 || name < 1 || name > CLIENT_HELLO_NAME_MAX || name + 5 > size)
		return PARSE_MALFORMED;
	hello->name_at = at + 5;
	hello->name_length = name;
	return PARSE_DONE;
}

LOOP_BODY long client_hello_extension(__u32 i, struct client_hello_walk *walk)
{
	struct client_hello *hello = walk->hello;
	const __u8 *message = walk->stream;
	__u32 at, end, type, size;

	(void)i;
	PARSE_FORGET();
	at = hello->at;
	end = hello->stop;
	hello->result = PARSE_DONE;
	if (at == end)
		return 1;
	hello->result = PARSE_MALFORMED;
	if (at + 4 > end)
		return 1;
	type = client_hello_u16(message, at);
	size = client_hello_u16(message, at + 2);
	at += 4;
	if (at + size > end)
		return 1;
	hello->result = PARSE_DONE;
	if (type == hello->wanted) {
		hello->found = at;
		hello->size = size;
		return 1;
	}
	hello->at = at + size;
	return 0;
}

/* The first extension of this type of those that begin at `at`; sets found and size. */
static __always_inline enum parse_result client_hello_find(const __u8 *message, __u32 at,
							   enum client_hello_type type,
							   struct client_hello *hello)
{
	struct client_hello_walk walk = {.stream = message, .hello = hello};

	hello->at = at;
	hello->wanted = type;
	hello->found = 0;
	loop(CLIENT_HELLO_EXTENSIONS, CLIENT_HELLO_EXTENSIONS, client_hello_extension, &walk);
	return hello->result;
}

LOOP_BODY long client_hello_protocol(__u32 i, struct client_hello_walk *walk)
{
	struct client_hello *hello = walk->hello;
	const __u8 *message = walk->stream;
	__u32 at, length;

	(void)i;
	PARSE_FORGET();
	at = hello->at;
	if (at + 3 > hello->stop)
		return 1;
	at = parse_bound(at, CLIENT_HELLO_SIZE - 1);
	length = message[at];
	hello->at = at + 1 + length;
	hello->http2 = length == 2 && message[at + 1] == 'h' && message[at + 2] == '2';
	return hello->http2;
}

/* The ALPN extension (RFC 7301 section 3.1) that was found; a malformed one offers nothing. */
static __always_inline void client_hello_protocols(const __u8 *message, struct client_hello *hello)
{
	struct client_hello_walk walk = {.stream = message, .hello = hello};
	__u32 at = hello->found, list;

	if (hello->size < 2)
		return;
	list = client_hello_u16(message, at);
	if (list + 2 > hello->size)
		return;
	hello->at = at + 2;
	hello->stop = at + 2 + list;
	loop(CLIENT_HELLO_PROTOCOLS, CLIENT_HELLO_PROTOCOLS, client_hello_protocol, &walk);
}

/* A whole message of hello->length bytes; sets the name and http2. What is wrong with extensions behind
 * the name does not matter. */
static __always_inline enum parse_result client_hello_parse(const __u8 *message,
							    struct client_hello *hello)
{
	__u32 length = hello->length, at = 38;
	enum parse_result result;

	hello->name_at = 0;
	hello->name_length = 0;
	hello->http2 = 0;
	if (length < 42 || length > CLIENT_HELLO_SIZE || message[0] != 1 || message[4] != 3)
		return PARSE_MALFORMED;
	if (message[at] > 32)
		return PARSE_MALFORMED;
	at += 1 + message[at]; /* session id */
	if (at + 2 > length)
		return PARSE_MALFORMED;
	at += 2 + client_hello_u16(message, at); /* cipher suites */
	if (at + 1 > length)
		return PARSE_MALFORMED;
	at = parse_bound(at, CLIENT_HELLO_SIZE - 1);
	at += 1 + message[at]; /* compression methods */
	if (at + 2 > length)
		return at == length ? PARSE_DONE : PARSE_MALFORMED;
	at += 2;
	hello->stop = at + client_hello_u16(message, at - 2);
	if (hello->stop > length)
		return PARSE_MALFORMED;
	result = client_hello_find(message, at, EXTENSION_SERVER_NAME, hello);
	if (result == PARSE_DONE && hello->found)
		result = client_hello_name(message, hello->found, hello->size, hello);
	if (result != PARSE_DONE)
		return result;
	client_hello_find(message, at, EXTENSION_ALPN, hello);
	if (hello->found)
		client_hello_protocols(message, hello);
	return PARSE_DONE;
}

#endif
