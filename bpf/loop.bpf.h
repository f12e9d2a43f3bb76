/* SPDX-License-Identifier: GPL-2.0 OR Apache-2.0 */
#ifndef OPERAGLASS_LOOP_BPF_H
#define OPERAGLASS_LOOP_BPF_H

#include <linux/types.h>

/*
 * What the kernel's verifier follows once instead of once for each step or each caller: it takes the
 * longest part of a start. Every object is built twice, and the loader tries the first one first:
 *
 *  - with VERIFY_ONCE: loops call bpf_loop (5.17, commit e6f2dd0f8067), and a SUBPROGRAM is a global
 *    function, for which every pointer stands for whatever has its type (5.12, commit e5069b9c23b3);
 *  - without: the body of a loop is part of its function, and so is what the verifier knows of a
 *    SUBPROGRAM's arguments.
 *
 * A SUBPROGRAM must check its pointers for NULL, gets no pointer to a part of a struct, and copies
 * to its stack what shall be a map's key or value: 6.1 takes nothing else that came by a pointer.
 *
 * APART and APART_GLOBAL are functions of their own in both objects, for the stack or the verifier.
 *
 * LOOP_BODY long step(__u32 i, struct context *context): 0 to go on, 1 to stop.
 * loop(count, limit, step, context) calls it with 0, 1, … count - 1; count <= limit, a constant; and
 * returns how many steps were made. What a step changes lies in map values, so that each step ends
 * in the state that it began in (see PARSE_FORGET).
 */

/* Up to 5.19, arm64 takes no tail call in a program that has functions beside it. */
#if defined(PROGRAMS_CHAIN) && !defined(VERIFY_ONCE) && !defined(__TARGET_ARCH_x86)
#define ONE_FUNCTION
#define SUBPROGRAM   static __always_inline
#define APART	     static __always_inline
#define APART_GLOBAL static __always_inline
#else
#define APART	     static __noinline
#define APART_GLOBAL __noinline
#endif

#ifdef VERIFY_ONCE

#define SUBPROGRAM __noinline
#define LOOP_BODY  static __noinline
#define loop(count, limit, step, context) \
	((void)(limit), (__u32)bpf_loop(count, (void *)(step), context, 0))

#else

#ifndef ONE_FUNCTION
#define SUBPROGRAM static inline __noinline
#endif
#define LOOP_BODY static inline __attribute__((always_inline))
#define loop(count, limit, step, context)                                            \
	({                                                                           \
		__u32 loop_i, loop_done = 0;                                         \
		_Pragma("GCC unroll 1") for (loop_i = 0; loop_i < (limit); loop_i++) \
		{                                                                    \
			if (loop_i >= (count))                                       \
				break;                                               \
			loop_done = loop_i + 1;                                      \
			if ((step)(loop_i, context))                                 \
				break;                                               \
		}                                                                    \
		loop_done;                                                           \
	})

#endif

#endif
