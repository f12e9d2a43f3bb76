/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_ENDPOINT_BPF_H
#define OPERAGLASS_ENDPOINT_BPF_H

#include "connection.h"
#include "call.h"
#include "text.bpf.h"

/*
 * A request's path, byte by byte, to the name of its endpoint. Compiled for the kernel and for
 * tests; no loop over memory, no call.
 *
 * What is kept of a path is what will be published: complete segments that are names, the letters
 * of a Bot API method; never a token, an id or a query. The segment being read may still turn out to
 * be one of these: it is a struct endpoint_piece, which lives on the stack of one program. A segment
 * that is sent in pieces is taken for an id, for nothing of the first piece may be kept; only the
 * beginnings of "bot" and "file" are.
 *
 *	/bot<token>/sendMessage?chat_id=1	sendMessage
 *	/bot<token>/test/getMe			getMe
 *	/file/bot<token>/photos/1.jpg		file
 *	/v1/messages/batches			/v1/messages
 *	/2010-04-01/Accounts/AC0123/Calls	/2010-04-01/Accounts
 *	/users/12345				/users/:id
 */

enum {
	ENDPOINT_SEGMENTS = 2,
	ENDPOINT_SEGMENT_MAX = 22, /* two of them, their slashes and the NUL fill ENDPOINT_SIZE */
	ENDPOINT_METHOD_MAX = 40,  /* letters of a Bot API method */
	ENDPOINT_NAME_ROOM = 64,   /* what endpoint_name writes into: a power of two */
};

/* The segment being read, as far as it may become part of the name; else zeroes. */
struct endpoint_piece {
	__u64 words[3];
};

enum endpoint_state {
	ENDPOINT_START = 0,
	ENDPOINT_SCHEME = 1,  /* absolute form: https://host, until the third slash */
	ENDPOINT_SEGMENT = 2, /* inside a segment that may become part of the name */
	ENDPOINT_TOKEN = 3,   /* inside /bot<token>: nothing is kept */
	ENDPOINT_METHOD = 4,  /* behind /bot<token>/ */
	ENDPOINT_FILE = 5,    /* behind /file/bot<token> */
	ENDPOINT_REST = 6,    /* two segments are complete */
	ENDPOINT_STRANGE = 7, /* behind /bot<token>/, but no method's letters */
	ENDPOINT_NO_PATH = 8, /* "*", an authority */
};

struct endpoint_reader {
	union {
		char text[ENDPOINT_SEGMENTS][24]; /* complete segments; see endpoint_pause */
		char method[ENDPOINT_METHOD_MAX];
		__u64 words[6];
	};
	__u8 kind;    /* enum upstream_kind of the connection; 0: not known */
	__u8 state;   /* enum endpoint_state */
	__u8 segment; /* the one being read */
	__u8 ids;     /* bit per segment: it is an id */
	__u8 slashes;
	__u8 tested;			 /* /bot<token>/test/ was passed */
	__u8 lengths[ENDPOINT_SEGMENTS]; /* of complete segments */
	union {
		struct { /* of the segment, or of the method, being read */
			__u8 length;
			__u8 digits;
			__u8 uppers;
			__u8 lowers;
			__u8 dashes;
			__u8 not_hex;
			__u8 figures; /* it begins with a digit */
			__u8 unused;
		};
		__u64 counts;
	};
};

_Static_assert(sizeof(struct endpoint_reader) == 64, "contract");

/* The first four bytes of a text whose other bytes are zero, as a little-endian word. */
#define ENDPOINT_WORD(a, b, c, d) \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24)

#define ENDPOINT_ID	   ENDPOINT_WORD(':', 'i', 'd', 0)
#define ENDPOINT_BOT	   ENDPOINT_WORD('b', 'o', 't', 0)
#define ENDPOINT_FILE_WORD ENDPOINT_WORD('f', 'i', 'l', 'e')

static __always_inline void endpoint_piece_clear(struct endpoint_piece *piece)
{
	piece->words[0] = 0;
	piece->words[1] = 0;
	piece->words[2] = 0;
}

static __always_inline void endpoint_wipe(struct endpoint_reader *reader, __u32 segment)
{
	__u64 *words = reader->words + (segment & 1) * 3;

	words[0] = 0;
	words[1] = 0;
	words[2] = 0;
}

static __always_inline void endpoint_begin(struct endpoint_reader *reader, __u8 kind)
{
	__builtin_memset(reader, 0, sizeof(*reader));
	reader->kind = kind;
}

/* The segment so far cannot be a name any more: its bytes go at once. */
static __always_inline void endpoint_is_id(struct endpoint_reader *reader,
					   struct endpoint_piece *piece)
{
	endpoint_piece_clear(piece);
	reader->ids |= 1 << (reader->segment & 1);
}

