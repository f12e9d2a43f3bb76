/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_PARSE_BPF_H
#define OPERAGLASS_PARSE_BPF_H

#include <linux/types.h>

/*
 * What parsers need that must also load: the kernel's verifier wants a mask on every offset, and
 * the compiler must not see that the mask changes nothing, or it removes it.
 *
 * Buffers are a power of two and PARSE_SLACK bytes more, so that a masked offset may be followed by
 * a few constant ones. The callers have always compared with the true length before.
 */

#define PARSE_SLACK 64

/*
 * At the head of a loop whose variables live in a map value: the verifier forgets what it knew of
 * them, so that all ways through the body end in one state instead of in a new one each time.
 */
#define PARSE_FORGET() asm volatile("" : : : "memory")

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* What the kernel's verifier shall not follow anew for each place that calls it. */
#ifdef __bpf__
#define PARSE_FUNCTION static inline __attribute__((noinline))
#else
#define PARSE_FUNCTION static inline
#endif

#ifdef __bpf__

static __always_inline __u32 parse_bound(__u32 value, __u32 mask)
{
	asm volatile("%0 &= %1" : "+r"(value) : "i"(mask));
	return value;
}

/* memcpy between two map values; to_at <= to_mask, 1 <= size <= size_mask + 1. (Kernel 5.10 refuses
 * a size that may be 0.) */
static __always_inline void parse_copy(__u8 *to, __u32 to_at, __u32 to_mask, const __u8 *from,
				       __u32 from_at, __u32 size, __u32 size_mask)
{
	__u64 at = to_at, bytes = size - 1;

	asm volatile("%0 &= %1" : "+r"(at) : "i"(to_mask));
	asm volatile("%0 &= %1" : "+r"(bytes) : "i"(size_mask));
	bpf_probe_read_kernel(to + at, bytes + 1, from + from_at);
}

/* The byte at a place that the verifier does not know, of a buffer on the stack of a power of two
 * bytes. The pointer first: of a sum that begins with the number, kernels forget whose stack it is. */
static __always_inline __u8 parse_byte(const __u8 *bytes, __u32 at, __u32 mask)
{
	__u64 place = at;

	asm volatile("%0 &= %2\n%1 += %0" : "+r"(place), "+r"(bytes) : "i"(mask));
	return *bytes;
}

/* The same value, of which the verifier knows no more than the mask that it fits: the ways that led to
 * it end in one state. `any`: whatever was read from memory. */
static __always_inline __u32 parse_settle(__u32 value, __u32 mask, __u64 any)
{
	__u64 settled = any;

	asm volatile("%0 -= %1\n%0 += %2\n%0 &= %3"
		     : "+&r"(settled)
		     : "r"(any), "r"((__u64)value), "i"(mask));
	return settled;
}

#else

#include <string.h>

static inline __u32 parse_settle(__u32 value, __u32 mask, __u64 any)
{
	(void)any;
	return value & mask;
}

static inline __u8 parse_byte(const __u8 *bytes, __u32 at, __u32 mask)
{
	return bytes[at & mask];
}

static inline __u32 parse_bound(__u32 value, __u32 mask)
{
	return value & mask;
}

static inline void parse_copy(__u8 *to, __u32 to_at, __u32 to_mask, const __u8 *from, __u32 from_at,
			      __u32 size, __u32 size_mask)
{
	(void)to_mask;
	(void)size_mask;
	memcpy(to + to_at, from + from_at, size);
}

#endif

/* Eight letters at once to lower case, without a branch; other bytes stay as they are. */
static __always_inline __u64 parse_lower(__u64 word)
{
	__u64 seven = word & 0x7f7f7f7f7f7f7f7fULL;
	__u64 above_z = seven + 0x2525252525252525ULL;	   /* bit 7 set: > 'Z' */
	__u64 not_below_a = seven + 0x3f3f3f3f3f3f3f3fULL; /* bit 7 set: >= 'A' */
	__u64 upper = (not_below_a ^ above_z) & ~word & 0x8080808080808080ULL;

	return word | upper >> 2;
}

#endif
