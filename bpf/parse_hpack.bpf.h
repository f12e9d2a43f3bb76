/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_PARSE_HPACK_BPF_H
#define OPERAGLASS_PARSE_HPACK_BPF_H

#include "http2_reader.bpf.h"
#include "parse.bpf.h"

/*
 * HPACK (RFC 7541), byte by byte. Compiled for the kernel and for tests. Of all fields only :method,
 * :path, :authority, :status and retry-after matter; a path goes into the endpoint's reader as it
 * comes out of the Huffman code.
 *
 * Entries are never evicted from the dynamic table, and its size is not followed: an index counts
 * from the newest entry, and an encoder never refers to what is gone. What does not fit is not
 * inserted, but then everything older is gone too (RFC 7541, 4.4), so that taking it for inserted
 * moves no entry that can still be meant. For the same reason a reader that began in the middle of
 * a connection knows what was inserted since, and finds what came before unknown.
 */

/* RFC 7541, appendix A: the fields that matter, and what they are. */
static const struct hpack_entry hpack_static[64] = {
	[1] = {HPACK_AUTHORITY, 0, 0},	      [2] = {HPACK_METHOD, 0, METHOD_GET},
	[3] = {HPACK_METHOD, 0, METHOD_POST}, [4 ... 5] = {HPACK_PATH, 0, HTTP2_NO_SLOT},
	[8] = {HPACK_STATUS, 0, 200},	      [9] = {HPACK_STATUS, 0, 204},
	[10] = {HPACK_STATUS, 0, 206},	      [11] = {HPACK_STATUS, 0, 304},
	[12] = {HPACK_STATUS, 0, 400},	      [13] = {HPACK_STATUS, 0, 404},
	[14] = {HPACK_STATUS, 0, 500},	      [38] = {HPACK_AUTHORITY, 0, 0},
	[53] = {HPACK_RETRY_AFTER, 0, 0},
};

/* What a field is, by its index: static table, then the dynamic one. */
static __always_inline struct hpack_entry hpack_entry_of(const struct http2_reader *reader,
							 __u32 index)
{
	struct hpack_entry unknown = {.field = HPACK_OTHER};
	__u32 age = index - 61;

	if (index <= 61)
		return hpack_static[parse_bound(index, 63)];
	if (age > reader->inserted || age > HTTP2_ENTRIES)
		return unknown;
	return reader->table[parse_bound(reader->inserted - age, HTTP2_ENTRIES - 1)];
}

/* The two paths of the static table: "/" and "/index.html". */
static __always_inline void hpack_static_path(__u32 index, struct endpoint_reader *path)
{
	endpoint_begin(path, path->kind);
	path->state = ENDPOINT_SEGMENT;
	if (index != 5)
		return;
	path->words[0] = ENDPOINT_WORD('i', 'n', 'd', 'e') | ENDPOINT_WORD('x', '.', 'h', 't')
								     << 32;
	path->words[1] = ENDPOINT_WORD('m', 'l', 0, 0);
	path->lengths[0] = 10;
	path->segment = 1;
}

/* A field that was there as a whole. */
static __always_inline enum http2_event hpack_indexed(struct http2_reader *reader,
						      struct endpoint_reader *path)
{
	struct hpack_entry entry = hpack_entry_of(reader, reader->number);

	switch (entry.field) {
	case HPACK_METHOD:
		reader->method = entry.value;
		break;
	case HPACK_STATUS:
		reader->status = entry.value;
		break;
	case HPACK_RETRY_AFTER:
		reader->retry_after_seconds = entry.value;
		break;
	case HPACK_AUTHORITY:
		reader->upstream = entry.value;
		break;
	case HPACK_PATH:
		reader->has_path = 1;
		reader->slot = entry.value;
		if (reader->number > 61)
			return HTTP2_PATH_KNOWN;
		hpack_static_path(reader->number, path);
		return HTTP2_PATH;
	}
	return HTTP2_NOTHING;
}

