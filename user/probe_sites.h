// SPDX-License-Identifier: Apache-2.0
/*
 * Where in a function a probe costs least. Pure: the function's bytes in, offsets out.
 *
 * A uprobe on an instruction that the kernel emulates costs 0.5 to 0.7 us; on any other the thread
 * is single-stepped through a copy of it, some 20 us in a virtual machine. Entry sites are therefore
 * moved to the first cheap instruction on the way that every call takes, with the arguments still in
 * their registers; leave sites to the jump of the stack-protector check, behind which every return
 * lies with its result already in place; else a return probe is set on a cheap instruction before which
 * the stack is as the caller left it.
 *
 * Nothing is guessed: what a rule cannot prove is refused, and the caller falls back.
 */
#ifndef OPERAGLASS_PROBE_SITES_H
#define OPERAGLASS_PROBE_SITES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What kernels emulate, each measured at start (probe_classes.h). */
enum probe_class {
	PROBE_CLASS_PUSH = 1 << 0,   /* of a 64-bit register */
	PROBE_CLASS_JUMP = 1 << 1,   /* relative */
	PROBE_CLASS_BRANCH = 1 << 2, /* conditional, relative */
	PROBE_CLASS_CALL = 1 << 3,   /* relative */
	PROBE_CLASSES = 4,
};

/* Longer functions are not looked at: TLS entry points take a few hundred bytes. */
#define PROBE_FUNCTION_MAX 4096

enum probe_leave {
	PROBE_LEAVE_NONE,
	PROBE_LEAVE_PLAIN,  /* a plain probe: rax holds the result there */
	PROBE_LEAVE_RETURN, /* a return probe set on this instruction */
	PROBE_LEAVE_CALLEE, /* the function that the entry site calls or jumps to is to be looked at:
			       a return probe there returns what this one returns */
};

struct probe_site {
	uint32_t offset; /* from the function's first byte */
	uint32_t depth;	 /* bytes by which the stack pointer is below its value at the first byte */
};

struct probe_sites {
	struct probe_site entry;
	bool moved; /* the fourth argument is in the fifth one's register there */
	enum probe_leave leave_kind;
	struct probe_site leave; /* PLAIN, RETURN */
	int64_t callee;		 /* CALLEE: offset of that function from this one's first byte */
	uint32_t callee_depth;	 /* CALLEE: of the stack when it has returned */
};

/*
 * `classes`: enum probe_class bits that are cheap on this kernel. `arguments`: how many integer
 * arguments must still be in their registers at the entry site (1 to 4), but for `moved`. Returns 0; -ENOENT without a
 * cheap entry site that is proven; -EINVAL when the bytes are no code; -ENOTSUP on other machines.
 */
int probe_sites_choose(const uint8_t *code, size_t size, unsigned classes, unsigned arguments,
		       struct probe_sites *ret_sites);

/*
 * How long the function at `code` is, of which no symbol says it: until what returns, leaves, or is followed by
 * padding behind a call, with no branch to anything behind it. 0: that is not among these bytes.
 */
size_t probe_sites_extent(const uint8_t *code, size_t size);

/*
 * Where a return probe may sit in a function of which only the first bytes are known: its first
 * instruction, or the second behind endbr64, when that is cheap and leaves the stack alone before it
 * runs. 0, -ENOENT, -EINVAL or -ENOTSUP.
 */
int probe_sites_return(const uint8_t *code, size_t size, unsigned classes, uint32_t *ret_offset);

/*
 * Whether this function does nothing with its first three arguments but hand them on to the function
 * that begins `callee` bytes behind its own first byte: every call that it makes of it, and it makes
 * only one, has the same first two arguments, and the third with its sign extended. What is seen there
 * need not be seen here.
 */
bool probe_sites_hands_on(const uint8_t *code, size_t size, int64_t callee);

#endif
