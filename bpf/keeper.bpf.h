/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_KEEPER_BPF_H
#define OPERAGLASS_KEEPER_BPF_H

#include "tls.h"

/* What a read was called with, at a place inside of it: its cookie says in which registers. */

/* By enum tls_keeper; all that three bits can say. */
struct keepers {
	__u64 of[8];
};

static __always_inline void keepers_load(const struct pt_regs *ctx, struct keepers *keepers)
{
	*keepers = (struct keepers){};
#if defined(__TARGET_ARCH_x86)
	keepers->of[TLS_KEEPER_RBX] = ctx->rbx;
	keepers->of[TLS_KEEPER_RBP] = ctx->rbp;
	keepers->of[TLS_KEEPER_R12] = ctx->r12;
	keepers->of[TLS_KEEPER_R13] = ctx->r13;
	keepers->of[TLS_KEEPER_R14] = ctx->r14;
	keepers->of[TLS_KEEPER_R15] = ctx->r15;
#endif
}

static __always_inline __u64 keepers_value(const struct keepers *keepers, __u64 cookie,
					   enum tls_argument argument)
{
	return keepers->of[TLS_COOKIE_KEEPER(cookie, argument)];
}

#endif
