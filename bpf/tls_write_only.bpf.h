/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_WRITE_ONLY_BPF_H
#define OPERAGLASS_TLS_WRITE_ONLY_BPF_H

#include "tls_frame.bpf.h"

/*
 * A library whose writing functions are probed cheaply at their entry, and whose results are not: what a
 * request is, is read before it leaves. Everything else of its call is what the socket shows: when it
 * begins, whether it was answered, and when. Nothing is kept between two writes, for it is not known how
 * much of one was taken: a request line counts when it begins a write and its target ends in it.
 */

/* Decodes what lies in the frame's buffer now. */
static __always_inline void tls_decode_now(struct pt_regs *ctx, const struct tls_frame *frame)
{
	struct tls_frame_key key;

	tls_frame_key(ctx, &key);
	tls_frame_begin(&key, frame);
	bpf_tail_call(ctx, &tls_chain, TLS_LINK_DECODE);
	bpf_map_delete_elem(&tls_frames, &key);
}

/* Without its connection a call could not be told from the socket's own count of it. */
static __always_inline bool tls_before_naming(struct tls_stream *stream, struct tls_slot *slot,
					      const struct tls_stream_key *key)
{
	struct connection *connection;

	tls_stream_refresh(stream, slot, key->ssl, key->tgid);
	if (stream->state != TLS_STREAM_JOINED || stream->foreign)
		return false;
	connection = tls_connection(stream);
	if (!connection)
		return false;
	if (connection->decoded) { /* until its file was probed anew */
		tls_give_up(stream, UNDECODED_WRITE_ONLY);
		return false;
	}
	connection->undecoded = UNDECODED_WRITE_ONLY;
	stream->write_only = 1;
	http_begin(&stream->readers[TLS_SENT], 0);
	endpoint_begin(&stream->path, connection->kind);
	return true;
}

/* The lengths of SSL_write and of SSL_write_ex, of 2 GiB at most. */
TLS_PROGRAM(og_tls_write_only)
{
	struct tls_stream_key key = {.ssl = PT_REGS_PARM1(ctx),
				     .tgid = bpf_get_current_pid_tgid() >> 32};
	struct tls_frame frame = {
		.ssl = key.ssl,
		.buffer = PT_REGS_PARM2(ctx),
		.length = tls_int(PT_REGS_PARM3(ctx)),
		.direction = TLS_SENT,
	};
	struct tls_stream *stream;
	struct tls_slot *slot;

	stream = tls_stream_of(tls_cookie(ctx), &key, &slot);
	if (!stream || !frame.length ||
	    tls_opening(frame.buffer, frame.length) != TLS_OPENING_REQUEST ||
	    !tls_before_naming(stream, slot, &key))
		return;
	frame.total = frame.length;
	tls_decode_now(ctx, &frame);
}

#endif
