/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_PARSE_HTTP_BPF_H
#define OPERAGLASS_PARSE_HTTP_BPF_H

#include "http_reader.bpf.h"

/*
 * HTTP/1.x of one direction of one connection, byte by byte (RFC 9110, RFC 9112). Compiled for the
 * kernel and for tests. All state is in struct http_reader, so a message may be cut anywhere; the
 * bytes themselves are never kept. Bodies are not read: http_pass() takes them in one step.
 *
 * Usage, while bytes are left: http_pass() takes those of a body; in HTTP_TARGET
 * http_target_byte() takes the next one, in every other state http_byte() does. After HTTP_END, and
 * after HTTP_HEAD of a message without body or of an interim response, comes http_begin().
 */

/* The bytes of a body that need not be looked at, at most `available`. *ret_event: HTTP_END when
 * they were its last. */
static __always_inline __u64 http_pass(struct http_reader *reader, __u64 available,
				       enum http_event *ret_event)
{
	__u64 remaining = reader->remaining;

	*ret_event = HTTP_NOTHING;
	if (reader->state == HTTP_UNTIL_CLOSE || reader->state == HTTP_LOST)
		return available;
	if (reader->state != HTTP_BODY && reader->state != HTTP_CHUNK)
		return 0;
	if (remaining > available) {
		reader->remaining = remaining - available;
		return available;
	}
	reader->remaining = 0;
	if (reader->state == HTTP_BODY) {
		reader->state = HTTP_COMPLETE;
		*ret_event = HTTP_END;
	} else {
		reader->state = HTTP_CHUNK_END;
	}
	return remaining;
}

/* How the body is delimited: RFC 9112, 6.3. */
static __always_inline enum http_event http_head_end(struct http_reader *reader)
{
	__u8 flags = reader->flags;
	__u16 status = reader->status;

	if (flags & HTTP_TRAILER) {
		reader->state = HTTP_COMPLETE;
		return HTTP_END;
	}
	if ((flags & HTTP_RESPONSE) &&
	    ((flags & HTTP_BODILESS) || status < 200 || status == 204 || status == 304))
		reader->state = HTTP_COMPLETE;
	else if (flags & HTTP_CHUNKED)
		reader->state = HTTP_CHUNK_SIZE;
	else if ((flags & HTTP_RESPONSE) && ((flags & HTTP_CODED) || !(flags & HTTP_LENGTH)))
		reader->state = HTTP_UNTIL_CLOSE;
	else if (flags & HTTP_CODED)
		return http_malformed(reader);
	else
		reader->state = reader->remaining ? HTTP_BODY : HTTP_COMPLETE;
	if (reader->state != HTTP_BODY)
		reader->remaining = 0;
	reader->number = 0;
	reader->progress = 0;
	return HTTP_HEAD;
}

static __always_inline enum http_event http_name_end(struct http_reader *reader)
{
	__u64 hash = reader->hash;

	reader->hash = 0;
	reader->number = 0;
	reader->progress = 0;
	reader->state = HTTP_SKIP;
	if (reader->flags & HTTP_TRAILER)
		return HTTP_NOTHING;
	if (hash == HTTP_HASH_CONTENT_LENGTH) {
		reader->field = HTTP_FIELD_CONTENT_LENGTH;
		reader->state = HTTP_NUMBER;
	} else if (hash == HTTP_HASH_RETRY_AFTER && (reader->flags & HTTP_RESPONSE)) {
		reader->field = HTTP_FIELD_RETRY_AFTER;
		reader->state = HTTP_NUMBER;
	} else if (hash == HTTP_HASH_TRANSFER_ENCODING) {
		reader->flags = (reader->flags & ~HTTP_CHUNKED) | HTTP_CODED;
		reader->state = HTTP_CODING;
	} else if (hash == HTTP_HASH_HOST && (reader->flags & HTTP_WANT_HOST) &&
		   !reader->said_host) {
		reader->said_host = 1;
		reader->state = HTTP_HOST_LEAD;
	}
	return HTTP_NOTHING;
}

static __always_inline enum http_event http_number_end(struct http_reader *reader)
{
	__u64 number = reader->number;
	int first = !(reader->flags & HTTP_LENGTH);

	reader->state = HTTP_LINE;
	reader->number = 0;
	if (reader->field == HTTP_FIELD_RETRY_AFTER) {
		reader->retry_after_seconds = number > 0xffffffff ? 0xffffffff : number;
		return HTTP_NOTHING;
	}
	if (!reader->progress || (!first && reader->remaining != number))
		return http_malformed(reader);
	reader->flags |= HTTP_LENGTH;
	reader->remaining = number;
	return HTTP_NOTHING;
}

