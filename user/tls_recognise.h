// SPDX-License-Identifier: Apache-2.0
/*
 * Which TLS stack a file is, where its functions lie, and if they cannot be found: why. What is
 * said of a file depends on its bytes and its basename only.
 */
#ifndef OPERAGLASS_TLS_RECOGNISE_H
#define OPERAGLASS_TLS_RECOGNISE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config.h"
#include "tls_image.h"
#include "tls_stacks.h"

#define TLS_WHY_SIZE CONFIG_ERROR_SIZE

struct tls_recognition {
	uint32_t stack; /* enum tls_stack_id */
	size_t found;	/* functions with an offset; 0: it cannot be read */
	uint64_t offsets
		[TLS_STACK_FUNCTIONS_MAX]; /* in the file, as the stack's functions; 0: none */
	uint64_t sizes[TLS_STACK_FUNCTIONS_MAX]; /* bytes; 0: not known */
	uint32_t object_at;			 /* struct tls_slot */
	bool refused;				 /* a signature is for it, and wrong */
	const char *by;				 /* what told, in words */
	char why[TLS_WHY_SIZE];			 /* why it cannot be read; empty when it can */
	char misfit[TLS_WHY_SIZE]; /* which signature names the file and is for another build */
	char build_id[TLS_BUILD_ID_SIZE];
	bool may_be_searched; /* by tls_search.h, which takes its time */
};

/*
 * Looks into the file. path: its name, for the basename only. signatures: directories with signature
 * files, ends with NULL; NULL: none. Returns 0, -ENOENT: there is no TLS of its own in it, or
 * -errno as tls_image_read. Reads at most TLS_ELF_READ_MAX and TLS_TEXTS_READ_MAX bytes.
 */
int tls_recognise(int file, const char *path, const char *const *signatures,
		  struct tls_recognition *ret_recognition);

struct tls_search_result;

/* What a search of the same file came to. True: it can be read now. */
bool tls_recognition_search(struct tls_recognition *recognition,
			    const struct tls_search_result *result);

#endif
