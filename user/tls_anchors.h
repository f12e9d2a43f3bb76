// SPDX-License-Identifier: Apache-2.0
/*
 * Where SSL_write and SSL_read of BoringSSL lie in a file without symbols (Bun, and what is built with
 * it). Nothing is guessed: two anchors that know nothing of each other must single out the same
 * functions, and no others.
 *
 *  - The library's own errors (tls_errors.h). Each is put with the name of its source file, a reason
 *    and a line. By their lines follow one another those of ssl_read_impl (not initialised, handshake
 *    failed), of SSL_peek, which is part of SSL_read (QUIC), and of SSL_write (QUIC, not initialised,
 *    handshake failed, bad length); and a bad length is nowhere else.
 *  - The shape of the functions: what they do with their arguments (tls_shape.h), all code considered.
 */
#ifndef OPERAGLASS_TLS_ANCHORS_H
#define OPERAGLASS_TLS_ANCHORS_H

#include <stdint.h>

#include "tls_image.h"

/* Bytes of all segments; more is refused. The largest known has 360 MiB. */
#define TLS_ANCHORS_MAX (1024ULL * 1024 * 1024)

struct tls_anchors {
	uint64_t write, read; /* in the file, of the first instruction */
	uint64_t write_size, read_size;
};

/*
 * Pure. bytes: the whole file, image->size of them. 0; -ENOENT with the reason in *ret_why, a constant:
 * an anchor does not hold, or holds twice, or they disagree; -ENOMEM. Takes some 0.3 s for 100 MiB.
 */
int tls_anchors_find(const struct tls_image *image, const uint8_t *bytes,
		     struct tls_anchors *ret_anchors, const char **ret_why);

/*
 * Whether the functions at these places are what both anchors ask for; not whether there are others.
 * Reads some 12 KiB of the file. For places that were found in a file of the same build-id, which
 * anybody can write into his own. If so, the sizes are set.
 */
bool tls_anchors_fit(const struct tls_image *image, struct tls_anchors *anchors);

#endif
