// SPDX-License-Identifier: Apache-2.0
#include "tls_anchors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tls_errors.h"
#include "tls_shape.h"

#define SPOTS_MAX 1024 /* that a function is looked for around */
#define ALIGNMENT 16   /* of functions; others are not found */
#define REACH	  512  /* bytes from a function's begin to what it is known by */
#define INT3	  0xcc /* what linkers put between functions */

/* What is looked for by its shape. */
struct kind {
	unsigned facts;
	const char *none, *many;
};

enum kind_row {
	KIND_WRITE,
	KIND_READ,
	KINDS
};

static const struct kind kinds[KINDS] = {
	[KIND_WRITE] = {TLS_SHAPE_WRITES, "no function has the shape of BoringSSL's SSL_write",
			"more than one function has the shape of BoringSSL's SSL_write"},
	[KIND_READ] = {TLS_SHAPE_READS, "no function has the shape of BoringSSL's SSL_read",
		       "more than one function has the shape of BoringSSL's SSL_read"},
};

struct search {
	const struct tls_image *image;
	const uint8_t *bytes;
	const char *why;
	size_t spot_count;
	uint64_t spots[SPOTS_MAX]; /* offsets, in any order */
	struct tls_error errors[TLS_ERROR_ROWS];
	struct {
		uint64_t offset; /* 0: none yet */
		struct tls_shape shape;
	} found[KINDS];
};

static int refuse(struct search *search, const char *why)
{
	search->why = why;
	return -ENOENT;
}

static int32_t read_int(const uint8_t *bytes)
{
	int32_t value;

	memcpy(&value, bytes, sizeof(value));
	return value;
}

/* --- the shape ------------------------------------------------------------------------------------ */

static bool has_wide_prefix(uint8_t byte)
{
	return (byte & 0xf8) == 0x48;
}

/* `mov 0x30(%rdi),%reg`, then `movl $0,…(%reg)`: SSL_write's first deed. at: the second byte of each
 * that is common, 0x30. There are 3 bytes before it and 12 behind. */
static bool is_reset(const uint8_t *at)
{
	unsigned reg = at[-1] >> 3 & 7;

	if ((at[-3] & 0xfb) != 0x48 || at[-2] != 0x8b || (at[-1] & 0xc7) != 0x47)
		return false;
	at += at[-3] == 0x4c && at[1] == 0x41; /* one of the upper eight */
	return at[1] == 0xc7 && at[2] == (0x80 | reg) && !read_int(at + 7);
}

/* `add %reg,N(%base)`, then `mov %reg,N+8(%base)`: what is left moves on, SSL_read's last deed. at:
 * the first one's second byte. There is 1 byte before it and 13 behind. */
static bool is_moving_on(const uint8_t *at)
{
	return has_wide_prefix(at[-1]) && (at[1] & 0xc0) == 0x80 && has_wide_prefix(at[6]) &&
	       at[7] == 0x89 && (at[8] & 0xc7) == (at[1] & 0xc7) && (at[6] & 1) == (at[-1] & 1) &&
	       (uint32_t)read_int(at + 9) == (uint32_t)read_int(at + 2) + 8;
}

static int take_spot(struct search *search, uint64_t offset)
{
	if (search->spot_count == SPOTS_MAX)
		return refuse(search, "more of its code looks like BoringSSL's than is looked at");
	search->spots[search->spot_count++] = offset;
	return 0;
}

static int find_spots(struct search *search, const Elf64_Phdr *segment)
{
	const uint8_t *begin = search->bytes + segment->p_offset;
	const uint8_t *end = begin + tls_errors_segment_size(search->image, segment), *at;
	int err = 0;

	for (at = begin + 3; !err && end - at > 13; at++)
		if ((*at == 0x30 && is_reset(at)) || (*at == 0x01 && is_moving_on(at)))
			err = take_spot(search, (uint64_t)(at - search->bytes));
	return err;
}

/* A bit for each ALIGNMENT bytes of the segment: whether direct calls of it go there. */
static uint8_t *find_calls(const uint8_t *begin, uint64_t size, uint64_t address)
{
	uint8_t *called = calloc(size / ALIGNMENT / 8 + 1, 1);
	const uint8_t *at = begin, *end = begin + size;
	uint64_t target;

	while (called && end - at >= 5) {
		at = memchr(at, 0xe8, (size_t)(end - at) - 4);
		if (!at)
			break;
		target = (uint64_t)(at + 5 - begin) + (uint64_t)(int64_t)read_int(at + 1);
		if (target < size && (address + target) % ALIGNMENT == 0)
			called[target / ALIGNMENT / 8] |= (uint8_t)(1 << target / ALIGNMENT % 8);
		at++;
	}
	return called;
}

