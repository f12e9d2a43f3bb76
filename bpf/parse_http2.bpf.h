/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_PARSE_HTTP2_BPF_H
#define OPERAGLASS_PARSE_HTTP2_BPF_H

#include "parse_hpack.bpf.h"

/*
 * HTTP/2 of one direction of one connection (RFC 9113). Compiled for the kernel and for tests. All
 * state is in struct http2_reader, so the bytes may be cut anywhere; they are never kept.
 *
 * Usage, while bytes are left: http2_pass() takes those that nobody wants, as long as it has an event
 * or http2_passes() says that there are more; then http2_byte() takes the next one. Where
 * http2_awaits_head() says so, http2_head() takes nine at once. A segment of a path must not be cut
 * without need: a window begins after HTTP2_PATH_BEGINS.
 */

/*
 * What a frame's head may be, for a connection whose beginning nobody saw: more than the standard
 * asks of a receiver, as everything else that these bytes might be must be told from it. A
 * CONTINUATION begins nothing; the largest frames that are known are 1 MiB (Go's).
 */
struct http2_rule {
	__u32 least; /* bytes behind the head */
	__u32 most;
	__u8 flags;   /* that it may have */
	__u8 streams; /* 1: of a stream of the client's; 0: of none; 2: either */
	__u8 used;
	__u8 reserved;
};

#define HTTP2_FRAME_MOST (1 << 20)

static const struct http2_rule http2_rules[16] = {
	[HTTP2_FRAME_DATA] = {0, HTTP2_FRAME_MOST, HTTP2_END_STREAM | HTTP2_PADDED, 1, 1, 0},
	[HTTP2_FRAME_HEADERS] = {1, HTTP2_FRAME_MOST,
				 HTTP2_END_STREAM | HTTP2_END_HEADERS | HTTP2_PADDED |
					 HTTP2_PRIORITY,
				 1, 1, 0},
	[HTTP2_FRAME_PRIORITY] = {5, 5, 0, 1, 1, 0},
	[HTTP2_FRAME_RST_STREAM] = {4, 4, 0, 1, 1, 0},
	[HTTP2_FRAME_SETTINGS] = {0, 600, HTTP2_ACK, 0, 1, 0},
	[HTTP2_FRAME_PING] = {8, 8, HTTP2_ACK, 0, 1, 0},
	[HTTP2_FRAME_GOAWAY] = {8, HTTP2_FRAME_MOST, 0, 0, 1, 0},
	[HTTP2_FRAME_WINDOW_UPDATE] = {4, 4, 0, 2, 1, 0},
};

/* The nine bytes of a head, as numbers of their order. */
static __always_inline __u32 http2_head_length(const __u8 *head)
{
	return (__u32)head[0] << 16 | (__u32)head[1] << 8 | head[2];
}

static __always_inline __u32 http2_head_stream(const __u8 *head)
{
	return (__u32)head[5] << 24 | (__u32)head[6] << 16 | (__u32)head[7] << 8 | head[8];
}

/* Nonzero: these may be a frame's head, of no stream above `last`. */
static __always_inline __u32 http2_head_fits(const __u8 *head, __u32 last)
{
	const struct http2_rule *rule = &http2_rules[parse_bound(head[3], 15)];
	__u32 length = http2_head_length(head), stream = http2_head_stream(head);

	if (head[3] > 15 || !rule->used || length < rule->least || length > rule->most ||
	    (head[4] & ~rule->flags) || stream > last || stream >> 31)
		return 0;
	return stream ? rule->streams && (stream & 1) : rule->streams != 1;
}

static __always_inline void http2_block_begin(struct http2_reader *reader)
{
	reader->retry_after_seconds = 0;
	reader->status = 0;
	reader->method = 0;
	reader->upstream = 0;
	reader->has_path = 0;
	reader->ends_stream = reader->flags & HTTP2_END_STREAM;
	reader->promise = reader->type == HTTP2_FRAME_PUSH_PROMISE;
	reader->state = HPACK_FIELD;
}

