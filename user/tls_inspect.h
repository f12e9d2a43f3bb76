// SPDX-License-Identifier: Apache-2.0
/* `operaglass tls inspect`: what a file is, and why it can or cannot be read. */
#ifndef OPERAGLASS_TLS_INSPECT_H
#define OPERAGLASS_TLS_INSPECT_H

#include <stdbool.h>
#include <stdio.h>

#include "tls_recognise.h"

struct tls_inspection {
	const char *path;
	int err; /* of tls_recognise; with one, only `why` and `image` mean anything */
	struct tls_recognition found;
	char build_id[TLS_BUILD_ID_SIZE];
	const char *type; /* "executable", "shared object", "no ELF of this machine" */
	const char *why;  /* why it cannot be read; empty when it can */
};

/* Reads an open file. Returns 0, also for a file that is no ELF; or -errno when it cannot be read. */
int tls_inspect(int file, const char *path, const char *const *signatures,
		struct tls_inspection *ret_inspection);

/* Its calls are decoded, in it or in the file that it calls. */
bool tls_inspect_readable(const struct tls_inspection *inspection);

void tls_inspect_print_table(const struct tls_inspection *inspection, FILE *out);
void tls_inspect_print_json(const struct tls_inspection *inspection, FILE *out);

#endif