static __always_inline void endpoint_segment_end(struct endpoint_reader *reader,
						 struct endpoint_piece *piece)
{
	__u64 segment = reader->segment & 1, *words = reader->words + segment * 3, id;

	if (!reader->length)
		return; /* "//" */
	/* Eight or more hexadecimal digits that are not all letters; figures that are no date. */
	id = text_reaches(reader->length, 8) & (reader->not_hex ^ 1) &
	     text_reaches(reader->digits, 1);
	id |= text_reaches(9, reader->length) & reader->figures;
	id |= reader->ids >> segment & 1;
	reader->lengths[segment] = reader->length & 31;
	if (id) {
		endpoint_is_id(reader, piece);
		piece->words[0] = ENDPOINT_ID;
		reader->lengths[segment] = 3;
	}
	words[0] = piece->words[0];
	words[1] = piece->words[1];
	words[2] = piece->words[2];
	endpoint_piece_clear(piece);
	reader->counts = 0;
	reader->segment++;
	if (reader->segment >= ENDPOINT_SEGMENTS)
		reader->state = ENDPOINT_REST;
}

/* 1 when the byte that comes now is the first of a bot's token. */
static __always_inline __u64 endpoint_token_begins(const struct endpoint_reader *reader,
						   const struct endpoint_piece *piece, __u8 class)
{
	__u64 segment = reader->segment & 1, kind = reader->kind, place, watched;

	place = text_zero(segment) | text_zero(reader->words[0] ^ ENDPOINT_FILE_WORD);
	watched = text_zero(kind ^ UPSTREAM_TELEGRAM) | (text_zero(kind) & class);
	return text_zero(piece->words[0] ^ ENDPOINT_BOT) & place & watched;
}

/* Without an index into the stack, which verifiers before 5.12 refuse to be unknown. */
static __always_inline void endpoint_keep(struct endpoint_piece *piece, __u64 at, __u8 c)
{
	__u64 byte = (__u64)c << ((at & 7) * 8), word = at >> 3;

	piece->words[0] |= byte * text_zero(word);
	piece->words[1] |= byte * text_zero(word ^ 1);
	piece->words[2] |= byte * text_zero(word ^ 2);
}

static __always_inline void endpoint_segment_byte(struct endpoint_reader *reader,
						  struct endpoint_piece *piece, __u8 c)
{
	__u8 class = text_class[c];
	__u64 length = reader->length, figures, word, id;

	if (class & TEXT_SLASH) {
		endpoint_segment_end(reader, piece);
		return;
	}
	if (endpoint_token_begins(reader, piece, class)) {
		endpoint_piece_clear(piece);
		reader->state = ENDPOINT_TOKEN;
		return;
	}
	reader->length = length + text_reaches(254, length);
	reader->digits += class & TEXT_DIGIT;
	reader->uppers += class >> 1 & 1;
	reader->lowers += class >> 2 & 1;
	reader->dashes += class >> 3 & 1;
	reader->not_hex |= (class >> 5 & 1) ^ 1;
	reader->figures |= class & TEXT_DIGIT & text_reaches(0, length);
	figures = reader->figures;

	word = text_reaches(reader->digits, 4);
	word |= text_reaches(reader->digits, 1) & text_reaches(reader->uppers, 1);
	word |= text_reaches(reader->uppers, 5) & text_reaches(reader->lowers, 1);
	/* Figures are kept only as far as they can be 2010-04-01. */
	id = ((0x90ULL >> (length & 63) ^ class >> 3) & 1) | (~(class | class >> 3) & 1);
	id |= text_reaches(length, 10);
	id = (id & figures) | (word & (figures ^ 1));
	id |= text_reaches(0, class) | text_reaches(length, ENDPOINT_SEGMENT_MAX);
	id |= reader->ids >> (reader->segment & 1) & 1;
	if (id)
		endpoint_is_id(reader, piece);
	else
		endpoint_keep(piece, length, c);
}

static __always_inline void endpoint_method_byte(struct endpoint_reader *reader, __u8 c)
{
	__u8 length = reader->length;

	if (c == '/' && length == 4 && !reader->tested &&
	    reader->words[0] == ENDPOINT_WORD('t', 'e', 's', 't')) {
		reader->words[0] = 0;
		reader->tested = 1;
		reader->counts = 0;
	} else if ((text_class[c] & TEXT_LETTER) && length < ENDPOINT_METHOD_MAX) {
		reader->method[length] = c;
		reader->length = length + 1;
	} else {
		endpoint_wipe(reader, 0);
		endpoint_wipe(reader, 1);
		reader->state = ENDPOINT_STRANGE;
	}
}

/* The piece that goes on when the next bytes have come. */
static __always_inline void endpoint_resume(struct endpoint_reader *reader,
					    struct endpoint_piece *piece)
{
	endpoint_piece_clear(piece);
	if (reader->state == ENDPOINT_SEGMENT)
		piece->words[0] = reader->words[(reader->segment & 1) * 3];
}

