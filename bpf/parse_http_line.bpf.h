/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_PARSE_HTTP_LINE_BPF_H
#define OPERAGLASS_PARSE_HTTP_LINE_BPF_H

#include "http_piece.bpf.h"
#include "parse_http.bpf.h"

/*
 * The usual lines of a head in one step instead of byte by byte: eight bytes at once are searched for
 * the one that ends something. Compiled for the kernel and for tests. What is unusual is left to
 * http_byte() and http_target_byte(), and the reader is left as they would have left it.
 */

enum http_quick { /* what is known of a line whose beginning was looked at */
	HTTP_UNUSUAL = 0,
	HTTP_TO_ITS_END, /* it says nothing, or no more */
	HTTP_ENDED,	 /* *ret_next is where the next one begins */
};

#define HTTP_LETTERS(a, b, c, d, e, f, g, h)                                                     \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)
#define HTTP_FIRST(letters) ((1ULL << (letters)*8) - 1)

static __always_inline __u8 http_byte_at(const union http_piece *piece, __u32 at)
{
	return parse_byte(piece->bytes, at, HTTP_PIECE - 1);
}

static __always_inline enum http_quick http_quick_status(struct http_reader *reader,
							 const union http_piece *piece)
{
	__u64 version = piece->words[0] & ~(1ULL << 56), word = piece->words[1], digits;
	__u8 behind = word >> 32;

	digits = (word >> 8 & 0xffffff) ^ 0x303030;
	if (version != HTTP_LETTERS('H', 'T', 'T', 'P', '/', '1', '.', '0') || (__u8)word != ' ' ||
	    (digits | (digits + 0x060606)) & 0xf0f0f0 || !(digits & 0xff) ||
	    (behind != ' ' && behind != '\r' && behind != '\n'))
		return HTTP_UNUSUAL;
	if (piece->words[0] == version)
		reader->flags |= HTTP_OLD;
	reader->status = (digits & 15) * 100 + (digits >> 8 & 15) * 10 + (digits >> 16 & 15);
	reader->progress = 0;
	return HTTP_TO_ITS_END;
}

/* "Content-Length: " and up to ten digits. */
static __always_inline enum http_quick
http_quick_length(struct http_reader *reader, const union http_piece *piece, __u32 *ret_next)
{
	__u64 number = 0;
	__u32 i;

#pragma GCC unroll 10
	for (i = 0; i < 10; i++) {
		__u8 digit = piece->bytes[16 + i] - '0';

		if (digit > 9)
			break;
		number = number * 10 + digit;
	}
	i = parse_settle(i, 15, piece->words[0]);
	if (!i || http_byte_at(piece, 16 + i) != '\r' || http_byte_at(piece, 17 + i) != '\n' ||
	    (reader->flags & HTTP_LENGTH && reader->remaining != number))
		return HTTP_UNUSUAL;
	reader->hash = 0;
	reader->number = 0;
	reader->field = HTTP_FIELD_CONTENT_LENGTH;
	reader->progress = i;
	reader->remaining = number;
	reader->flags |= HTTP_LENGTH;
	*ret_next = 18 + i;
	return HTTP_ENDED;
}

/* "Transfer-Encoding: chunked", and nothing else. */
static __always_inline enum http_quick
http_quick_coding(struct http_reader *reader, const union http_piece *piece, __u32 *ret_next)
{
	__u64 more = parse_lower(piece->words[1]), value = parse_lower(piece->words[2]),
	      end = parse_lower(piece->words[3]) & HTTP_FIRST(4);

	if ((more ^ HTTP_LETTERS('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n')) |
	    (value ^ HTTP_LETTERS('g', ':', ' ', 'c', 'h', 'u', 'n', 'k')) |
	    (end ^ HTTP_LETTERS('e', 'd', '\r', '\n', 0, 0, 0, 0)))
		return HTTP_UNUSUAL;
	reader->hash = 0;
	reader->number = 0;
	reader->progress = 7;
	reader->flags |= HTTP_CODED | HTTP_CHUNKED;
	*ret_next = 28;
	return HTTP_ENDED;
}