/* What comes next in a frame, when a part of it may be over. */
static __always_inline enum http2_event http2_settle(struct http2_reader *reader)
{
	__u8 phase = reader->phase;

	if (phase == HTTP2_WORD) {
		if (reader->progress < 4)
			return reader->remaining ? HTTP2_NOTHING : HTTP2_MALFORMED;
		reader->phase = HTTP2_SKIP;
		return reader->type == HTTP2_FRAME_GOAWAY ? HTTP2_GOAWAY : HTTP2_RESET;
	}
	if (phase == HTTP2_PRELUDE && !reader->prelude)
		phase = HTTP2_BLOCK;
	reader->phase = phase;
	if (phase == HTTP2_PAD || phase == HTTP2_PRELUDE)
		return reader->remaining ? HTTP2_NOTHING : HTTP2_MALFORMED;
	if (phase != HTTP2_BLOCK || reader->remaining > reader->padding)
		return HTTP2_NOTHING;
	if (reader->remaining < reader->padding)
		return HTTP2_MALFORMED;
	reader->phase = HTTP2_SKIP;
	reader->in_block = !(reader->flags & HTTP2_END_HEADERS);
	if (reader->in_block)
		return HTTP2_NOTHING;
	if (reader->state != HPACK_FIELD)
		return HTTP2_MALFORMED;
	return reader->promise ? HTTP2_NOTHING : HTTP2_HEADERS;
}

/* The nine bytes of a frame's head are complete. */
static __always_inline enum http2_event http2_frame_begin(struct http2_reader *reader)
{
	__u8 type = reader->type;

	reader->progress = 0;
	reader->padding = 0;
	reader->prelude = 0;
	reader->word = 0;
	reader->phase = HTTP2_SKIP;
	if (reader->in_block != (type == HTTP2_FRAME_CONTINUATION))
		return HTTP2_MALFORMED;
	if (type == HTTP2_FRAME_RST_STREAM || type == HTTP2_FRAME_GOAWAY)
		reader->phase = HTTP2_WORD;
	if (type == HTTP2_FRAME_CONTINUATION)
		reader->phase = HTTP2_BLOCK;
	if (type == HTTP2_FRAME_HEADERS || type == HTTP2_FRAME_PUSH_PROMISE) {
		http2_block_begin(reader);
		if (reader->promise)
			reader->prelude = 4;
		else if (reader->flags & HTTP2_PRIORITY)
			reader->prelude = 5;
		reader->phase = reader->flags & HTTP2_PADDED ? HTTP2_PAD : HTTP2_PRELUDE;
	}
	return http2_settle(reader);
}

static __always_inline enum http2_event http2_head_octet(struct http2_reader *reader, __u8 c)
{
	__u64 head = reader->head << 8 | c;
	__u8 progress = reader->progress + 1;

	reader->head = head;
	reader->progress = progress;
	if (progress == 5) {
		reader->remaining = head >> 16 & 0xffffff;
		reader->type = head >> 8;
		reader->flags = head;
	}
	if (progress < HTTP2_HEAD_SIZE)
		return HTTP2_NOTHING;
	reader->stream = head & 0x7fffffff;
	return http2_frame_begin(reader);
}

/* The next bytes are a frame's head, from its first one on. */
static __always_inline __u32 http2_awaits_head(const struct http2_reader *reader)
{
	return reader->phase == HTTP2_HEAD && !reader->progress;
}

/* All nine bytes of a head. */
static __always_inline enum http2_event http2_head(struct http2_reader *reader, const __u8 *head)
{
	reader->remaining = http2_head_length(head);
	reader->type = head[3];
	reader->flags = head[4];
	reader->stream = http2_head_stream(head) & 0x7fffffff;
	return http2_frame_begin(reader);
}

/* The next byte, but of Huffman's code. */
static __always_inline enum http2_event http2_octet(struct http2_reader *reader,
						    struct endpoint_reader *path,
						    struct endpoint_piece *piece, __u8 c)
{
	enum http2_event event = HTTP2_NOTHING;