/* The bytes that are there are over, and the target is not: the program ends, and with it the piece. */
static __always_inline void endpoint_pause(struct endpoint_reader *reader,
					   struct endpoint_piece *piece)
{
	__u64 mask = (1ULL << (reader->length & 7) * 8) - 1, word = piece->words[0];

	if (reader->state != ENDPOINT_SEGMENT || !reader->length)
		return;
	if (word == (ENDPOINT_BOT & mask) || word == (ENDPOINT_FILE_WORD & mask))
		reader->words[(reader->segment & 1) * 3] = word;
	else
		endpoint_is_id(reader, piece);
}

/* The next byte of the request target; never a space, and none from '?' or '#' on. */
static __always_inline void endpoint_byte(struct endpoint_reader *reader,
					  struct endpoint_piece *piece, __u8 c)
{
	__u8 slash = text_class[c] & TEXT_SLASH;

	switch (reader->state) {
	case ENDPOINT_START:
		reader->state = ENDPOINT_NO_PATH;
		if (slash)
			reader->state = ENDPOINT_SEGMENT;
		else if ((c | 0x20) == 'h')
			reader->state = ENDPOINT_SCHEME;
		break;
	case ENDPOINT_SCHEME:
		reader->slashes += slash >> 6;
		if (reader->slashes == 3)
			reader->state = ENDPOINT_SEGMENT;
		break;
	case ENDPOINT_SEGMENT:
		endpoint_segment_byte(reader, piece, c);
		break;
	case ENDPOINT_TOKEN:
		if (!slash)
			break;
		reader->state = reader->segment ? ENDPOINT_FILE : ENDPOINT_METHOD;
		reader->counts = 0;
		endpoint_wipe(reader, reader->segment);
		break;
	case ENDPOINT_METHOD:
		endpoint_method_byte(reader, c);
		break;
	}
}

/* The target is complete. */
static __always_inline void endpoint_end(struct endpoint_reader *reader,
					 struct endpoint_piece *piece)
{
	if (reader->state == ENDPOINT_SEGMENT)
		endpoint_segment_end(reader, piece);
	else if (reader->state == ENDPOINT_SCHEME)
		reader->state = reader->slashes == 2 ? ENDPOINT_SEGMENT : ENDPOINT_NO_PATH;
	else if (reader->state == ENDPOINT_START)
		reader->state = ENDPOINT_NO_PATH;
}

/* What seemed a bot's path is one of another upstream: no word of it may be known. */
static __always_inline void endpoint_forget_bot(struct endpoint_reader *reader)
{
	__u32 file = reader->state == ENDPOINT_FILE || (reader->segment & 1);

	endpoint_wipe(reader, 1);
	if (!file)
		endpoint_wipe(reader, 0);
	reader->words[file ? 3 : 0] = ENDPOINT_ID;
	reader->lengths[0] = file ? 4 : 3;
	reader->segment = 1 + file;
}

/*
 * Writes the name, once the kind of upstream is known, into 64 bytes of which the first
 * ENDPOINT_SIZE are the endpoint, and which begin at a multiple of 8: words are written, as the
 * compiler would write each byte. Returns 1 when it is a Bot API method, in the request's letters.
 */
static __always_inline int endpoint_name(struct endpoint_reader *reader, __u32 kind, char *name)
{
	__u64 *words = (__u64 *)name;
	__u32 at;

	for (__u32 i = 0; i < ENDPOINT_NAME_ROOM / 8; i++)
		words[i] = 0;
	if (kind == UPSTREAM_TELEGRAM && reader->state == ENDPOINT_METHOD && reader->length) {
		for (__u32 i = 0; i < ENDPOINT_METHOD_MAX / 8; i++)
			words[i] = reader->words[i];
		return 1;
	}
	if (kind == UPSTREAM_TELEGRAM && reader->state == ENDPOINT_FILE) {
		words[0] = ENDPOINT_FILE_WORD;
		return 0;
	}
	if (kind == UPSTREAM_TELEGRAM || reader->state == ENDPOINT_NO_PATH) {
		__builtin_memcpy(name, "unknown", 8);
		return 0;
	}
	if (reader->state != ENDPOINT_SEGMENT && reader->state != ENDPOINT_REST)
		endpoint_forget_bot(reader);
	name[0] = '/';
	for (__u32 i = 0; i < ENDPOINT_SEGMENT_MAX; i++)
		name[1 + i] = reader->text[0][i];
	if (reader->segment < 2)
		return 0;
	at = 1 + (reader->lengths[0] & 31);
	name[at] = '/';
	for (__u32 i = 0; i < ENDPOINT_SEGMENT_MAX; i++)
		name[at + 1 + i] = reader->text[1][i];
	return 0;
}

#endif
