// SPDX-License-Identifier: Apache-2.0
/*
 * Where functions begin and end, as the table says by which exceptions find their way back (.eh_frame_hdr of
 * the Linux Standard Base). Stripping leaves it in place; a few programs are built without it.
 */
#ifndef OPERAGLASS_TLS_UNWIND_H
#define OPERAGLASS_TLS_UNWIND_H

#include "tls_image.h"

/*
 * The begin of the function that has the byte at this offset of the file, as an offset, too, and its
 * bytes. 0; -ENOENT: no table tells; -EBADMSG: the table is not in the file. Reads some 30 times 8 bytes.
 */
int tls_unwind_function(const struct tls_image *image, uint64_t offset, uint64_t *ret_begin,
			uint64_t *ret_size);

/* Its begin only. */
int tls_unwind_begin(const struct tls_image *image, uint64_t offset, uint64_t *ret_begin);

#endif