static __always_inline enum http_event http_number_byte(struct http_reader *reader, __u8 c)
{
	int blank = c == ' ' || c == '\t' || c == '\r';

	if (c == '\n')
		return http_number_end(reader);
	if (blank) {
		if (reader->progress)
			reader->state = HTTP_NUMBER_END;
		return HTTP_NOTHING;
	}
	if ((text_class[c] & TEXT_DIGIT) && reader->state == HTTP_NUMBER &&
	    reader->progress < HTTP_NUMBER_MAX) {
		reader->number = reader->number * 10 + (c - '0');
		reader->progress++;
		return HTTP_NOTHING;
	}
	if (reader->field == HTTP_FIELD_CONTENT_LENGTH)
		return http_malformed(reader);
	reader->state = HTTP_SKIP; /* a date */
	reader->number = 0;
	return HTTP_NOTHING;
}

/* The value of Transfer-Encoding: only whether the last coding is "chunked". */
static __always_inline void http_coding_byte(struct http_reader *reader, __u8 c)
{
	__u8 progress = reader->progress;

	if (c == '\n') {
		if (progress == 7)
			reader->flags |= HTTP_CHUNKED;
		reader->state = HTTP_LINE;
	} else if (c == ',') {
		reader->progress = 0;
	} else if (c == ' ' || c == '\t' || c == '\r') {
		if (progress && progress < 7)
			reader->progress = HTTP_MISMATCH;
	} else if (progress < 7 && (c | 0x20) == (__u8)(HTTP_WORD_CHUNKED >> (progress * 8))) {
		reader->progress = progress + 1;
	} else {
		reader->progress = HTTP_MISMATCH;
	}
}

static __always_inline enum http_event http_chunk_size_byte(struct http_reader *reader, __u8 c)
{
	__u8 digit = (c & 15) + (text_class[c] & TEXT_LETTER ? 9 : 0);

	if ((text_class[c] & TEXT_HEX) && reader->progress < 15) {
		reader->number = reader->number << 4 | digit;
		reader->progress++;
		return HTTP_NOTHING;
	}
	if (!reader->progress || (c != '\r' && c != '\n' && c != ';' && c != ' ' && c != '\t'))
		return http_malformed(reader);
	reader->state = HTTP_CHUNK_EXTENSION;
	return HTTP_NOTHING;
}

/* The line feed behind a chunk's size. */
static __always_inline void http_chunk_begin(struct http_reader *reader)
{
	reader->remaining = reader->number;
	reader->number = 0;
	reader->progress = 0;
	reader->state = HTTP_CHUNK;
	if (!reader->remaining) {
		reader->flags |= HTTP_TRAILER;
		reader->state = HTTP_LINE;
	}
}

static __always_inline enum http_event http_start_byte(struct http_reader *reader, __u8 c)
{
	if (reader->flags & HTTP_RESPONSE) {
		if (c != 'H')
			return http_malformed(reader);
		reader->progress = 1;
		reader->state = HTTP_VERSION;
		return HTTP_NOTHING;
	}
	if (c == '\r' || c == '\n')
		return HTTP_NOTHING; /* RFC 9112, 2.2 */
	if ((__u8)(c - 'A') >= 26)
		return http_malformed(reader);
	reader->hash = HTTP_HASH_BASIS;
	http_hash(reader, c);
	reader->progress = 1;
	reader->state = HTTP_METHOD;
	return HTTP_NOTHING;
}

static __always_inline enum http_event http_method_byte(struct http_reader *reader, __u8 c)
{
	if (c == ' ') {
		__u64 hash = reader->hash;

		reader->hash = 0;
		reader->progress = 0;
		if (hash == HTTP_HASH_PRI)
			return HTTP_PREFACE;
		reader->method = http_method(hash);
		reader->state = HTTP_TARGET;
		return HTTP_PATH;
	}
	if ((__u8)(c - 'A') >= 26 || reader->progress >= HTTP_METHOD_MAX)
		return http_malformed(reader);
	http_hash(reader, c);
	reader->progress++;
	return HTTP_NOTHING;
}

static __always_inline enum http_event http_query_byte(struct http_reader *reader, __u8 c)
{
	if (!(text_class[c] & TEXT_TARGET_END) || c == '?' || c == '#')
		return HTTP_NOTHING;
	if (c != ' ')
		return http_malformed(reader);
	reader->state = HTTP_VERSION;
	return HTTP_NOTHING;
}

static __always_inline enum http_event http_version_byte(struct http_reader *reader, __u8 c)
{
	__u8 progress = reader->progress;

	if (progress < 7) {
		if (c != (__u8)(HTTP_WORD_VERSION >> (progress * 8)))
			return http_malformed(reader);
		reader->progress = progress + 1;
		return HTTP_NOTHING;
	}
	if (c != '0' && c != '1')
		return http_malformed(reader);
	if (c == '0')
		reader->flags |= HTTP_OLD;
	reader->progress = 0;
	if (reader->flags & HTTP_RESPONSE) {
		reader->state = HTTP_STATUS;
	} else {
		reader->state = HTTP_LINE_END;
		reader->status = 1;
	}
	return HTTP_NOTHING;
}

