// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's HPACK reader against libnghttp2's: field sections of any bytes, and of that library's
 * own compressor, one after the other over one dynamic table. As long as the library takes them,
 * both must find the same. Then the bytes as frames, cut anywhere: whatever they are, it must end.
 *
 * Input: sections; each a byte of what it is, a byte of its size, its bytes.
 */
#include <assert.h>
#include <nghttp2/nghttp2.h>
#include <stdint.h>
#include <stdlib.h>

#include "../http2_trace.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	SECTION_MAX = 255,
	BLOCK_MAX = 8192
};

static const char *const names[] = {":method",	  ":path",  ":status", "retry-after",
				    ":authority", "x-\xff", "cookie",  "x-request-id"};
static const char *const values[] = {"GET", "POST", "/", "/bot1:A/getMe", "429", "200", "7", "*/*"};

struct found {
	unsigned char method, has_path;
	_Alignas(__u64) char path[ENDPOINT_NAME_ROOM];
	unsigned int status, retry_after;
};

static unsigned int digits(const nghttp2_vec *value)
{
	unsigned int number = 0;
	size_t i;

	for (i = 0; i < value->len; i++) {
		if (value->base[i] < '0' || value->base[i] > '9')
			return 0;
		number = number * 10 + (unsigned int)(value->base[i] - '0');
		number = number > 0xffff ? 0xffff : number;
	}
	return number;
}

static void note_path(const nghttp2_vec *value, struct found *found)
{
	struct endpoint_piece piece = {};
	struct endpoint_reader reader;
	size_t i;

	endpoint_begin(&reader, UPSTREAM_TELEGRAM);
	for (i = 0; i < value->len && !(text_class[value->base[i]] & TEXT_TARGET_END); i++)
		endpoint_byte(&reader, &piece, value->base[i]);
	endpoint_end(&reader, &piece);
	endpoint_name(&reader, UPSTREAM_TELEGRAM, found->path);
	found->has_path = 1;
}

static void note(const nghttp2_nv *field, struct found *found)
{
	nghttp2_vec value = {field->value, field->valuelen};
	__u64 hash = HTTP_HASH_BASIS;
	size_t i;

	if (field->namelen == 7 && !memcmp(field->name, ":method", 7)) {
		for (i = 0; i < value.len; i++)
			hash = (hash ^ value.base[i]) * HTTP_HASH_PRIME;
		found->method = http_method(hash);
	} else if (field->namelen == 5 && !memcmp(field->name, ":path", 5)) {
		note_path(&value, found);
	} else if (field->namelen == 7 && !memcmp(field->name, ":status", 7)) {
		found->status = digits(&value);
	} else if (field->namelen == 11 && !memcmp(field->name, "retry-after", 11)) {
		found->retry_after = digits(&value);
	}
}

/* False: the library refuses the section. */
static bool inflate(nghttp2_hd_inflater *inflater, const uint8_t *block, size_t size,
		    struct found *found)
{
	nghttp2_nv field;
	ssize_t used;
	int flags;

	memset(found, 0, sizeof(*found));
	do {
		flags = 0;
		used = nghttp2_hd_inflate_hd2(inflater, &field, &flags, block, size, 1);
		if (used < 0)
			return false;
		block += used;
		size -= (size_t)used;
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			note(&field, found);
	} while (!(flags & NGHTTP2_HD_INFLATE_FINAL));
	nghttp2_hd_inflate_end_headers(inflater);
	return true;
}

