// SPDX-License-Identifier: Apache-2.0
/*
 * What a function of machine code does with its arguments, as far as it takes to know BoringSSL's
 * SSL_write and SSL_read again in a file without symbols. Pure: bytes in, facts out.
 *
 * Each instruction is walked once, along with what each register holds; where two ways meet before it,
 * only what both brought counts. Nothing is executed, every count is bounded.
 */
#ifndef OPERAGLASS_TLS_SHAPE_H
#define OPERAGLASS_TLS_SHAPE_H

#include <stddef.h>
#include <stdint.h>

#define TLS_SHAPE_CODE_MAX   4096 /* bytes; both take some 400 */
#define TLS_SHAPE_ERRORS_MAX 16

/*
 * A call of the library's error function: ERR_put_error(lib, unused, reason, file, line), or without
 * the argument that nobody uses, which compilers of whole programs leave out. Only those of lib 16.
 */
struct tls_shape_error {
	uint64_t file; /* address of the name of the source file */
	uint32_t reason, line;
};

enum {
	/* SSL_write(ssl, buffer, number) */
	TLS_SHAPE_RESETS = 1 << 0,  /* clears a member of ssl->s3 before it calls anything */
	TLS_SHAPE_REFUSES = 1 << 1, /* tests whether the number is negative */
	TLS_SHAPE_HANDS =
		1 << 2, /* calls through ssl->method, with ssl first, buffer and number last */
	TLS_SHAPE_WRITES = TLS_SHAPE_RESETS | TLS_SHAPE_REFUSES | TLS_SHAPE_HANDS,
	/* SSL_read(ssl, buffer, number) */
	TLS_SHAPE_FILLS =
		1 << 3, /* calls a function with ssl, and tests whether it returned more than 0 */
	TLS_SHAPE_WANTS = 1 << 4,    /* tests whether the number is more than 0 */
	TLS_SHAPE_COPIES = 1 << 5,   /* calls with the buffer and a pointer from ssl->s3 */
	TLS_SHAPE_CONSUMES = 1 << 6, /* moves that pointer on, and what is left behind it */
	TLS_SHAPE_READS = TLS_SHAPE_FILLS | TLS_SHAPE_WANTS | TLS_SHAPE_COPIES | TLS_SHAPE_CONSUMES,
};

struct tls_shape {
	unsigned facts;	  /* TLS_SHAPE_ */
	size_t size;	  /* bytes of the function */
	int64_t fills_by; /* FILLS: offset of that function from this one's first byte */
	size_t error_count;
	struct tls_shape_error errors[TLS_SHAPE_ERRORS_MAX]; /* in the order of the code */
};

/*
 * Walks the function that begins with the first byte of `code` and lies at `address`. 0; -EINVAL: it
 * does not end within `size` or TLS_SHAPE_CODE_MAX bytes, or they are no code, or it branches too
 * much; -ENOTSUP on other machines.
 */
int tls_shape_of(const uint8_t *code, size_t size, uint64_t address, struct tls_shape *ret_shape);

/*
 * The error that is put by the code at `code`, which begins with loading the name of its file: 0, or
 * -ENOENT when no such call or jump comes soon, or -ENOTSUP.
 */
int tls_shape_error_at(const uint8_t *code, size_t size, uint64_t address,
		       struct tls_shape_error *ret_error);

#endif