/* Whether a name ends in this piece, without a byte that no name has. */
static __always_inline enum http_quick http_quick_name(struct http_reader *reader,
						       const union http_piece *piece)
{
	__u64 colon, bad;
	__u32 i;

#pragma GCC unroll 8
	for (i = 0; i < HTTP_PIECE / 8; i++) {
		colon = text_find(piece->words[i], ':');
		bad = text_below(piece->words[i], 0x20) | text_find(piece->words[i], 0x7f);
		if (!(colon | bad))
			continue;
		if (!colon || bad & (text_lowest(colon) - 1))
			return HTTP_UNUSUAL;
		reader->hash = 0;
		reader->number = 0;
		reader->progress = 0;
		return HTTP_TO_ITS_END;
	}
	return HTTP_UNUSUAL;
}

/* The beginning of a field, or the empty line. */
static __always_inline enum http_quick
http_quick_field(struct http_reader *reader, const union http_piece *piece, __u32 *ret_next)
{
	__u64 word = piece->words[0], name = parse_lower(word), more = parse_lower(piece->words[1]);
	__u8 c = word;

	if ((__u16)word == ('\r' | '\n' << 8)) {
		*ret_next = 0;
		return HTTP_ENDED;
	}
	if (c == ':' || reader->flags & HTTP_TRAILER)
		return HTTP_UNUSUAL;
	if (c == ' ' || c == '\t')
		return HTTP_TO_ITS_END;
	if (name == HTTP_LETTERS('c', 'o', 'n', 't', 'e', 'n', 't', '-') &&
	    (more & HTTP_FIRST(6)) == HTTP_LETTERS('l', 'e', 'n', 'g', 't', 'h', 0, 0))
		return more >> 48 == (':' | ' ' << 8) ? http_quick_length(reader, piece, ret_next)
						      : HTTP_UNUSUAL;
	if (name == HTTP_LETTERS('t', 'r', 'a', 'n', 's', 'f', 'e', 'r'))
		return http_quick_coding(reader, piece, ret_next);
	if (name == HTTP_LETTERS('r', 'e', 't', 'r', 'y', '-', 'a', 'f') ||
	    ((name & HTTP_FIRST(4)) == HTTP_LETTERS('h', 'o', 's', 't', 0, 0, 0, 0) &&
	     reader->flags & HTTP_WANT_HOST))
		return HTTP_UNUSUAL;
	return http_quick_name(reader, piece);
}

/* To the end of the line, if it is there, and of the head, if that is the next one. */
static __always_inline __u32 http_quick_line(struct http_reader *reader,
					     const union http_piece *piece, __u32 size,
					     enum http_quick line, __u32 next,
					     enum http_event *ret_event)
{
	__u64 found = 0;
	__u32 i;

	if (line == HTTP_TO_ITS_END) {
#pragma GCC unroll 8
		for (i = 0; i < HTTP_PIECE / 8; i++) {
			found = text_find(piece->words[i], '\n');
			if (found)
				break;
		}
		if (!found) {
			reader->state = HTTP_SKIP;
			return size;
		}
		next = i * 8 + text_first(found) + 1;
	}
	next = parse_settle(next, 127, piece->words[0]);
	reader->state = HTTP_LINE;
	if (next + 2 > size || http_byte_at(piece, next) != '\r' ||
	    http_byte_at(piece, next + 1) != '\n')
		return next;
	*ret_event = http_head_end(reader);
	return next + 2;
}

static __always_inline __u32 http_quick_is(struct http_reader *reader, __u64 word, __u64 letters,
					   __u32 length, __u8 method)
{
	if ((word & (length < 8 ? HTTP_FIRST(length & 7) : ~0ULL)) != letters)
		return 0;
	reader->method = method;
	reader->state = HTTP_TARGET;
	return length;
}