static int judge(struct search *search, const Elf64_Phdr *segment, uint64_t offset)
{
	uint64_t size = tls_errors_segment_size(search->image, segment);
	struct tls_shape shape;
	size_t i;

	if (tls_shape_of(search->bytes + offset, segment->p_offset + size - offset,
			 segment->p_vaddr + offset - segment->p_offset, &shape))
		return 0;
	for (i = 0; i < KINDS; i++) {
		if ((shape.facts & kinds[i].facts) != kinds[i].facts)
			continue;
		if (search->found[i].offset && search->found[i].offset != offset)
			return refuse(search, kinds[i].many);
		search->found[i].offset = offset;
		search->found[i].shape = shape;
	}
	return 0;
}

/* Tries each place before a spot that follows the padding between functions, or that is called. */
static int judge_spots(struct search *search, const Elf64_Phdr *segment)
{
	const uint8_t *begin = search->bytes + segment->p_offset;
	uint64_t size = tls_errors_segment_size(search->image, segment), spot, at, judged = 0;
	uint8_t *called = find_calls(begin, size, segment->p_vaddr);
	int err = called ? 0 : -ENOMEM;
	size_t i;

	for (i = 0; !err && i < search->spot_count; i++) {
		spot = search->spots[i] - segment->p_offset;
		if (search->spots[i] < segment->p_offset || spot >= size)
			continue;
		at = spot > REACH ? spot - REACH : 0;
		at = judged > at ? judged : at; /* in rising order: each place once */
		at += ALIGNMENT - (segment->p_vaddr + at) % ALIGNMENT;
		judged = spot;
		for (; !err && at <= spot; at += ALIGNMENT)
			if (begin[at - 1] == INT3 ||
			    called[at / ALIGNMENT / 8] & 1 << at / ALIGNMENT % 8)
				err = judge(search, segment, segment->p_offset + at);
	}
	free(called);
	return err;
}

/* --- both ----------------------------------------------------------------------------------------- */

static bool lies_in(const struct tls_error *error, uint64_t offset, const struct tls_shape *shape)
{
	return error->offset >= offset && error->offset - offset < shape->size;
}

/* Whether the errors of ssl_read_impl are put in SSL_read or in the function that it calls first. */
static bool fills(const struct search *search)
{
	const struct tls_error *errors = search->errors;
	const struct tls_shape *read = &search->found[KIND_READ].shape;
	uint64_t offset = search->found[KIND_READ].offset;
	struct tls_shape shape;

	if (lies_in(&errors[TLS_ERROR_FILL_UNINITIALISED], offset, read) &&
	    lies_in(&errors[TLS_ERROR_FILL_HANDSHAKE], offset, read))
		return true;
	offset += (uint64_t)read->fills_by;
	return tls_image_is_code(search->image, offset, 1) &&
	       !tls_shape_of(search->bytes + offset, search->image->size - offset, 0, &shape) &&
	       lies_in(&errors[TLS_ERROR_FILL_UNINITIALISED], offset, &shape) &&
	       lies_in(&errors[TLS_ERROR_FILL_HANDSHAKE], offset, &shape);
}

static int agree(struct search *search)
{
	size_t i;

	for (i = 0; i < KINDS; i++)
		if (!search->found[i].offset)
			return refuse(search, kinds[i].none);
	for (i = TLS_ERROR_WRITE_QUIC; i <= TLS_ERROR_WRITE_LENGTH; i++)
		if (!lies_in(&search->errors[i], search->found[KIND_WRITE].offset,
			     &search->found[KIND_WRITE].shape))
			return refuse(search, "the function with the shape of SSL_write does not "
					      "put its errors");
	if (!lies_in(&search->errors[TLS_ERROR_READ_QUIC], search->found[KIND_READ].offset,
		     &search->found[KIND_READ].shape) ||
	    !fills(search))
		return refuse(search, "the function with the shape of SSL_read does not put its "
				      "errors");
	return 0;
}

static int in_code(struct search *search, int (*look)(struct search *, const Elf64_Phdr *))
{
	int err = 0;
	size_t i;

	for (i = 0; !err && i < search->image->segment_count; i++)
		if (search->image->segments[i].p_flags & PF_X &&
		    tls_errors_segment_size(search->image, &search->image->segments[i]))
			err = look(search, &search->image->segments[i]);
	return err;
}

