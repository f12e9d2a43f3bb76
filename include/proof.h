/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_PROOF_H
#define OPERAGLASS_PROOF_H

#include <linux/types.h>

/* What bpf/probe_proof.bpf.c tells user/probe_proof.c: one hit of a probe that is being proven. */

/* In the attach cookie beside those of include/tls.h: the place is a leave. */
#define PROOF_COOKIE_LEAVE (1ULL << 60)
/* The fourth argument is in the fifth one's register. */
#define PROOF_COOKIE_MOVED (1ULL << 61)
/* It is a return that is to be seen, not what the probe is placed at. */
#define PROOF_COOKIE_RETURN (1ULL << 62)
/* It is a place inside a read: entry and leave are one hit. */
#define PROOF_COOKIE_INSIDE (1ULL << 63)

/* Value of ring buffer `proof_hits`. */
struct proof_hit {
	__u64 cookie;
	__u64 stack; /* pointer at the function's first instruction */
	__u64 arguments
		[4];  /* as the registers hold them; INSIDE: the last is whether it only peeks */
	__u64 result; /* the register of it */
	__u64 moved;  /* leave, INSIDE: what the entry's fourth argument points to */
};

enum {
	PROOF_FUNCTIONS = 8,
	PROOF_HITS_SIZE = 256 * 1024, /* bytes: some 3,000 hits, of 1,500 at most */
};

_Static_assert(sizeof(struct proof_hit) == 64, "contract");

#endif