/* The method of a request and the space behind it. */
static __always_inline __u32 http_quick_method(struct http_reader *reader, __u64 word)
{
	__u32 taken;

	taken = http_quick_is(reader, word, HTTP_LETTERS('P', 'O', 'S', 'T', ' ', 0, 0, 0), 5,
			      METHOD_POST);
	if (!taken)
		taken = http_quick_is(reader, word, HTTP_LETTERS('G', 'E', 'T', ' ', 0, 0, 0, 0), 4,
				      METHOD_GET);
	return taken;
}

/* Where the first byte of a word is that `found` says. */
static __always_inline __u32 http_place(const union http_piece *piece, __u32 word, __u64 found)
{
	return parse_settle(word * 8 + text_first(found), HTTP_PIECE - 1, piece->words[0]);
}

/* Behind the space that ends a target: the rest of the line. Returns the bytes taken in all. */
static __always_inline __u32 http_quick_version(struct http_reader *reader,
						const union http_piece *piece, __u32 size,
						__u32 space)
{
	static const char rest[] = "HTTP/1.?\r\n";
	__u32 i, at = space + 1;
	__u8 digit = http_byte_at(piece, at + 7);

	reader->state = HTTP_VERSION;
	if (at + 10 > size || (digit | 1) != '1')
		return at;
#pragma GCC unroll 10
	for (i = 0; i < 10; i++)
		if (i != 7 && http_byte_at(piece, at + i) != rest[i])
			return at;
	if (digit == '0')
		reader->flags |= HTTP_OLD;
	reader->status = 1;
	reader->state = HTTP_LINE;
	return at + 10;
}

/* The rest of "/bot<token>/", whose token begins at `begin`, in the first or second word. */
static __always_inline __u32 http_quick_token(struct endpoint_reader *path,
					      const union http_piece *piece, __u32 begin)
{
	__u64 stop;
	__u32 i, at;

#pragma GCC unroll 8
	for (i = 0; i < HTTP_PIECE / 8; i++) {
		stop = piece->words[i];
		/* '/' and '?' differ by one bit. */
		stop = text_find(stop & ~(TEXT_ONES * 0x10), '/') | text_below(stop, '#' + 1) |
		       text_find(stop, 0x7f);
		if (i < 2)
			stop &= begin >= i * 8 + 8 ? 0
				: begin > i * 8	   ? ~HTTP_FIRST((begin - i * 8) & 7)
						   : ~0ULL;
		if (stop)
			break;
	}
	if (i == HTTP_PIECE / 8)
		return 0;
	at = http_place(piece, i, stop);
	if (at == begin || http_byte_at(piece, at) != '/') /* a token has a byte at least */
		return 0;
	path->state = ENDPOINT_METHOD;
	return at + 1;
}

static __always_inline __u32 http_quick_target(struct endpoint_reader *path,
					       const union http_piece *piece)
{
	if ((piece->words[0] & HTTP_FIRST(4)) != HTTP_LETTERS('/', 'b', 'o', 't', 0, 0, 0, 0))
		return 0;
	return http_quick_token(path, piece, 4);
}

/* The beginning of a request: its method, and of a Telegram request all up to the API's method. */
static __always_inline __u32 http_quick_request(struct http_reader *reader,
						struct endpoint_reader *path,
						const union http_piece *piece)
{
	__u64 word = piece->words[0];
	__u32 method = http_quick_method(reader, word), taken = 0;

	if (path->state != ENDPOINT_START || path->kind != UPSTREAM_TELEGRAM)
		return method;
	if (word == HTTP_LETTERS('G', 'E', 'T', ' ', '/', 'b', 'o', 't'))
		taken = http_quick_token(path, piece, 8);
	else if (word == HTTP_LETTERS('P', 'O', 'S', 'T', ' ', '/', 'b', 'o') &&
		 piece->bytes[8] == 't')
		taken = http_quick_token(path, piece, 9);
	return taken ? taken : method;
}

