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
	__u64 cookie = tls_cookie(ctx), pid_tgid = bpf_get_current_pid_tgid();
	struct tls_stream_key key = {.ssl = PT_REGS_PARM1(ctx), .tgid = pid_tgid >> 32};
	struct tls_frame frame = {
		.ssl = key.ssl,
		.buffer = PT_REGS_PARM2(ctx),
		.length = tls_int(PT_REGS_PARM3(ctx)),
		.direction = TLS_SENT,
	};
	struct tls_stream *stream;
	struct tls_slot *slot;

	stream = tls_stream_of(cookie, &key, &slot);
	if (!stream || !frame.length ||
	    tls_opening(frame.buffer, frame.length) != TLS_OPENING_REQUEST ||
	    !tls_before_naming(stream, slot, &key))
		return;
	frame.total = frame.length;
	tls_read_now(ctx, cookie, pid_tgid, &frame, TLS_LINK_DECODE);
}

#endif