static int find(struct search *search)
{
	uint64_t loaded = 0;
	size_t i;
	int err;

	for (i = 0; i < search->image->segment_count; i++)
		loaded += tls_errors_segment_size(search->image, &search->image->segments[i]);
	if (loaded > TLS_ANCHORS_MAX)
		return refuse(search, "it loads more than is looked at");
	err = tls_errors_find(search->image, search->bytes, search->errors, &search->why);
	if (!err)
		err = in_code(search, find_spots);
	if (!err)
		err = in_code(search, judge_spots);
	return err ? err : agree(search);
}

int tls_anchors_find(const struct tls_image *image, const uint8_t *bytes,
		     struct tls_anchors *ret_anchors, const char **ret_why)
{
	struct search *search = calloc(1, sizeof(*search));
	int err;

	if (!search)
		return -ENOMEM;
	search->image = image;
	search->bytes = bytes;
	err = find(search);
	if (!err)
		*ret_anchors = (struct tls_anchors){
			.write = search->found[KIND_WRITE].offset,
			.read = search->found[KIND_READ].offset,
			.write_size = search->found[KIND_WRITE].shape.size,
			.read_size = search->found[KIND_READ].shape.size,
		};
	else if (search->why)
		*ret_why = search->why;
	free(search);
	return err;
}

/* --- places that were found before ---------------------------------------------------------------- */

/* The function that lies there, with what it puts into `errors` in the order of lines. */
static int shape_at(const struct tls_image *image, uint64_t offset, struct tls_shape *ret_shape)
{
	uint8_t code[TLS_SHAPE_CODE_MAX];
	uint64_t size, address;
	size_t i;
	int err;

	for (i = 0; i < image->segment_count; i++) {
		const Elf64_Phdr *segment = &image->segments[i];

		size = tls_errors_segment_size(image, segment);
		if (!(segment->p_flags & PF_X) || offset < segment->p_offset ||
		    offset - segment->p_offset >= size)
			continue;
		address = segment->p_vaddr + offset - segment->p_offset;
		size -= offset - segment->p_offset;
		size = size < sizeof(code) ? size : sizeof(code);
		err = tls_image_bytes(image, offset, code, size);
		return err ? err : tls_shape_of(code, size, address, ret_shape);
	}
	return -ENOENT;
}

/* Whether this is the name of the source file. */
static bool is_source(const struct tls_image *image, uint64_t address)
{
	char name[TLS_ERRORS_SOURCE_SIZE + sizeof(TLS_ERRORS_SOURCE)];
	uint64_t offset = tls_image_offset(image, address, false), rest = image->size - offset;
	size_t length, end = sizeof(TLS_ERRORS_SOURCE) - 1;

	if (!offset ||
	    tls_image_bytes(image, offset, name, rest < sizeof(name) ? rest : sizeof(name)))
		return false;
	length = strnlen(name, rest < sizeof(name) ? rest : sizeof(name));
	return length >= end && length < sizeof(name) && length < rest &&
	       !strcmp(name + length - end, TLS_ERRORS_SOURCE);
}

/* The next line where a function puts an error with this reason and name; 0: there is none. */
static uint32_t line_after(const struct tls_shape *shape, uint64_t source, uint32_t reason,
			   uint32_t after)
{
	const struct tls_shape_error *error = shape->errors;
	uint32_t line = 0;
	size_t i;

	for (i = 0; i < shape->error_count; i++, error++)
		if (error->reason == reason && error->file == source && error->line > after &&
		    (!line || error->line < line))
			line = error->line;
	return line;
}

bool tls_anchors_fit(const struct tls_image *image, struct tls_anchors *anchors)
{
	struct tls_shape write, read, fill;
	const struct tls_shape *puts[TLS_ERROR_ROWS];
	uint32_t line = 0;
	uint64_t source;
	size_t i;

	if (shape_at(image, anchors->write, &write) || shape_at(image, anchors->read, &read) ||
	    (write.facts & TLS_SHAPE_WRITES) != TLS_SHAPE_WRITES ||
	    (read.facts & TLS_SHAPE_READS) != TLS_SHAPE_READS || !write.error_count ||
	    shape_at(image, anchors->read + (uint64_t)read.fills_by, &fill))
		return false;
	source = write.errors[0].file;
	for (i = 0; i < TLS_ERROR_ROWS; i++)
		puts[i] = i < TLS_ERROR_READ_QUIC    ? &fill
			  : i == TLS_ERROR_READ_QUIC ? &read
						     : &write;
	if (!line_after(&fill, source, tls_error_reasons[0], 0))
		puts[0] = puts[1] = &read; /* it is part of it */
	for (i = 0; i < TLS_ERROR_ROWS; i++) {
		line = line_after(puts[i], source, tls_error_reasons[i], line);
		if (!line)
			return false;
	}
	if (!is_source(image, source))
		return false;
	anchors->write_size = write.size;
	anchors->read_size = read.size;
	return true;
}