/* Letters of a Bot API method, what ends them, and the rest of the line if there is no query. */
static __always_inline __u32 http_quick_bot(struct http_reader *reader,
					    struct endpoint_reader *path,
					    const union http_piece *piece, __u32 size)
{
	__u64 words[ENDPOINT_METHOD_MAX / 8] = {}, stop = 0, lower;
	__u32 i, at;
	__u8 end;

#pragma GCC unroll 5
	for (i = 0; i < ENDPOINT_METHOD_MAX / 8; i++) {
		lower = parse_lower(piece->words[i]);
		stop = text_below(lower, 'a') |
		       ((((lower & ~TEXT_TOPS) + TEXT_ONES * (0x7f - 'z')) | lower) & TEXT_TOPS);
		words[i] = piece->words[i];
		if (stop) {
			words[i] &= (text_lowest(stop) >> 7) - 1;
			break;
		}
	}
	if (!stop)
		return 0;
	at = http_place(piece, i, stop);
	end = http_byte_at(piece, at);
	if (end != ' ' && end != '?')
		return 0;
#pragma GCC unroll 5
	for (i = 0; i < ENDPOINT_METHOD_MAX / 8; i++)
		path->words[i] = words[i];
	path->length = at;
	if (end == ' ')
		return http_quick_version(reader, piece, size, at);
	reader->state = HTTP_QUERY;
	return at + 1;
}

static __always_inline __u32 http_quick_query(struct http_reader *reader,
					      const union http_piece *piece, __u32 size)
{
	__u64 stop;
	__u32 i, at;

#pragma GCC unroll 8
	for (i = 0; i < HTTP_PIECE / 8; i++) {
		stop = text_below(piece->words[i], ' ' + 1) | text_find(piece->words[i], 0x7f);
		if (stop)
			break;
	}
	if (i == HTTP_PIECE / 8)
		return size;
	at = http_place(piece, i, stop);
	if (at >= size)
		return size;
	if (http_byte_at(piece, at) != ' ')
		return 0;
	return http_quick_version(reader, piece, size, at);
}

/* States that http_quick() knows: it is not asked in others. */
static __always_inline int http_is_quick(const struct http_reader *reader)
{
	const __u32 states = 1 << HTTP_START | 1 << HTTP_TARGET | 1 << HTTP_QUERY | 1 << HTTP_LINE |
			     1 << HTTP_SKIP;

	return states >> (reader->state & 31) & 1;
}

/*
 * Takes of the `size` bytes of a piece (one or more) what is usual. Returns how many were taken,
 * 0: the next one is for the reader's own functions.
 */
static __always_inline __u32 http_quick(struct http_reader *reader, struct endpoint_reader *path,
					const union http_piece *piece, __u32 size,
					enum http_event *ret_event)
{
	enum http_quick line = HTTP_UNUSUAL;
	__u32 next = 0;

	*ret_event = HTTP_NOTHING;
	switch (reader->state) {
	case HTTP_START:
		if (!(reader->flags & HTTP_RESPONSE))
			return http_quick_request(reader, path, piece);
		line = http_quick_status(reader, piece);
		break;
	case HTTP_TARGET:
		if (path->state == ENDPOINT_START && path->kind == UPSTREAM_TELEGRAM)
			return http_quick_target(path, piece);
		if (path->state == ENDPOINT_METHOD && !path->length && !path->tested)
			return http_quick_bot(reader, path, piece, size);
		return 0;
	case HTTP_QUERY:
		return http_quick_query(reader, piece, size);
	case HTTP_LINE:
		line = http_quick_field(reader, piece, &next);
		break;
	case HTTP_SKIP:
		line = HTTP_TO_ITS_END;
		break;
	}
	if (!line)
		return 0;
	return http_quick_line(reader, piece, size, line, next, ret_event);
}

#endif
