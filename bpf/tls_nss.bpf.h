/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_NSS_BPF_H
#define OPERAGLASS_TLS_NSS_BPF_H

/*
 * NSS: the methods of its TLS descriptors. Descriptors are layers and change places when another layer is
 * pushed on top, so what is followed is the TLS socket behind them. Included by tls.bpf.c.
 */

/* The beginning of struct PRFileDesc, public and the same since NSPR is there. */
struct nss_descriptor {
	__u64 methods;
	__u64 socket; /* `secret`: of the TLS layer */
};

/* PR_MSG_PEEK, the only flag that ssl_Recv takes: what is read now is read again. */
#define NSS_PEEK 2

/* 0: there is none. */
static __always_inline __u64 nss_socket(struct pt_regs *ctx)
{
	struct nss_descriptor descriptor;

	if (bpf_probe_read_user(&descriptor, sizeof(descriptor), (const void *)PT_REGS_PARM1(ctx)))
		return 0;
	return descriptor.socket;
}

static __always_inline bool nss_enter(struct pt_regs *ctx, __u64 cookie, __u32 direction)
{
	__u64 socket = nss_socket(ctx);

	return socket && tls_enter(ctx, cookie, socket, direction, tls_int(PT_REGS_PARM3(ctx)), 0);
}

TLS_ENTRY(og_tls_nss_write)
{
	return nss_enter(ctx, cookie, TLS_SENT);
}

TLS_ENTRY(og_tls_nss_read)
{
	return nss_enter(ctx, cookie, TLS_RECEIVED);
}

TLS_ENTRY(og_tls_nss_recv)
{
	return !(PT_REGS_PARM4(ctx) & NSS_PEEK) && nss_enter(ctx, cookie, TLS_RECEIVED);
}

TLS_PROGRAM(og_tls_nss_close)
{
	tls_freed(nss_socket(ctx));
}

#endif