/* The index at the beginning of a field is complete. */
static __always_inline enum http2_event hpack_index_end(struct http2_reader *reader,
							struct endpoint_reader *path)
{
	if (reader->form & HPACK_RESIZE) {
		reader->state = HPACK_FIELD;
		return HTTP2_NOTHING;
	}
	if (reader->form & HPACK_INDEXED) {
		reader->state = HPACK_FIELD;
		return reader->number ? hpack_indexed(reader, path) : HTTP2_MALFORMED;
	}
	reader->state = HPACK_LENGTH;
	reader->hash = HTTP_HASH_BASIS;
	if (!reader->number) {
		reader->form |= HPACK_IN_NAME;
		return HTTP2_NOTHING;
	}
	reader->field = hpack_entry_of(reader, reader->number).field;
	return HTTP2_NOTHING;
}

static __always_inline enum http2_event hpack_field_octet(struct http2_reader *reader,
							  struct endpoint_reader *path, __u8 c)
{
	__u8 mask = 0x0f;

	reader->form = 0;
	if (c & 0x80) {
		reader->form = HPACK_INDEXED;
		mask = 0x7f;
	} else if (c & 0x40) {
		reader->form = HPACK_INSERT;
		mask = 0x3f;
	} else if (c & 0x20) {
		reader->form = HPACK_RESIZE;
		mask = 0x1f;
	}
	reader->field = HPACK_OTHER;
	reader->value = 0;
	reader->number = c & mask;
	if (reader->number != mask)
		return hpack_index_end(reader, path);
	reader->shift = 0;
	reader->state = HPACK_INDEX;
	return HTTP2_NOTHING;
}

static __always_inline void hpack_insert(struct http2_reader *reader)
{
	struct hpack_entry entry = {.field = reader->field};

	entry.value = reader->value > 0xffff ? 0xffff : reader->value;
	if (reader->field == HPACK_PATH) {
		entry.value = reader->paths;
		reader->slot = reader->paths;
		reader->paths = (reader->paths + 1) & HTTP2_PATH_NUMBERS;
	}
	reader->table[parse_bound(reader->inserted, HTTP2_ENTRIES - 1)] = entry;
	reader->inserted++;
}

static __always_inline void hpack_name_end(struct http2_reader *reader)
{
	__u64 hash = reader->hash;

	if (hash == HPACK_HASH_METHOD)
		reader->field = HPACK_METHOD;
	else if (hash == HPACK_HASH_PATH)
		reader->field = HPACK_PATH;
	else if (hash == HPACK_HASH_STATUS)
		reader->field = HPACK_STATUS;
	else if (hash == HTTP_HASH_RETRY_AFTER)
		reader->field = HPACK_RETRY_AFTER;
	else if (hash == HPACK_HASH_AUTHORITY || hash == HTTP_HASH_HOST)
		reader->field = HPACK_AUTHORITY;
	reader->form &= ~(HPACK_IN_NAME | HPACK_SKIPPED | HPACK_OVER);
	reader->hash = HTTP_HASH_BASIS;
	reader->state = HPACK_LENGTH;
}

/* The last byte of a string came. */
static __always_inline enum http2_event hpack_string_end(struct http2_reader *reader,
							 struct endpoint_reader *path,
							 struct endpoint_piece *piece)
{
	enum http2_event event = HTTP2_NOTHING;
	__u8 field = reader->field;

	if (reader->form & HPACK_IN_NAME) {
		hpack_name_end(reader);
		return HTTP2_NOTHING;
	}
	if ((reader->form & HPACK_OVER) && field != HPACK_PATH)
		reader->value = 0;
	if (field == HPACK_METHOD) {
		reader->value = http_method(reader->hash);
		reader->method = reader->value;
	} else if (field == HPACK_STATUS) {
		reader->status = reader->value;
	} else if (field == HPACK_RETRY_AFTER) {
		reader->retry_after_seconds = reader->value;
	} else if (field == HPACK_AUTHORITY) {
		reader->upstream = reader->value;
	} else if (field == HPACK_PATH) {
		if (!(reader->form & HPACK_OVER))
			endpoint_end(path, piece);
		reader->has_path = 1;
		reader->slot = HTTP2_NO_SLOT;
		event = HTTP2_PATH;
	}
	if (reader->form & HPACK_INSERT)
		hpack_insert(reader);
	reader->hash = 0;
	reader->state = HPACK_FIELD;
	return event;
}