static __always_inline enum http_event http_status_byte(struct http_reader *reader, __u8 c)
{
	__u8 progress = reader->progress;

	if (progress == 0 ? c != ' ' : progress < 4 ? !(text_class[c] & TEXT_DIGIT) : 0)
		return http_malformed(reader);
	if (progress == 4) {
		if (reader->status < 100 || (c != ' ' && c != '\r' && c != '\n'))
			return http_malformed(reader);
		reader->progress = 0;
		reader->state = c == '\n' ? HTTP_LINE : HTTP_SKIP;
		return HTTP_NOTHING;
	}
	if (progress)
		reader->status = reader->status * 10 + (c - '0');
	reader->progress = progress + 1;
	return HTTP_NOTHING;
}

static __always_inline enum http_event http_line_byte(struct http_reader *reader, __u8 c)
{
	if (c == '\n')
		return http_head_end(reader);
	if (c == '\r') {
		reader->state = HTTP_HEAD_END;
		return HTTP_NOTHING;
	}
	if (c == ' ' || c == '\t') { /* a folded value: none that matters is ever folded */
		reader->state = HTTP_SKIP;
		return HTTP_NOTHING;
	}
	if (c == ':')
		return http_malformed(reader);
	reader->hash = HTTP_HASH_BASIS;
	http_hash(reader, text_lower(c));
	reader->state = HTTP_NAME;
	return HTTP_NOTHING;
}

static __always_inline enum http_event http_name_byte(struct http_reader *reader, __u8 c)
{
	if (c == ':')
		return http_name_end(reader);
	if (c < 0x20 || c == 0x7f)
		return http_malformed(reader);
	http_hash(reader, text_lower(c));
	return HTTP_NOTHING;
}

/* The next byte, in state HTTP_TARGET. */
static __always_inline enum http_event http_target_byte(struct http_reader *reader,
							struct endpoint_reader *endpoint,
							struct endpoint_piece *piece, __u8 c)
{
	if (!(text_class[c] & TEXT_TARGET_END)) {
		endpoint_byte(endpoint, piece, c);
		return HTTP_NOTHING;
	}
	if (c != ' ' && c != '?' && c != '#')
		return http_malformed(reader);
	endpoint_end(endpoint, piece);
	reader->state = c == ' ' ? HTTP_VERSION : HTTP_QUERY;
	return HTTP_NOTHING;
}

/* The next byte, in any other state. */
static __always_inline enum http_event http_byte(struct http_reader *reader, __u8 c)
{
	switch (reader->state) {
	case HTTP_SKIP:
		if (c == '\n')
			reader->state = HTTP_LINE;
		return HTTP_NOTHING;
	case HTTP_START:
		return http_start_byte(reader, c);
	case HTTP_METHOD:
		return http_method_byte(reader, c);
	case HTTP_QUERY:
		return http_query_byte(reader, c);
	case HTTP_VERSION:
		return http_version_byte(reader, c);
	case HTTP_STATUS:
		return http_status_byte(reader, c);
	case HTTP_LINE_END:
		if (c == '\n')
			reader->state = HTTP_LINE;
		else if (c != '\r')
			return http_malformed(reader);
		return HTTP_NOTHING;
	case HTTP_LINE:
		return http_line_byte(reader, c);
	case HTTP_NAME:
		return http_name_byte(reader, c);
	case HTTP_NUMBER:
	case HTTP_NUMBER_END:
		return http_number_byte(reader, c);
	case HTTP_CODING:
		http_coding_byte(reader, c);
		return HTTP_NOTHING;
	case HTTP_HOST_LEAD:
		if (c == ' ' || c == '\t' || c == '\r')
			return HTTP_NOTHING;
		reader->state = c == '\n' ? HTTP_LINE : HTTP_SKIP;
		return c == '\n' ? HTTP_NOTHING : HTTP_HOST;
	case HTTP_HEAD_END:
		return c == '\n' ? http_head_end(reader) : http_malformed(reader);
	case HTTP_CHUNK_SIZE:
		if (http_chunk_size_byte(reader, c) == HTTP_MALFORMED)
			return HTTP_MALFORMED;
		if (c == '\n')
			http_chunk_begin(reader);
		return HTTP_NOTHING;
	case HTTP_CHUNK_EXTENSION:
		if (c == '\n')
			http_chunk_begin(reader);
		return HTTP_NOTHING;
	case HTTP_BODY:
	case HTTP_CHUNK:
		if (--reader->remaining)
			return HTTP_NOTHING;
		if (reader->state == HTTP_CHUNK) {
			reader->state = HTTP_CHUNK_END;
			return HTTP_NOTHING;
		}
		reader->state = HTTP_COMPLETE;
		return HTTP_END;
	case HTTP_CHUNK_END:
		if (c == '\n')
			reader->state = HTTP_CHUNK_SIZE;
		else if (c != '\r')
			return http_malformed(reader);
		return HTTP_NOTHING;
	}
	return HTTP_NOTHING;
}

#endif
