/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_IMAGE_NAME_H
#define OPERAGLASS_IMAGE_NAME_H

/*
 * How names are cut out of paths and which argument of an interpreter is its script. Pure; the
 * kernel half uses it at exec, the observer on /proc for what already runs, so both judge alike.
 */

#include <linux/types.h>
#include "process.h"

/* Linux's PATH_MAX; also a power of two, so that an index can be masked for the verifier. */
#define IMAGE_PATH_SIZE 4096

/*
 * Bytes of `path` (a buffer of IMAGE_PATH_SIZE, `length` of it used) after the last slash, looking
 * further back than *from bytes from the end; IMAGE_NAME_SIZE when that part would not fit a name.
 * *from is read anew in each round, so that the verifier does not follow what each one tells of it.
 */
static inline __attribute__((always_inline)) __u32 image_tail(const char *path, __u32 length,
							      const volatile __u32 *from)
{
	__u32 i;

	for (i = 1; i <= IMAGE_NAME_SIZE; i++) {
		if (i > length)
			break;
		if (path[(length - i) & (IMAGE_PATH_SIZE - 1)] == '/' && i > *from)
			break;
	}
	return i - 1;
}

/*
 * The first eight bytes of a name as a number, zero-padded; `name` must have eight bytes to read.
 * Most names are told from all rules by it, without a look-up.
 */
static inline __attribute__((always_inline)) __u64 image_word(const char *name, __u32 length)
{
	__u64 word;

	__builtin_memcpy(&word, name, sizeof(word));
	return length < sizeof(word) ? word & ((1ULL << 8 * length) - 1) : word;
}

/* Which bit of struct image_filter stands for names that begin like this one (Fibonacci hashing). */
static inline __attribute__((always_inline)) __u32 image_filter_bit(__u64 word)
{
	return word * 0x9e3779b97f4a7c15ULL >> (64 - IMAGE_FILTER_SHIFT);
}

enum argument_step {
	ARGUMENT_SCRIPT = 0, /* this argument names what runs */
	ARGUMENT_OPTION = 1, /* look at the next one */
	ARGUMENT_NONE = 2,   /* code on the command line, or on standard input */
};

/* How many arguments after the interpreter's own name are looked at. */
#define ARGUMENTS_MAX 3

/*
 * What an argument of an interpreter is, by its text (`length` bytes, at least `length` + 1 in the
 * buffer). Options that carry code end the search: -c, -e, -p, --eval, --print, also at the end of
 * a cluster (-lc, -ne). "-m" needs no rule of its own: its module is the next argument.
 */
static inline __attribute__((always_inline)) enum argument_step argument_step(const char *text,
									      __u32 length)
{
	char last;

	if (length == 0 || text[0] != '-')
		return ARGUMENT_SCRIPT;
	if (length == 1)
		return ARGUMENT_NONE;
	if (text[1] == '-')
		return (text[2] == 'e' && text[3] == 'v' && text[4] == 'a' && text[5] == 'l') ||
				       (text[2] == 'p' && text[3] == 'r' && text[4] == 'i' &&
					text[5] == 'n' && text[6] == 't')
			       ? ARGUMENT_NONE
			       : ARGUMENT_OPTION;
	last = text[(length - 1) & (IMAGE_PATH_SIZE - 1)];
	return last == 'c' || last == 'e' || last == 'p' ? ARGUMENT_NONE : ARGUMENT_OPTION;
}

#endif
