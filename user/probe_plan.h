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
	PROBE_SCHEME_INNER, /* entry and return probe on a cheap instruction of the function called */
	PROBE_SCHEME_SHARED, /* no probe: all it does is seen in the function that another one calls */
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
	uint64_t callee; /* CALLEE, INNER: where the function called begins; else 0 */
	struct probe_point entry, leave;
};

struct probe_function {
	int file;
	uint64_t offset;    /* in the file, of the first byte */
	uint64_t size;	    /* 0: not known, the symbol itself is probed */
	unsigned arguments; /* integer arguments that the entry's program reads; 0: the same */
	bool has_leave;
};

/*
 * classes: enum probe_class that are cheap on this kernel. Never fails for want of a cheap place: the
 * symbol is left. 0 or -errno of reading.
 */
int probe_plan_make(const struct probe_function *function, unsigned classes,
		    struct probe_plan *ret_plan);

/*
 * When the function planned as CALLEE and `other` hand everything on to the same inner function, both
 * are read there, each call by two cheap probes instead of three: *plan becomes INNER, *other_plan SHARED.
 */
void probe_plan_share(struct probe_plan *plan, const struct probe_function *other,
		      struct probe_plan *other_plan);

/*
 * The last word. cookies: a program can be told its `adjust`; else places that need one are given up
 * for the symbol. -EPERM: a probe there would corrupt the program.
 */
int probe_plan_settle(const struct probe_function *function, bool cookies, struct probe_plan *plan);

/* For messages. */
const char *probe_scheme_name(enum probe_scheme scheme);

#endif
