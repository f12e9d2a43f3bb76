// SPDX-License-Identifier: Apache-2.0
/*
 * The outline of an ELF file: segments, sections and their names, build-id. The file may be
 * anything: it is read with pread only, every offset and size is checked against the file, and the
 * outline costs at most some 200 KiB of reading.
 */
#ifndef OPERAGLASS_TLS_IMAGE_H
#define OPERAGLASS_TLS_IMAGE_H

#include <elf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TLS_IMAGE_SEGMENTS = 64,
	TLS_IMAGE_SECTIONS = 256,
	TLS_IMAGE_NAMES_SIZE = 16 * 1024, /* of the names of sections */
	TLS_BUILD_ID_SIZE = 2 * 32 + 1,	  /* hexadecimal and NUL; 20 bytes is usual */
};

struct tls_image {
	int file;
	uint64_t size;
	uint16_t type; /* ET_EXEC or ET_DYN */
	size_t segment_count, section_count;
	Elf64_Phdr segments[TLS_IMAGE_SEGMENTS];
	Elf64_Shdr sections[TLS_IMAGE_SECTIONS];
	char names[TLS_IMAGE_NAMES_SIZE]; /* ends with NUL */
	char build_id[TLS_BUILD_ID_SIZE]; /* empty: none */
};

/* 0, or -errno: -ENOEXEC no 64-bit ELF of this machine, -EBADMSG it contradicts itself. A file
 * without sections, or with too many, is read as one with none. */
int tls_image_read(int file, struct tls_image *ret_image);

/* `size` bytes at `offset`, all of them: 0 or -errno; -EBADMSG when they are not in the file. */
int tls_image_bytes(const struct tls_image *image, uint64_t offset, void *ret_bytes, size_t size);

/* NULL: there is none, or its bytes are not in the file. */
const Elf64_Shdr *tls_image_section(const struct tls_image *image, const char *name);

/* Where in the file the byte at this address lies; 0: nowhere. Only executable segments if `code`. */
uint64_t tls_image_offset(const struct tls_image *image, uint64_t address, bool code);

/* Whether `size` bytes at this place of the file are mapped executable. */
bool tls_image_is_code(const struct tls_image *image, uint64_t offset, uint64_t size);

#endif
