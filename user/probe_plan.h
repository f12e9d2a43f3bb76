// SPDX-License-Identifier: Apache-2.0
/*
 * Where the probes of one function of one file go, and with which link: two plain probes on cheap
 * instructions; else a return probe on one; else one at the entry alone; else none. What is single-stepped
 * is left out unless it is asked for, or this machine has nothing else.
 *
 * Invariant: at both places the stack pointer plus `adjust` is the stack pointer that the function was
 * entered with, so that a call's leave finds its entry.
 */
#ifndef OPERAGLASS_PROBE_PLAN_H
#define OPERAGLASS_PROBE_PLAN_H

#include <stdbool.h>
#include <stdint.h>

/* Raised whenever the same file may get another plan: what was proven of the old one is forgotten. */
#define PROBE_PLAN_VERSION 3

enum probe_scheme {
	PROBE_SCHEME_PLAIN,  /* two plain probes on cheap instructions */
	PROBE_SCHEME_RETURN, /* entry and return probe on a cheap instruction */
	PROBE_SCHEME_CALLEE, /* entry on a cheap call, return probe in the function that it calls */
	PROBE_SCHEME_INNER, /* entry and return probe on a cheap instruction of the function called */
	PROBE_SCHEME_SHARED, /* no probe: all it does is seen in the function that another one calls */
	PROBE_SCHEME_INSIDE, /* two plain probes, of which each call meets one that shows all of it */
	PROBE_SCHEME_ENTRY, /* one plain probe at a cheap entry: nothing shows the result cheaply */
	PROBE_SCHEME_SYMBOL, /* at the symbol: single-stepped, but where PROBE_AT_SYMBOLS */
	PROBE_SCHEME_NONE,   /* no probe: not even its entry is cheap */
	PROBE_SCHEMES,
};

/* Machines without a decoder for their instructions: entry and return probes at the symbols are the rule. */
#if defined(__x86_64__)
#define PROBE_AT_SYMBOLS false
#else
#define PROBE_AT_SYMBOLS true
#endif

/* What may be done here. */
struct probe_policy {
	unsigned classes; /* enum probe_class that are cheap on this kernel */
	bool cookies; /* a program can be told its `adjust`; else only places that need none are used */
	bool returns; /* return probes are safe here, and in what this file runs in */
	bool stepped; /* configured: the symbol before nothing */
	bool inside;  /* what shows all of itself at one place is read there (tls_inside.h) */
};

struct probe_point {
	uint64_t offset; /* in the file */
	int16_t adjust;	 /* bytes */
	bool is_return;	 /* a return probe */
};

struct probe_plan {
	enum probe_scheme scheme;
	bool moved;	 /* at the entry the fourth argument is in the fifth one's register */
	uint64_t callee; /* CALLEE, INNER: where the function called begins; else 0 */
	uint64_t keeps;	 /* INSIDE: TLS_COOKIE_KEEPS of each argument; else 0 */
	struct probe_point entry, leave;
};

struct probe_function {
	int file;
	uint64_t offset; /* in the file, of the first byte */
	uint64_t size;	 /* 0: no symbol says it */
	unsigned
		arguments; /* integer arguments that the entry's program reads; 0: `offset` is the place */
	bool has_leave;
};

/* Never fails for want of a cheap place. 0 or -errno of reading. */
int probe_plan_make(const struct probe_function *function, const struct probe_policy *policy,
		    struct probe_plan *ret_plan);

/* The same, of the entry alone: ENTRY or NONE. */
int probe_plan_entry(const struct probe_function *function, const struct probe_policy *policy,
		     struct probe_plan *ret_plan);

/*
 * When the function planned as CALLEE and `other` hand everything on to the same inner function, both
 * are read there, each call by two cheap probes instead of three: *plan becomes INNER, *other_plan SHARED.
 */
void probe_plan_share(struct probe_plan *plan, const struct probe_function *other,
		      struct probe_plan *other_plan);

/* The last word, after sharing. -EPERM: a probe there would corrupt the program. */
int probe_plan_settle(const struct probe_function *function, const struct probe_policy *policy,
		      struct probe_plan *plan);

/* Whether its calls and their results are seen, by this plan or by another one's. */
bool probe_plan_is_whole(const struct probe_function *function, const struct probe_plan *plan);

/* For messages. */
const char *probe_scheme_name(enum probe_scheme scheme);

#endif
