/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_ENTER_BPF_H
#define OPERAGLASS_TLS_ENTER_BPF_H

#include "tls_frame.bpf.h"

/* What is done at the entry of a library's read or write, before any of its bytes has moved. */

/* What is known of the object that is being written to, by now something at least. NULL: nobody wants
 * it. ret_slot: of its file, NULL when it has none of its own. */
static __always_inline struct tls_stream *
tls_stream_of(__u64 cookie, const struct tls_stream_key *key, struct tls_slot **ret_slot)
{
	static const struct tls_stream fresh = {.readers[TLS_RECEIVED].flags = HTTP_RESPONSE};
	struct tls_stream *stream = bpf_map_lookup_elem(&tls_streams, key);
	struct tls_slot *slot;
	bool own;

	slot = tls_slot_of(cookie, &own);
	if (slot)
		__sync_fetch_and_add(&slot->hits, 1);
	*ret_slot = own ? slot : NULL;
	if (stream)
		return stream;
	if (!tls_in_scope(key->tgid))
		return NULL;
	bpf_map_update_elem(&tls_streams, key, &fresh, BPF_NOEXIST);
	stream = bpf_map_lookup_elem(&tls_streams, key);
	if (!stream) {
		lost_add(LOST_STREAMS_FULL);
		return NULL;
	}
	stream->first_call = tls_first_number(stream);
	stream->next_call = stream->first_call;
	return stream;
}

/*
 * A small write that begins a request on a connection that waits for nothing, after many such in a row:
 * the library and the socket, whose buffer is empty, take all of it, or the connection is over, which
 * its end tells. So it is read at its entry, and its return, which costs as much again, is not waited for.
 */
static __always_inline bool tls_is_taken_whole(struct tls_stream *stream, __u64 length)
{
	if (length > TLS_WRITE_SMALL || (stream->readers[TLS_SENT].state | stream->http2)) {
		stream->small_requests = 0;
		return false;
	}
	if (stream->small_requests < TLS_WRITES_MANY) {
		stream->small_requests++;
		return false;
	}
	/* One branch, as the verifier follows each. */
	return !((stream->state ^ TLS_STREAM_JOINED) | (stream->settled ^ 1) |
		 (stream->first_call ^ stream->next_call));
}

_Static_assert(HTTP_START == 0, "a direction before a message is zero");

/* False: it is of no interest. frame->total is set when it can be read before it leaves. */
static __always_inline bool tls_before_write(__u64 cookie, __u32 tgid, struct tls_frame *frame)
{
	struct tls_stream_key key = {.ssl = frame->ssl, .tgid = tgid};
	struct tls_slot *slot;
	struct tls_stream *stream = tls_stream_of(cookie, &key, &slot);

	if (!stream || !tls_look(stream, slot, &key, frame->buffer, frame->length))
		return false;
	stream->writes += stream->writes < TLS_WRITES_MANY;
	if (tls_is_taken_whole(stream, frame->length))
		frame->total = frame->length;
	return true;
}

/* The object that is read. NULL: it is of no interest: nothing was ever written, or nobody wants it. */
static __always_inline struct tls_stream *tls_stream_to_read(const struct tls_stream_key *key)
{
	struct tls_stream *stream = bpf_map_lookup_elem(&tls_streams, key);

	if (!stream || stream->state == TLS_STREAM_IGNORED || (stream->misses && !stream->http2))
		return NULL;
	return stream;
}

static __always_inline bool tls_before_read(__u64 ssl, __u32 tgid)
{
	const struct tls_stream_key key = {.ssl = ssl, .tgid = tgid};

	return tls_stream_to_read(&key);
}

enum tls_sign {
	TLS_SIGN_OPENED,
	TLS_SIGN_CLOSED,
	TLS_SIGN_MISFIT
};

/* What calls say of the places of their file's probes. */
static __always_inline void tls_note(__u64 cookie, enum tls_sign sign)
{
	struct tls_slot *slot;
	bool own;

	slot = tls_slot_of(cookie, &own);
	if (slot)
		__sync_fetch_and_add(sign == TLS_SIGN_OPENED   ? &slot->opened
				     : sign == TLS_SIGN_CLOSED ? &slot->closed
							       : &slot->misfits,
				     1);
}

/* True: what is moved is to be seen at the leave. */
static __always_inline bool tls_enter(struct pt_regs *ctx, __u64 cookie, __u64 object,
				      __u32 direction, __u64 length, __u64 result)
{
	struct tls_frame_key key = {.pid_tgid = bpf_get_current_pid_tgid(),
				    .stack = tls_stack_at_entry(ctx, cookie, 0)};
	struct tls_frame frame = {
		.ssl = object,
		.buffer = PT_REGS_PARM2(ctx),
		.length = length,
		.result = result,
		.direction = direction,
		.function = TLS_COOKIE_FUNCTION(cookie),
	};

	if (!length)
		return false;
	if (direction == TLS_SENT ? !tls_before_write(cookie, key.pid_tgid >> 32, &frame)
				  : !tls_before_read(frame.ssl, key.pid_tgid >> 32))
		return false;
	if (direction == TLS_SENT)
		frame.time_ns = bpf_ktime_get_boot_ns();
	if (frame.total) {
		tls_read_now(ctx, cookie, key.pid_tgid, &frame, TLS_LINK_LINES);
		return false;
	}
	tls_frame_begin(&key, &frame);
	tls_note(cookie, TLS_SIGN_OPENED);
	return true;
}

static __always_inline __u64 tls_int(__u64 value)
{
	__s32 length = (__s32)value;

	return length > 0 ? (__u64)length : 0;
}

#endif
