/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_INSIDE_BPF_H
#define OPERAGLASS_TLS_INSIDE_BPF_H

#include "keeper.bpf.h"
#include "tls_frame.bpf.h"

/*
 * A read that is seen at one place, inside of the library, where its result is known and what it was called
 * with is still in registers: user/tls_inside.h. Included by tls.bpf.c.
 */
TLS_PROGRAM(og_tls_inside)
{
	struct tls_frame frame = {.direction = TLS_RECEIVED};
	__u64 cookie, pid_tgid, count = 0;
	struct keepers keepers;

	/* Most reads of a busy loop find nothing. */
	if ((__s32)PT_REGS_RC(ctx) != 1)
		return;
	cookie = tls_cookie(ctx);
	pid_tgid = bpf_get_current_pid_tgid();
	keepers_load(ctx, &keepers);
	frame.ssl = keepers_value(&keepers, cookie, TLS_ARGUMENT_OBJECT);
	if (!tls_before_read(frame.ssl, pid_tgid >> 32) ||
	    (__u32)keepers_value(&keepers, cookie, TLS_ARGUMENT_PEEK))
		return;
	frame.length = keepers_value(&keepers, cookie, TLS_ARGUMENT_LENGTH);
	bpf_probe_read_user(&count, sizeof(count),
			    (const void *)keepers_value(&keepers, cookie, TLS_ARGUMENT_COUNT));
	if (count > frame.length) {
		tls_note(cookie, TLS_SIGN_MISFIT);
		return;
	}
	tls_note(cookie, TLS_SIGN_CLOSED);
	if (!count)
		return;
	frame.buffer = keepers_value(&keepers, cookie, TLS_ARGUMENT_BUFFER);
	frame.function = TLS_COOKIE_FUNCTION(cookie);
	frame.total = count;
	frame.time_ns = bpf_ktime_get_boot_ns();
	tls_read_now(ctx, cookie, pid_tgid, &frame, TLS_LINK_LINES);
}

#endif
