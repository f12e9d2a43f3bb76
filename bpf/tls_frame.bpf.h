/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_FRAME_BPF_H
#define OPERAGLASS_TLS_FRAME_BPF_H

#include "tls_decode.bpf.h"
#include "tls_open.bpf.h"

/* How the entry of a library's call, its leave and the links of its decoding find each other. */

/* Returns the cookie. Without one, entries are probed at the symbol and leaves by return probes. */
static __always_inline __u64 tls_frame_key(struct pt_regs *ctx, struct tls_frame_key *key)
{
	__u64 cookie = tls_cookie(ctx);

	key->pid_tgid = bpf_get_current_pid_tgid();
	key->stack = tls_stack_at_entry(ctx, cookie, -TLS_RETURN_POPS) -
		     (tls_is_return(ctx, cookie) ? TLS_RETURN_POPS : 0);
	return cookie;
}

struct tls_at {
	struct tls_frame_key frame_key;
	struct tls_stream_key stream_key;
	struct tls_frame *frame;
	struct tls_stream *stream;
	struct http_reader *reader;
};

/* The row of a call that begins, which a thread's earlier call from the same place has left, or a new one.
 * NULL: the table has lost it. */
static __always_inline struct tls_frame *tls_frame_row(const struct tls_frame_key *key)
{
	static const struct tls_frame none = {};
	struct tls_frame *row = bpf_map_lookup_elem(&tls_frames, key);

	if (row)
		return row;
	bpf_map_update_elem(&tls_frames, key, &none, BPF_ANY);
	return bpf_map_lookup_elem(&tls_frames, key);
}

/* Remembers a call that begins. */
static __always_inline void tls_frame_begin(const struct tls_frame_key *key,
					    const struct tls_frame *frame)
{
	struct tls_frame *row = bpf_map_lookup_elem(&tls_frames, key);

	if (row)
		*row = *frame;
	else
		bpf_map_update_elem(&tls_frames, key, frame, BPF_ANY);
}

/* The call is over. Its row goes, but that of an object which is written to again and again: making
 * and deleting one costs more than all else at an entry. at->stream: NULL if it is not known. */
static __always_inline void tls_frame_end(const struct tls_at *at)
{
	if (at->stream && at->stream->writes == TLS_WRITES_MANY)
		at->frame->ssl = 0;
	else
		bpf_map_delete_elem(&tls_frames, &at->frame_key);
}

/* The call that is leaving, or whose chain of tail calls this is; false when it is none that anybody
 * waits for, or a table lost it. */
static __always_inline bool tls_find_frame(struct pt_regs *ctx, struct tls_at *at,
					   __u64 *ret_cookie)
{
	*ret_cookie = tls_frame_key(ctx, &at->frame_key);
	at->stream = NULL;
	at->frame = bpf_map_lookup_elem(&tls_frames, &at->frame_key);
	return at->frame && at->frame->ssl;
}

/* The object of at->frame; false when a table lost it. */
static __always_inline bool tls_find_stream(struct tls_at *at)
{
	at->stream_key.ssl = at->frame->ssl;
	at->stream_key.tgid = at->frame_key.pid_tgid >> 32;
	at->stream_key.reserved = 0;
	at->stream = bpf_map_lookup_elem(&tls_streams, &at->stream_key);
	if (!at->stream)
		return false;
	at->reader = &at->stream->readers[at->frame->direction & 1];
	return true;
}

static __always_inline bool tls_resume(struct pt_regs *ctx, struct tls_at *at)
{
	__u64 cookie;

	return tls_find_frame(ctx, at, &cookie) && tls_find_stream(at);
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

/* Reads what lies in the frame's buffer at once, at the entry of its call, by that link of the chain.
 * Returns only when there is no such link. */
static __always_inline void tls_read_now(struct pt_regs *ctx, __u64 cookie, __u64 pid_tgid,
					 const struct tls_frame *frame, __u32 link)
{
	struct tls_frame_key key = {
		.pid_tgid = pid_tgid,
		.stack = tls_stack_at_entry(ctx, cookie, -TLS_RETURN_POPS),
	};

	tls_frame_begin(&key, frame);
	bpf_tail_call(ctx, &tls_chain, link);
	bpf_map_delete_elem(&tls_frames, &key);
}

#endif
