// SPDX-License-Identifier: Apache-2.0
/*
 * The places in a file's code that put the errors of BoringSSL's SSL_read and SSL_write: the first of
 * the two anchors of tls_anchors.h. Pure.
 */
#ifndef OPERAGLASS_TLS_ERRORS_H
#define OPERAGLASS_TLS_ERRORS_H

#include <stdint.h>

#include "tls_image.h"

#define TLS_ERRORS_SOURCE      "boringssl/ssl/ssl_lib.cc"
#define TLS_ERRORS_SOURCE_SIZE 256 /* of the whole name, at most */

/* In the order of the source's lines. */
enum tls_error_row {
	TLS_ERROR_FILL_UNINITIALISED, /* ssl_read_impl */
	TLS_ERROR_FILL_HANDSHAKE,
	TLS_ERROR_READ_QUIC, /* SSL_peek, part of SSL_read */
	TLS_ERROR_WRITE_QUIC,
	TLS_ERROR_WRITE_UNINITIALISED,
	TLS_ERROR_WRITE_HANDSHAKE,
	TLS_ERROR_WRITE_LENGTH,
	TLS_ERROR_ROWS
};

extern const uint32_t tls_error_reasons[TLS_ERROR_ROWS];

struct tls_error {
	uint64_t offset; /* in the file, of code that puts it */
	uint32_t reason, line;
};

/* The bytes of this segment that are in the file; 0: it is not loaded. */
uint64_t tls_errors_segment_size(const struct tls_image *image, const Elf64_Phdr *segment);

/* bytes: the whole file. 0; -ENOENT with the reason in *ret_why, a constant. */
int tls_errors_find(const struct tls_image *image, const uint8_t *bytes,
		    struct tls_error ret_errors[TLS_ERROR_ROWS], const char **ret_why);

#endif
