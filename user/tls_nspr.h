// SPDX-License-Identifier: Apache-2.0
/*
 * The functions of NSS that NSPR calls for TLS descriptors, which have no symbols.
 *
 * PR_Write and its kin are for every file and socket, and all they do is to call through the descriptor's
 * table of methods. libssl3.so fills the table of TLS descriptors (PRIOMethods, a public structure). It is
 * found by two things that must agree at their places in it, once in the file: its first word, which says
 * that it is a layer's, and its pointer to PR_EmulateSendFile of libnspr4.so, which the file imports by
 * name. Slots must be beginnings of functions. So no other descriptor is ever probed, and nothing guessed.
 */
#ifndef OPERAGLASS_TLS_NSPR_H
#define OPERAGLASS_TLS_NSPR_H

#include <stddef.h>
#include <stdint.h>

#include "tls_image.h"

/*
 * names: of the functions, as "ssl_Write"; ret_offsets, ret_sizes: where each lies in the file, and its
 * bytes. Returns 0, -ENOENT: there is no such table, or not one alone, or -errno of reading.
 */
int tls_nspr_find(const struct tls_image *image, const char *const *names, size_t count,
		  uint64_t *ret_offsets, uint64_t *ret_sizes);

#endif