	if (reader->phase == HTTP2_HEAD)
		return http2_head_octet(reader, c);
	reader->remaining--;
	if (reader->phase == HTTP2_PAD) {
		reader->padding = c;
		reader->phase = HTTP2_PRELUDE;
	} else if (reader->phase == HTTP2_PRELUDE) {
		reader->prelude--;
	} else if (reader->phase == HTTP2_WORD) {
		reader->word = reader->word << 8 | c;
		reader->progress++;
	} else if (reader->state == HPACK_STRING) {
		hpack_letter(reader, path, piece, c);
		reader->left--;
		if (!reader->left)
			event = hpack_string_end(reader, path, piece);
	} else {
		event = hpack_octet(reader, path, piece, c);
	}
	/* A block's end that must wait for its path is seen by http2_pass(). */
	return event ? event : http2_settle(reader);
}

/* The next byte. */
static __always_inline enum http2_event http2_byte(struct http2_reader *reader,
						   const struct http2_huffman *huffman,
						   struct endpoint_reader *path,
						   struct endpoint_piece *piece, __u8 c)
{
	enum http2_event event = HTTP2_NOTHING;

	if (reader->phase != HTTP2_BLOCK || reader->state != HPACK_STRING ||
	    !(reader->form & HPACK_HUFFMAN))
		return http2_octet(reader, path, piece, c);
	hpack_code(reader, huffman, path, piece, c >> 4);
	hpack_code(reader, huffman, path, piece, c & 15);
	reader->remaining--;
	reader->left--;
	if (!reader->left)
		event = hpack_string_end(reader, path, piece);
	return event ? event : http2_settle(reader);
}

/* The string being read is a path: its segment is in the endpoint's piece. */
static __always_inline __u32 http2_in_path(const struct http2_reader *reader)
{
	return reader->state == HPACK_STRING && reader->field == HPACK_PATH &&
	       !(reader->form & (HPACK_IN_NAME | HPACK_OVER));
}

/* After HTTP2_PATH_KNOWN: the endpoint of that number is still remembered. */
static __always_inline __u32 http2_has_slot(const struct http2_reader *reader)
{
	__u32 age = (reader->paths - reader->slot) & HTTP2_PATH_NUMBERS;

	return age && age <= HTTP2_PATHS;
}

/* No byte of what comes next is wanted: http2_pass() is to be called. */
static __always_inline __u32 http2_passes(const struct http2_reader *reader)
{
	return reader->phase == HTTP2_SKIP ||
	       (reader->phase == HTTP2_BLOCK && reader->state == HPACK_STRING &&
		(reader->form & HPACK_SKIPPED));
}

/* Returns how many of the next `available` bytes nobody wants; they are taken. Also with none
 * available: parts without bytes end here. */
static __always_inline __u64 http2_pass(struct http2_reader *reader, __u64 available,
					enum http2_event *ret_event)
{
	__u64 count = reader->remaining;

	*ret_event = HTTP2_NOTHING;
	if (reader->phase == HTTP2_BLOCK) {
		count = 0;
		if (http2_passes(reader)) {
			count = reader->remaining - reader->padding;
			count = reader->left < count ? reader->left : count;
		}
		count = count < available ? count : available;
		reader->remaining -= count;
		reader->left -= count;
		if (count && !reader->left) {
			/* of a field that is neither path nor event */
			if (reader->field == HPACK_AUTHORITY)
				reader->upstream = reader->value;
			if (reader->form & HPACK_INSERT)
				hpack_insert(reader);
			reader->state = HPACK_FIELD;
		}
		*ret_event = http2_settle(reader);
		return count;
	}
	if (reader->phase != HTTP2_SKIP)
		return 0;
	count = count < available ? count : available;
	reader->remaining -= count;
	if (reader->remaining)
		return count;
	reader->phase = HTTP2_HEAD;
	reader->progress = 0;
	if (reader->type == HTTP2_FRAME_DATA && (reader->flags & HTTP2_END_STREAM))
		*ret_event = HTTP2_END;
	return count;
}

#endif
