// SPDX-License-Identifier: Apache-2.0
/*
 * Where a read of OpenSSL shows all of itself at one place.
 *
 * From 1.1.1 to 3.5 at least, SSL_read and SSL_read_ex go through the table of methods to one function,
 * which has records read by another entry of that table, and once more when a renegotiation came between.
 * Behind each of these two calls the result is in its register, and what the read was called with in
 * registers that calls leave alone. A plain probe there costs half of two hits at entry and return, and
 * changes no address of return.
 *
 * Nothing is guessed: table, functions, the arguments of both calls and what lies behind them must be just
 * so, or the read is probed like any other function.
 */
#ifndef OPERAGLASS_TLS_INSIDE_H
#define OPERAGLASS_TLS_INSIDE_H

#include <stdint.h>

struct tls_inside {
	uint64_t first,
		again; /* offsets in the file: behind the call, behind the one that is made again */
	uint64_t keeps; /* TLS_COOKIE_KEEPS of each argument */
};

/* classes: enum probe_class bits that are cheap. 0; -ENOENT: the file is not so; -ENOTSUP: another machine; or
 * -errno of reading. Reads some hundred KiB. */
int tls_inside_find(int file, unsigned classes, struct tls_inside *ret_inside);

#endif