/* A section as the library makes it of fields that the bytes choose. */
static size_t deflate(nghttp2_hd_deflater *deflater, const uint8_t *bytes, size_t size,
		      uint8_t *block)
{
	nghttp2_nv fields[32];
	size_t at = 0, count = 0, length;
	uint8_t choice;
	ssize_t done;

	if (size && bytes[0] & 1)
		nghttp2_hd_deflate_change_table_size(deflater, (size_t)bytes[0] * 16);
	while (at < size && count < 32) {
		nghttp2_nv *field = &fields[count++];

		choice = bytes[at++];
		field->name = (uint8_t *)(uintptr_t)names[choice & 7];
		field->namelen = strlen(names[choice & 7]);
		field->value = (uint8_t *)(uintptr_t)values[choice >> 3 & 7];
		field->valuelen = strlen(values[choice >> 3 & 7]);
		field->flags = choice & 0x40 ? NGHTTP2_NV_FLAG_NO_INDEX : NGHTTP2_NV_FLAG_NONE;
		if (!(choice & 0x80) || at >= size)
			continue;
		length = bytes[at] & 63;
		at++;
		field->value = (uint8_t *)(uintptr_t)bytes + at;
		field->valuelen = length < size - at ? length : size - at;
		at += field->valuelen;
	}
	done = nghttp2_hd_deflate_hd(deflater, block, BLOCK_MAX, fields, count);
	return done < 0 ? 0 : (size_t)done;
}

static void feed_section(struct http2_trace *trace, const uint8_t *block, size_t size)
{
	uint8_t frame[BLOCK_MAX + 9] = {(uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size,
					HTTP2_FRAME_HEADERS, HTTP2_END_HEADERS};

	memcpy(frame + 9, block, size);
	trace->length = 0;
	http2_trace_feed(trace, frame, size + 9);
}

static void compare(const struct http2_trace *trace, const struct found *found)
{
	const struct http2_reader *reader = &trace->reader;

	assert(!trace->over);
	assert(reader->method == found->method);
	assert(reader->status == found->status);
	assert(reader->retry_after_seconds == found->retry_after);
	/* Of more endpoints than there is room for, the oldest are unknown. */
	assert(reader->has_path == found->has_path ||
	       (!reader->has_path && reader->paths > HTTP2_PATHS));
	if (reader->has_path)
		assert(!memcmp(trace->name, found->path, ENDPOINT_SIZE));
}

static void read_sections(const uint8_t *data, size_t size)
{
	static struct http2_trace trace;
	nghttp2_hd_deflater *deflater;
	nghttp2_hd_inflater *inflater;
	uint8_t block[BLOCK_MAX];
	struct found found;
	size_t length;
	bool good = true;

	if (nghttp2_hd_deflate_new(&deflater, 4096) || nghttp2_hd_inflate_new(&inflater))
		abort();
	http2_trace_init(&trace, true, false, UPSTREAM_TELEGRAM);
	while (good && size > 2) {
		length = data[1] < size - 2 ? data[1] : size - 2;
		if (data[0] & 1) {
			length = length < SECTION_MAX ? length : SECTION_MAX;
			memcpy(block, data + 2, length);
			good = inflate(inflater, block, length, &found);
			feed_section(&trace, block, length);
		} else {
			size_t made = deflate(deflater, data + 2, length, block);

			good = inflate(inflater, block, made, &found);
			feed_section(&trace, block, made);
		}
		if (good)
			compare(&trace, &found);
		data += 2 + length;
		size -= 2 + length;
	}
	nghttp2_hd_deflate_del(deflater);
	nghttp2_hd_inflate_del(inflater);
}

/* Two readers of the same frames, cut differently. */
static void read_frames(const uint8_t *data, size_t size)
{
	static struct http2_trace whole, cut;
	size_t at, step = size ? data[0] % 13 + 1u : 1;

	http2_trace_init(&whole, false, false, UPSTREAM_TELEGRAM);
	http2_trace_init(&cut, false, false, UPSTREAM_TELEGRAM);
	http2_trace_feed(&whole, data, size);
	for (at = 0; at < size; at += step)
		http2_trace_feed(&cut, data + at, size - at < step ? size - at : step);
	assert(!strcmp(whole.text, cut.text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_sections(data, size);
	read_frames(data, size);
	return 0;
}
