/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_TEXT_BPF_H
#define OPERAGLASS_TEXT_BPF_H

#include "parse.bpf.h"

/* What parsers of text ask of a byte. Compiled for the kernel and for tests. */

/* Classes of bytes. A table and arithmetic instead of comparisons: every branch in here doubles
 * what the kernel's verifier has to follow for every byte of a window. */
enum {
	TEXT_DIGIT = 1 << 0,
	TEXT_UPPER = 1 << 1,
	TEXT_LOWER = 1 << 2,
	TEXT_DASH = 1 << 3,
	TEXT_NAME = 1 << 4, /* others that occur in names: _ . ~ */
	TEXT_HEX = 1 << 5,
	TEXT_SLASH = 1 << 6,
	TEXT_TARGET_END = 1 << 7, /* ends a path, or may not be in one */
	TEXT_LETTER = TEXT_UPPER | TEXT_LOWER,
};

static const __u8 text_class[256] = {
	[0 ... ' '] = TEXT_TARGET_END,
	['#'] = TEXT_TARGET_END,
	['?'] = TEXT_TARGET_END,
	[127] = TEXT_TARGET_END,
	['/'] = TEXT_SLASH,
	['0' ... '9'] = TEXT_DIGIT | TEXT_HEX,
	['A' ... 'F'] = TEXT_UPPER | TEXT_HEX,
	['G' ... 'Z'] = TEXT_UPPER,
	['a' ... 'f'] = TEXT_LOWER | TEXT_HEX,
	['g' ... 'z'] = TEXT_LOWER,
	['-'] = TEXT_DASH,
	['_'] = TEXT_NAME,
	['.'] = TEXT_NAME,
	['~'] = TEXT_NAME,
};

static __always_inline __u8 text_lower(__u8 c)
{
	return c | ((text_class[c] & TEXT_UPPER) << 4);
}

/* Keeps the compiler from seeing that a sum is a comparison, and making a branch of it. */
#define text_opaque(value) asm volatile("" : "+r"(value))

/* 1 when value >= limit, else 0; without a branch. Both below 2^63. */
static __always_inline __u64 text_reaches(__u64 value, __u64 limit)
{
	__u64 difference = value - limit;

	text_opaque(difference);
	return ~difference >> 63;
}

/* 1 when value is 0, else 0; without a branch. */
static __always_inline __u64 text_zero(__u64 value)
{
	__u64 sign = value | -value;

	text_opaque(sign);
	return ~sign >> 63;
}

/* Eight bytes at once: a mask whose lowest bit is the highest one of the first byte that fits. Bits
 * above it mean nothing. */
#define TEXT_ONES 0x0101010101010101ULL
#define TEXT_TOPS 0x8080808080808080ULL

/* Bytes below `limit`, which is 128 at most. */
static __always_inline __u64 text_below(__u64 word, __u8 limit)
{
	return (word - TEXT_ONES * limit) & ~word & TEXT_TOPS;
}

static __always_inline __u64 text_find(__u64 word, __u8 c)
{
	return text_below(word ^ TEXT_ONES * c, 1);
}

static __always_inline __u64 text_lowest(__u64 mask)
{
	return mask & -mask;
}

/* Which byte: 0 … 7. */
static __always_inline __u32 text_first(__u64 mask)
{
	return (text_lowest(mask) >> 7) * 0x0001020304050607ULL >> 56;
}

#endif
