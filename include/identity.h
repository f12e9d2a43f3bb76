/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_IDENTITY_H
#define OPERAGLASS_IDENTITY_H

#include <linux/types.h>

/*
 * Map `identity`: array of one. Says whose maps and programs are pinned beside it; pinned last, so
 * a directory without it was never finished and is replaced.
 */
struct identity {
	__u64 hash;	  /* over every program and everything that is fixed at load */
	__u64 started_ns; /* CLOCK_BOOTTIME of the load: counters count since then */
	char version[32]; /* of the program that loaded it, for people */
};

_Static_assert(sizeof(struct identity) == 48, "contract");

#endif
