/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_SESSION_BPF_H
#define OPERAGLASS_TLS_SESSION_BPF_H

#include "tls.h"

/*
 * Sessions (Linux 6.13): one probe runs its program at a call's entry and, if that asks for it, at the
 * call's return. So a program that speaks to nobody who is watched is probed once a call, and never has
 * an address of return changed; and two hits cost less than two probes.
 */

/* Set by the loader: all of these programs are placed as sessions. */
const volatile __u32 tls_sessions SEC(".rodata.sessions");

/*
 * All programs are made by these two, as what they return matters. In a session 0 asks for the return,
 * which ends a Go program; without sessions anything but 0 asks the kernel to remove the probe.
 */
#define TLS_DONE (tls_sessions ? 1 : 0)

/* Of no return. Begins its definition. */
#define TLS_PROGRAM(name)                                            \
	static __always_inline void name##_run(struct pt_regs *ctx); \
	SEC("uprobe") int name(struct pt_regs *ctx)                  \
	{                                                            \
		name##_run(ctx);                                     \
		return TLS_DONE;                                     \
	}                                                            \
	static __always_inline void name##_run(struct pt_regs *ctx)

/* At an entry; what it defines says whether the leave is to be seen. In a session it is the leave's
 * program, too. */
#define TLS_ENTRY(name)                                                            \
	static __always_inline bool name##_run(struct pt_regs *ctx, __u64 cookie); \
	SEC("uprobe") int name(struct pt_regs *ctx)                                \
	{                                                                          \
		__u64 cookie = tls_cookie(ctx);                                    \
                                                                                   \
		if (tls_is_return(ctx, cookie))                                    \
			bpf_tail_call(ctx, &tls_chain, TLS_LINK_LEAVE);            \
		else if (name##_run(ctx, cookie) && (cookie & TLS_COOKIE_RETURNS)) \
			return 0;                                                  \
		return TLS_DONE;                                                   \
	}                                                                          \
	static __always_inline bool name##_run(struct pt_regs *ctx, __u64 cookie)

/* Whether this run is at the return of what the probe was placed at. */
static __always_inline bool tls_is_return(struct pt_regs *ctx, __u64 cookie)
{
	return tls_sessions && (cookie & TLS_COOKIE_RETURNS) &&
	       PT_REGS_IP(ctx) != bpf_get_func_ip(ctx);
}

/* 0: this kernel has none. */
static __always_inline __u64 tls_cookie(void *ctx)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_attach_cookie))
		return bpf_get_attach_cookie(ctx);
	return 0;
}

/* Where the stack pointer was at the function's first instruction, when this is none of its returns;
 * `otherwise`: without a cookie. */
static __always_inline __u64 tls_stack_at_entry(struct pt_regs *ctx, __u64 cookie, __s64 otherwise)
{
	return PT_REGS_SP(ctx) +
	       (cookie & TLS_COOKIE_PLACED ? TLS_COOKIE_ADJUST(cookie) : otherwise);
}

#endif
