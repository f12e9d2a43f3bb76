// SPDX-License-Identifier: Apache-2.0
#include "tls_errors.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tls_shape.h"

#define ERRORS_MAX 512	 /* that name the source file; 31 in the largest known */
#define LOADS_MAX  65536 /* of what may be its name's address */

const uint32_t tls_error_reasons[TLS_ERROR_ROWS] = {
	[TLS_ERROR_FILL_UNINITIALISED] = 226, /* SSL_R_UNINITIALIZED */
	[TLS_ERROR_FILL_HANDSHAKE] = 215,     /* SSL_R_SSL_HANDSHAKE_FAILURE */
	[TLS_ERROR_READ_QUIC] = 66,	      /* ERR_R_SHOULD_NOT_HAVE_BEEN_CALLED */
	[TLS_ERROR_WRITE_QUIC] = 66,	      [TLS_ERROR_WRITE_UNINITIALISED] = 226,
	[TLS_ERROR_WRITE_HANDSHAKE] = 215,    [TLS_ERROR_WRITE_LENGTH] = 111, /* SSL_R_BAD_LENGTH */
};

struct search {
	const struct tls_image *image;
	const uint8_t *bytes;
	const char *why;
	uint64_t source; /* address of the name of the source file */
	size_t load_count, count;
	struct tls_error errors[ERRORS_MAX];
};

static int refuse(struct search *search, const char *why)
{
	search->why = why;
	return -ENOENT;
}

uint64_t tls_errors_segment_size(const struct tls_image *image, const Elf64_Phdr *segment)
{
	uint64_t rest;

	if (segment->p_type != PT_LOAD || segment->p_offset >= image->size)
		return 0;
	rest = image->size - segment->p_offset;
	return segment->p_filesz < rest ? segment->p_filesz : rest;
}

/* The name is once in all read-only data; where it begins: behind the end of what is before it. */
static int find_source(struct search *search)
{
	const uint8_t *begin, *end, *at, *first;
	size_t i;

	for (i = 0; i < search->image->segment_count; i++) {
		const Elf64_Phdr *segment = &search->image->segments[i];
		uint64_t size = tls_errors_segment_size(search->image, segment);

		if (segment->p_flags & PF_W || !size)
			continue;
		begin = search->bytes + segment->p_offset;
		end = begin + size;
		for (at = begin; at; at = at ? at + 1 : NULL) {
			at = memmem(at, (size_t)(end - at), TLS_ERRORS_SOURCE,
				    sizeof(TLS_ERRORS_SOURCE));
			if (!at)
				break;
			first = at;
			while (first > begin && first[-1] && at - first < TLS_ERRORS_SOURCE_SIZE)
				first--;
			if (search->source)
				return refuse(search, "the name of BoringSSL's ssl_lib.cc is in it "
						      "more than once");
			search->source = segment->p_vaddr + (uint64_t)(first - begin);
		}
	}
	return search->source ? 0
			      : refuse(search, "the name of BoringSSL's ssl_lib.cc is not in it");
}

/* The first byte of the instruction that loads an address: a constant of 4 bytes into a register, or
 * one relative to the instruction's end. at: of those bytes; there are 3 before them. */
static const uint8_t *load_of(const uint8_t *at, bool is_relative)
{
	if (is_relative)
		return at[-2] == 0x8d && (at[-1] & 0xc7) == 0x05 && (at[-3] & 0xfb) == 0x48 ? at - 3
											    : NULL;
	if ((at[-1] & 0xf8) != 0xb8)
		return NULL;
	return at[-2] == 0x41 ? at - 2 : at - 1;
}

static int take_load(struct search *search, const Elf64_Phdr *segment, const uint8_t *load,
		     const uint8_t *end)
{
	uint64_t offset = (uint64_t)(load - search->bytes);
	struct tls_shape_error error;

	if (++search->load_count > LOADS_MAX)
		return refuse(search, "its code names BoringSSL's ssl_lib.cc too often");
	if (tls_shape_error_at(load, (size_t)(end - load),
			       segment->p_vaddr + offset - segment->p_offset, &error) ||
	    error.file != search->source)
		return 0;
	if (search->count == ERRORS_MAX)
		return refuse(search, "it puts more errors of BoringSSL than are looked at");
	search->errors[search->count++] = (struct tls_error){offset, error.reason, error.line};
	return 0;
}

static int find_loads(struct search *search, const Elf64_Phdr *segment)
{
	const uint8_t *begin = search->bytes + segment->p_offset, *at, *load;
	const uint8_t *end = begin + tls_errors_segment_size(search->image, segment);
	uint32_t source = (uint32_t)search->source, value;
	uint32_t next = (uint32_t)segment->p_vaddr + 3 + sizeof(value); /* behind the value */
	bool is_small = search->source == source;
	int err = 0;

	for (at = begin + 3; !err && end - at >= (ptrdiff_t)sizeof(value); at++, next++) {
		memcpy(&value, at, sizeof(value));
		if (value == source && is_small)
			load = load_of(at, false);
		else if (value + next == source)
			load = load_of(at, true);
		else
			continue;
		if (load)
			err = take_load(search, segment, load, end);
	}
	return err;
}

static int compare_lines(const void *a, const void *b)
{
	const struct tls_error *left = a, *right = b;

	if (left->line != right->line)
		return left->line < right->line ? -1 : 1;
	return left->offset < right->offset ? -1 : left->offset > right->offset;
}

/* The seven errors that come one after the other by their lines, each of them in one place. */
static int choose(struct search *search, struct tls_error ret_errors[TLS_ERROR_ROWS])
{
	const struct tls_error *errors = search->errors, *first;
	size_t i, last = 0, count = 0;

	qsort(search->errors, search->count, sizeof(search->errors[0]), compare_lines);
	for (i = 0; i < search->count; i++)
		if (errors[i].reason == tls_error_reasons[TLS_ERROR_WRITE_LENGTH]) {
			last = i;
			count++;
		}
	if (count != 1)
		return refuse(search,
			      count ? "more than one place of it puts SSL_write's error of "
				      "a bad length"
				    : "no place of it puts SSL_write's error of a bad length");
	if (last < TLS_ERROR_WRITE_LENGTH)
		return refuse(search, "the errors before SSL_write's are missing");
	first = &errors[last - TLS_ERROR_WRITE_LENGTH];
	for (i = 0; i < TLS_ERROR_ROWS; i++)
		if (first[i].reason != tls_error_reasons[i] ||
		    (i && first[i].line == first[i - 1].line))
			return refuse(search, "the errors of SSL_read and SSL_write are not in the "
					      "order of BoringSSL's source, each once");
	memcpy(ret_errors, first, TLS_ERROR_ROWS * sizeof(*first));
	return 0;
}

int tls_errors_find(const struct tls_image *image, const uint8_t *bytes,
		    struct tls_error ret_errors[TLS_ERROR_ROWS], const char **ret_why)
{
	struct search search = {.image = image, .bytes = bytes};
	int err = find_source(&search);
	size_t i;

	for (i = 0; !err && i < image->segment_count; i++)
		if (image->segments[i].p_flags & PF_X &&
		    tls_errors_segment_size(image, &image->segments[i]))
			err = find_loads(&search, &image->segments[i]);
	if (!err)
		err = choose(&search, ret_errors);
	if (err)
		*ret_why = search.why;
	return err;
}
