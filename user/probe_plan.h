// SPDX-License-Identifier: Apache-2.0
/*
 * Where the probes of one function of one file go, and with which link.
 *
 * Invariant: at both places the stack pointer plus `adjust` is the stack pointer that the function was
 * entered with, so that a call's leave finds its entry.
 */
#ifndef OPERAGLASS_PROBE_PLAN_H
#define OPERAGLASS_PROBE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

/* Raised whenever the same file may get another plan: what was proven of the old one is forgotten. */
#define PROBE_PLAN_VERSION 1

enum probe_scheme {
	PROBE_SCHEME_PLAIN,  /* two plain probes on cheap instructions */
	PROBE_SCHEME_RETURN, /* entry and return probe on a cheap instruction */
	PROBE_SCHEME_CALLEE, /* entry on a cheap call, return probe in the function that it calls */
	PROBE_SCHEME_SYMBOL, /* some probe is single-stepped */
	PROBE_SCHEMES,
};

struct probe_point {
	uint64_t offset; /* in the file */
	int16_t adjust;	 /* bytes */
	bool is_return;	 /* a return probe */
};

struct probe_plan {
	enum probe_scheme scheme;
	struct probe_point entry, leave;
};

struct probe_function {
	int file;
	uint64_t offset;    /* in the file, of the first byte */
	uint64_t size;	    /* 0: not known, the symbol itself is probed */
	unsigned arguments; /* integer arguments that the entry's program reads; 0: the same */
	bool has_leave;
};

struct probe_abilities {
	unsigned classes; /* enum probe_class that are cheap on this kernel */
	bool cookies;	  /* a program can be told its `adjust` */
};

/*
 * Never fails for want of a cheap place: the symbol is left. -EPERM: a probe at the symbol would
 * corrupt the program (a five-byte nop, which 6.18 rewrites to a call that tramples the red zone);
 * else -errno of reading.
 */
int probe_plan_make(const struct probe_function *function, const struct probe_abilities *abilities,
		    struct probe_plan *ret_plan);

/* For messages. */
const char *probe_scheme_name(enum probe_scheme scheme);

#endif
