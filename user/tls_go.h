// SPDX-License-Identifier: Apache-2.0
/*
 * Where Go's crypto/tls is probed. Go moves stacks, so that no return is ever probed:
 *  - a write at the jump behind the check of the stack's size, the first of (*Conn).Write:
 *    AX, BX, CX are still the object, the buffer and its length;
 *  - a read at the call of runtime.memmove in (*Conn).Read, which copies the plain text: BX and CX
 *    are its place and length, and the object lies on the stack.
 * Both are instructions that kernels emulate. Other code than this is refused, not guessed at.
 */
#ifndef OPERAGLASS_TLS_GO_H
#define OPERAGLASS_TLS_GO_H

#include "tls_image.h"

struct tls_go_sites {
	uint64_t write, read; /* in the file */
	uint32_t object_at;   /* bytes from the stack pointer to the object, at `read` */
};

/* 0; -ENOENT: no Go, or without crypto/tls; -ENOTSUP: there, but not of a shape that is known, *ret_why
 * says which; or -errno. */
int tls_go_find(const struct tls_image *image, struct tls_go_sites *ret_sites,
		const char **ret_why);

/* Pure: the sites in a function's code. Offset of the site, or -ENOTSUP. */
int tls_go_write_site(const uint8_t *code, size_t size);

/* address: of the code's first byte; copy: of runtime.memmove. */
int tls_go_read_site(const uint8_t *code, size_t size, uint64_t address, uint64_t copy,
		     uint32_t *ret_object_at);

#endif
