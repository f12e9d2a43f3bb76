// SPDX-License-Identifier: GPL-2.0
/* HTTP inside TLS: probes at the entries and returns of a library's read and write functions. */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

#define PROGRAMS_CHAIN /* by tail calls; see loop.bpf.h */
#include "tls_enter.bpf.h"
#include "tls_event.bpf.h"

TLS_ENTRY(og_tls_write)
{
	return tls_enter(ctx, cookie, PT_REGS_PARM1(ctx), TLS_SENT, tls_int(PT_REGS_PARM3(ctx)), 0);
}

TLS_ENTRY(og_tls_write_ex)
{
	return tls_enter(ctx, cookie, PT_REGS_PARM1(ctx), TLS_SENT, PT_REGS_PARM3(ctx),
			 PT_REGS_PARM4(ctx));
}

/* Where the fourth argument has been handed on as the fifth: SSL_write_ex of OpenSSL 3.3 and later. */
TLS_ENTRY(og_tls_write_ex_moved)
{
	return tls_enter(ctx, cookie, PT_REGS_PARM1(ctx), TLS_SENT, PT_REGS_PARM3(ctx),
			 PT_REGS_PARM5(ctx));
}

TLS_ENTRY(og_tls_read)
{
	return tls_enter(ctx, cookie, PT_REGS_PARM1(ctx), TLS_RECEIVED, tls_int(PT_REGS_PARM3(ctx)),
			 0);
}

TLS_ENTRY(og_tls_read_ex)
{
	return tls_enter(ctx, cookie, PT_REGS_PARM1(ctx), TLS_RECEIVED, PT_REGS_PARM3(ctx),
			 PT_REGS_PARM4(ctx));
}

/* A write to a joined connection failed: is it the beginning of a request that now can never leave?
 * Without its connection nobody tries such a write again. */
static __always_inline bool tls_never_left(const struct tls_stream *stream,
					   const struct tls_frame *frame)
{
	return stream->state == TLS_STREAM_JOINED &&
	       stream->readers[TLS_SENT].state == HTTP_START && !stream->http2 &&
	       !tls_connection(stream) &&
	       tls_opening(frame->buffer, frame->length) == TLS_OPENING_REQUEST;
}

/* An object whose handshake was made inside this very write is joined only now, and its request left when
 * the handshake was over. A function of its own, for the stack. */
APART int tls_look_again(struct tls_stream *stream, struct tls_slot *slot,
			 const struct tls_stream_key *key, struct tls_frame *frame)
{
	struct connection *connection;

	if (!tls_look(stream, slot, key, frame->buffer, frame->total))
		return false;
	connection = tls_connection(stream);
	if (connection && connection->call_begin_ns > frame->time_ns)
		frame->time_ns = connection->call_begin_ns;
	return true;
}

/* What was moved is known. False: of no interest. */
static __always_inline bool tls_moved(__u64 cookie, const struct tls_at *at, __u64 count)
{
	struct tls_frame *frame = at->frame;
	struct tls_slot *slot;
	bool own;

	if (!count) {
		if (frame->direction != TLS_SENT || !tls_never_left(at->stream, frame))
			return false;
		frame->unsent = 1;
		count = frame->length;
	}
	frame->total = count;
	if (frame->direction == TLS_RECEIVED) {
		frame->time_ns = bpf_ktime_get_boot_ns();
		return true;
	}
	if (at->stream->state != TLS_STREAM_NEW)
		return true;
	slot = tls_slot_of(cookie, &own);
	return tls_look_again(at->stream, own ? slot : NULL, &at->stream_key, frame);
}

/* In the function that another one calls, of a session: its return ends the call that the other one began. */
TLS_ENTRY(og_tls_callee)
{
	struct tls_at at;

	return tls_find_frame(ctx, &at, &cookie) &&
	       at.frame->function == TLS_COOKIE_FUNCTION(cookie);
}

/* At a return, or at a place behind which every return lies with its result in place. */
TLS_PROGRAM(og_tls_leave)
{
	__u64 count = 0, cookie;
	struct tls_at at;

	/* An inner function's return probe sees the calls of others, too. */
	if (!tls_find_frame(ctx, &at, &cookie) || at.frame->function != TLS_COOKIE_FUNCTION(cookie))
		return;
	if (!at.frame->result)
		count = tls_int(PT_REGS_RC(ctx));
	else if ((__s32)PT_REGS_RC(ctx) == 1 &&
		 bpf_probe_read_user(&count, sizeof(count), (const void *)at.frame->result))
		count = 0;
	if (count > at.frame->length) {
		tls_note(cookie, TLS_SIGN_MISFIT);
		goto done;
	}
	tls_note(cookie, TLS_SIGN_CLOSED);
	if (tls_find_stream(&at) && tls_moved(cookie, &at, count))
		tls_read_lines(ctx, &at);
done:
	tls_frame_end(&at);
}

/* What is read before it leaves: usual lines first. */
TLS_PROGRAM(og_tls_lines)
{
	struct tls_at at;

	if (!tls_resume(ctx, &at))
		return;
	tls_read_lines(ctx, &at);
	tls_frame_end(&at);
}

