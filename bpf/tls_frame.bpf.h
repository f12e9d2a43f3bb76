/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_FRAME_BPF_H
#define OPERAGLASS_TLS_FRAME_BPF_H

#include "tls_decode.bpf.h"
#include "tls_open.bpf.h"

/* How the entry of a library's call, its leave and the links of its decoding find each other. */

/* Without cookies, entries are probed at the symbol and leaves by return probes: a call instruction has
 * pushed 8 bytes that the return has popped; arm64 keeps them elsewhere. */
#if defined(__TARGET_ARCH_x86)
#define TLS_RETURN_POPS 8
#else
#define TLS_RETURN_POPS 0
#endif

/* Where the stack pointer was at the function's first instruction; `otherwise`: without a cookie. */
static __always_inline __u64 tls_stack_at_entry(struct pt_regs *ctx, __u64 cookie, __s64 otherwise)
{
	return PT_REGS_SP(ctx) +
	       (cookie & TLS_COOKIE_PLACED ? TLS_COOKIE_ADJUST(cookie) : otherwise);
}

/* Returns the cookie. */
static __always_inline __u64 tls_frame_key(struct pt_regs *ctx, struct tls_frame_key *key)
{
	__u64 cookie = tls_cookie(ctx);

	key->pid_tgid = bpf_get_current_pid_tgid();
	key->stack = tls_stack_at_entry(ctx, cookie, -TLS_RETURN_POPS);
	return cookie;
}

struct tls_at {
	struct tls_frame_key frame_key;
	struct tls_stream_key stream_key;
	struct tls_frame *frame;
	struct tls_stream *stream;
	struct http_reader *reader;
};

/* Where the chain of tail calls is; false when a table lost it. */
static __always_inline bool tls_resume(struct pt_regs *ctx, struct tls_at *at)
{
	tls_frame_key(ctx, &at->frame_key);
	at->frame = bpf_map_lookup_elem(&tls_frames, &at->frame_key);
	if (!at->frame)
		return false;
	at->stream_key.ssl = at->frame->ssl;
	at->stream_key.tgid = at->frame_key.pid_tgid >> 32;
	at->stream_key.reserved = 0;
	at->stream = bpf_map_lookup_elem(&tls_streams, &at->stream_key);
	if (!at->stream)
		return false;
	at->reader = &at->stream->readers[at->frame->direction & 1];
	return true;
}

/* To the next link: on with the decoding, or to what acts on the event that stopped it. Returns only
 * when there is no such link. */
static __always_inline void tls_go_on(struct pt_regs *ctx, struct tls_frame *frame, __u32 event)
{
	__u32 link = TLS_LINK_EVENT;

	if (!event && frame->links > TLS_LINKS_MAX)
		event = TLS_TOO_LONG;
	frame->links++;
	frame->event = event;
	if (!event)
		link = TLS_LINK_DECODE;
	else if (event == HTTP_PATH)
		link = TLS_LINK_PATH;
	else if (event == HTTP_HOST)
		link = TLS_LINK_HOST;
	bpf_tail_call(ctx, &tls_chain, link);
}

#endif
