// SPDX-License-Identifier: Apache-2.0
/* TLS code without symbols, known by the texts that it carries: names of its own source files. */
#ifndef OPERAGLASS_TLS_TEXTS_H
#define OPERAGLASS_TLS_TEXTS_H

#include "tls_image.h"

struct tls_text {
	const char *text;
	uint32_t stack; /* enum tls_stack_id */
	const char *why;
};

/* The first row of the table whose text is in the read-only data. 0, -ENOENT or -errno. Reads no
 * more than TLS_TEXTS_READ_MAX bytes. */
int tls_texts_find(const struct tls_image *image, const struct tls_text **ret_text);

#define TLS_TEXTS_READ_MAX (192ULL * 1024 * 1024)

#endif