/* The length of a string is known. */
static __always_inline enum http2_event hpack_length_end(struct http2_reader *reader,
							 struct endpoint_reader *path,
							 struct endpoint_piece *piece)
{
	reader->left = reader->number;
	reader->node = 0;
	reader->state = HPACK_STRING;
	if (reader->field == HPACK_PATH) {
		endpoint_begin(path, path->kind);
		endpoint_piece_clear(piece);
	}
	if (!reader->left)
		return hpack_string_end(reader, path, piece);
	if (reader->field == HPACK_PATH)
		return HTTP2_PATH_BEGINS;
	if (reader->form & HPACK_IN_NAME)
		return HTTP2_NOTHING;
	if (reader->field == HPACK_OTHER || reader->field == HPACK_AUTHORITY)
		reader->form |= HPACK_SKIPPED;
	return reader->field == HPACK_AUTHORITY && reader->nameless ? HTTP2_AUTHORITY
								    : HTTP2_NOTHING;
}

static __always_inline enum http2_event hpack_number_octet(struct http2_reader *reader,
							   struct endpoint_reader *path,
							   struct endpoint_piece *piece, __u8 c)
{
	__u8 shift = reader->shift;

	if (shift > HTTP2_INDEX_SHIFT_MAX)
		return HTTP2_MALFORMED;
	reader->number += (__u32)(c & 0x7f) << (shift & 31);
	reader->shift = shift + 7;
	if (c & 0x80)
		return HTTP2_NOTHING;
	if (reader->state == HPACK_INDEX)
		return hpack_index_end(reader, path);
	return hpack_length_end(reader, path, piece);
}

/* The next byte, but of a string. */
static __always_inline enum http2_event hpack_octet(struct http2_reader *reader,
						    struct endpoint_reader *path,
						    struct endpoint_piece *piece, __u8 c)
{
	if (reader->state == HPACK_FIELD)
		return hpack_field_octet(reader, path, c);
	if (reader->state != HPACK_LENGTH)
		return hpack_number_octet(reader, path, piece, c);
	reader->form &= ~(HPACK_HUFFMAN | HPACK_SKIPPED | HPACK_OVER);
	reader->form |= c & 0x80 ? HPACK_HUFFMAN : 0;
	reader->number = c & 0x7f;
	if (reader->number != 0x7f)
		return hpack_length_end(reader, path, piece);
	reader->shift = 0;
	reader->state = HPACK_LENGTH_MORE;
	return HTTP2_NOTHING;
}

/* The next letter of a name or value. */
static __always_inline void hpack_letter(struct http2_reader *reader, struct endpoint_reader *path,
					 struct endpoint_piece *piece, __u8 c)
{
	if ((reader->form & HPACK_IN_NAME) || reader->field == HPACK_METHOD) {
		reader->hash = (reader->hash ^ c) * HTTP_HASH_PRIME;
		return;
	}
	if (reader->form & HPACK_OVER)
		return;
	if (reader->field == HPACK_PATH) {
		if (!(text_class[c] & TEXT_TARGET_END)) {
			endpoint_byte(path, piece, c);
			return;
		}
		endpoint_end(path, piece);
		reader->form |= HPACK_OVER;
	} else if (text_class[c] & TEXT_DIGIT) {
		reader->value = reader->value * 10 + (c - '0');
		if (reader->value > 0xffff)
			reader->value = 0xffff;
	} else {
		reader->form |= HPACK_OVER;
	}
}

/* Four bits of a string in Huffman's code: they complete one letter at most. */
PARSE_FUNCTION int hpack_code(struct http2_reader *reader, const struct http2_huffman *huffman,
			      struct endpoint_reader *path, struct endpoint_piece *piece, __u8 bits)
{
	__u32 step = parse_bound((__u32)reader->node << 4 | bits, HTTP2_HUFFMAN_STEPS - 1);
	__u16 next = huffman->steps[step];

	reader->node = next;
	if (next >> 8)
		hpack_letter(reader, path, piece, next >> 8);
	return 0;
}

#endif
