// SPDX-License-Identifier: Apache-2.0
#include "tls_texts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tls.h"

#define BLOCK_SIZE   (1024 * 1024)
#define TEXT_MAX     32
#define NO_SIGNATURE "its symbols are stripped and no signature fits its build-id"

static const struct tls_text texts[] = {
	{"boringssl/ssl/ssl_lib.cc", TLS_STACK_BORINGSSL, NO_SIGNATURE},
	{"ssl/statem/statem_clnt.c", TLS_STACK_STATIC, "its symbols are stripped"},
	{"/src/client/tls13.rs", TLS_STACK_RUSTLS,
	 "rustls is compiled into each program in its own way: its calls are timed at the socket"},
	{"/src/client/hs.rs", TLS_STACK_RUSTLS,
	 "rustls is compiled into each program in its own way: its calls are timed at the socket"},
};

#define TEXTS (sizeof(texts) / sizeof(texts[0]))

/* The lowest row found so far; a block begins with the end of the one before it. */
static int scan(const struct tls_image *image, uint64_t offset, uint64_t size, char *block,
		size_t *best)
{
	uint64_t at = 0, length;
	size_t i;
	int err;

	while (at < size && *best) {
		length = size - at < BLOCK_SIZE ? size - at : BLOCK_SIZE;
		err = tls_image_bytes(image, offset + at, block, length);
		if (err)
			return err;
		for (i = 0; i < *best; i++)
			if (memmem(block, length, texts[i].text, strlen(texts[i].text))) {
				*best = i;
				break;
			}
		if (length < BLOCK_SIZE)
			break;
		at += length - TEXT_MAX;
	}
	return 0;
}

/* All that is loaded and not written to, where nothing tells which part of it is no code. */
static int scan_segments(const struct tls_image *image, char *block, size_t *best)
{
	uint64_t budget = TLS_TEXTS_READ_MAX, size;
	size_t i;
	int err = 0;

	for (i = 0; !err && i < image->segment_count && *best && budget; i++) {
		const Elf64_Phdr *segment = &image->segments[i];

		if (segment->p_type != PT_LOAD || segment->p_flags & PF_W ||
		    segment->p_offset >= image->size)
			continue;
		size = image->size - segment->p_offset;
		size = segment->p_filesz < size ? segment->p_filesz : size;
		size = size < budget ? size : budget;
		budget -= size;
		err = scan(image, segment->p_offset, size, block, best);
	}
	return err;
}

int tls_texts_find(const struct tls_image *image, const struct tls_text **ret_text)
{
	const Elf64_Shdr *constants = tls_image_section(image, ".rodata");
	char *block = malloc(BLOCK_SIZE);
	size_t best = TEXTS;
	int err = -ENOMEM;

	if (block && constants && constants->sh_size <= TLS_TEXTS_READ_MAX)
		err = scan(image, constants->sh_offset, constants->sh_size, block, &best);
	else if (block)
		err = scan_segments(image, block, &best);
	free(block);
	if (err)
		return err;
	if (best == TEXTS)
		return -ENOENT;
	*ret_text = &texts[best];
	return 0;
}
