/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_INSIDE_BPF_H
#define OPERAGLASS_TLS_INSIDE_BPF_H

#include "keeper.bpf.h"
#include "tls_enter.bpf.h"
#include "tls_event.bpf.h"

/* A read that is seen at one place, inside of the library, where its result is known and what it was called
 * with is still in registers: user/tls_inside.h. Included by tls.bpf.c. */

/* What has been read, in the row of its call. False: nothing that is of interest. A function of its own, for
 * the stack. */
APART int tls_inside_begin(struct pt_regs *ctx, struct tls_at *at)
{
	__u64 cookie = tls_frame_key(ctx, &at->frame_key), count = 0;
	struct keepers keepers;
	struct tls_frame *frame;

	keepers_load(ctx, &keepers);
	at->stream_key.ssl = keepers_value(&keepers, cookie, TLS_ARGUMENT_OBJECT);
	at->stream_key.tgid = at->frame_key.pid_tgid >> 32;
	at->stream_key.reserved = 0;
	at->stream = tls_stream_to_read(&at->stream_key);
	if (!at->stream || (__u32)keepers_value(&keepers, cookie, TLS_ARGUMENT_PEEK))
		return false;
	bpf_probe_read_user(&count, sizeof(count),
			    (const void *)keepers_value(&keepers, cookie, TLS_ARGUMENT_COUNT));
	if (count > keepers_value(&keepers, cookie, TLS_ARGUMENT_LENGTH)) {
		tls_note(cookie, TLS_SIGN_MISFIT);
		return false;
	}
	tls_note(cookie, TLS_SIGN_CLOSED);
	frame = count ? tls_frame_row(&at->frame_key) : NULL;
	if (!frame)
		return false;
	*frame = (struct tls_frame){
		.ssl = at->stream_key.ssl,
		.buffer = keepers_value(&keepers, cookie, TLS_ARGUMENT_BUFFER),
		.length = count,
		.time_ns = bpf_ktime_get_boot_ns(),
		.total = count,
		.direction = TLS_RECEIVED,
		.function = TLS_COOKIE_FUNCTION(cookie),
	};
	at->frame = frame;
	at->reader = &at->stream->readers[TLS_RECEIVED];
	return true;
}

TLS_PROGRAM(og_tls_inside)
{
	struct tls_at at;

	/* Most reads of a busy loop find nothing. */
	if ((__s32)PT_REGS_RC(ctx) != 1 || !tls_inside_begin(ctx, &at))
		return;
	tls_read_lines(ctx, &at);
	tls_frame_end(&at);
}

#endif
