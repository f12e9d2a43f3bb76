// SPDX-License-Identifier: Apache-2.0
/*
 * Which pointers the dynamic linker will write into a file's data: those to functions of other files by
 * name, those into the file itself by address. The file may be anything; what is read of it is bounded.
 */
#ifndef OPERAGLASS_TLS_RELOCATIONS_H
#define OPERAGLASS_TLS_RELOCATIONS_H

#include "tls_image.h"

#define TLS_RELOCATIONS_MAX 16384 /* a library of TLS has a thousand or two */

struct tls_relocations {
	const struct tls_image *image;
	Elf64_Rela *rows;
	size_t count;
	uint64_t symbols, names, names_size; /* file offsets; size of the names */
};

/* 0, -ENOENT: none; -EBADMSG, -E2BIG, -ENOMEM or -errno of reading. The image must outlive it. */
int tls_relocations_read(const struct tls_image *image, struct tls_relocations *ret_relocations);
void tls_relocations_release(struct tls_relocations *relocations);

/* The addresses at which a pointer to the imported `name` will be; how many, at most `max`. */
size_t tls_relocations_named(const struct tls_relocations *relocations, const char *name,
			     uint64_t *ret_addresses, size_t max);

/* The eight bytes that will be at this address; false: another file's business, or not known. */
bool tls_relocations_value(const struct tls_relocations *relocations, uint64_t address,
			   uint64_t *ret_value);

#endif