TLS_PROGRAM(og_tls_decode)
{
	struct tls_at at;
	__u32 event = HTTP_NOTHING;

	if (!tls_resume(ctx, &at))
		return;
	if (at.stream->state == TLS_STREAM_IGNORED)
		goto done;
	if (at.stream->http2) {
		bpf_tail_call(ctx, &tls_chain, TLS_LINK_HTTP2);
		tls_give_up(at.stream, UNDECODED_HTTP2);
		goto done;
	}
	if (!at.stream->write_only) /* of which the target is all that counts */
		event = tls_lines(at.stream, at.frame, at.reader);
#pragma clang loop unroll(disable)
	for (__u32 i = 0; i < TLS_WINDOWS; i++) {
		/* All is read anew at the loop's head: verifiers up to 6.1 refuse a loop that the
		 * compiler closes by falling through into its middle. */
		tls_barrier();
		if (event || at.frame->offset >= at.frame->total)
			break;
		event = tls_window(at.stream, at.frame, at.reader);
		tls_barrier();
		if (tls_line_read(at.frame, at.reader))
			break; /* the next one may be usual again */
	}
	if (!event && at.reader->head_bytes > TLS_HEAD_MAX)
		event = TLS_TOO_LONG;
	else if (!event && at.frame->unsent && at.frame->offset >= at.frame->total)
		event = TLS_UNSENT;
	if (event || at.frame->offset < at.frame->total)
		tls_go_on(ctx, at.frame, event);
	else if (at.reader->state == HTTP_UNTIL_CLOSE)
		tls_response_begin(at.stream, &at.stream_key, at.frame->time_ns);
done:
	tls_frame_end(&at);
}

TLS_PROGRAM(og_tls_event)
{
	struct tls_at at;
	__u32 event;

	if (!tls_resume(ctx, &at))
		return;
	event = at.frame->event;
	if (at.stream->write_only && event != TLS_NAMED && event != HTTP_HEAD)
		goto done;
	if (event == HTTP_MALFORMED || event >= TLS_TOO_LONG) {
		tls_lose(at.stream, &at.stream_key, at.frame->direction, event);
		goto done;
	}
	tls_act(&at, event);
	if (!at.stream->write_only && at.stream->state != TLS_STREAM_IGNORED &&
	    at.frame->offset < at.frame->total)
		tls_go_on(ctx, at.frame, HTTP_NOTHING);
done:
	tls_frame_end(&at);
}

TLS_PROGRAM(og_tls_path)
{
	struct tls_at at;
	__u32 event;

	if (!tls_resume(ctx, &at))
		return;
	event = tls_path_window(at.stream, at.frame, at.reader);
	if (at.stream->write_only && !event && at.reader->state != HTTP_TARGET)
		event = TLS_NAMED;
	if (event || at.frame->unsent || at.frame->offset < at.frame->total)
		tls_go_on(ctx, at.frame, event);
	tls_frame_end(&at);
}

/* Once for the whole name, then once for each of its ends that a wildcard may stand for. */
TLS_PROGRAM(og_tls_host)
{
	__u32 upstream, dot, skip;
	struct tls_at at;
	__u64 begin, left;

	if (!tls_resume(ctx, &at))
		return;
	skip = at.frame->host_skip;
	begin = at.frame->offset - 1 + skip; /* the first byte of the name was taken */
	left = at.frame->total - begin;
	upstream = tls_host_upstream(at.frame->buffer + begin,
				     left > HOST_NAME_SIZE ? HOST_NAME_SIZE : left,
				     &at.frame->window, &dot);
	if (upstream) {
		at.stream->upstream = upstream;
		at.stream->state = TLS_STREAM_NAMED;
		tls_go_on(ctx, at.frame, HTTP_NOTHING);
	} else if (dot && at.frame->host_labels < TLS_HOST_LABELS) {
		at.frame->host_skip = skip + dot;
		at.frame->host_labels++;
		tls_go_on(ctx, at.frame, HTTP_HOST);
	}
	at.stream->state = TLS_STREAM_IGNORED;
	tls_frame_end(&at);
}

/* The object is freed. What it waits for on a connection that is known, that connection's end tells;
 * without one, nothing else will. */
static __always_inline void tls_freed(__u64 object)
{
	struct tls_stream_key key = {.ssl = object, .tgid = bpf_get_current_pid_tgid() >> 32};
	struct tls_stream *stream = bpf_map_lookup_elem(&tls_streams, &key);

	if (stream && stream->http2)
		http2_close(&key);
	if (stream && !stream->sock)
		tls_stream_restart(stream);
}

TLS_PROGRAM(og_tls_free)
{
	tls_freed(PT_REGS_PARM1(ctx));
}

#include "tls_inside.bpf.h"
#include "tls_write_only.bpf.h"
#include "tls_go.bpf.h"
#include "tls_http2.bpf.h"
#include "tls_http2_authority.bpf.h"
#include "tls_nss.bpf.h"

char LICENSE[] SEC("license") = "GPL";
