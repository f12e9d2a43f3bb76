// SPDX-License-Identifier: Apache-2.0
/*
 * What the calls of programs say of where a file is probed that cannot be proven by calls of our own:
 * an executable, or a library that somebody else than root of this host could have written. Counted are
 * only calls of objects whose first bytes began an HTTP request (tls_open.bpf.h): what carries
 * something else proves nothing, and its file stays open.
 */
#ifndef OPERAGLASS_TLS_LIVE_CHECK_H
#define OPERAGLASS_TLS_LIVE_CHECK_H

#include "tls.h"

enum tls_live_check {
	TLS_LIVE_OPEN,	/* too few calls to tell */
	TLS_LIVE_RIGHT, /* as many calls as count ended with a result that fits */
	TLS_LIVE_WRONG, /* a result that cannot be, or calls that never end */
};

/* Pure. */
enum tls_live_check tls_live_check(const struct tls_slot *slot);

#endif
