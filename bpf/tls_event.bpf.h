/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_EVENT_BPF_H
#define OPERAGLASS_TLS_EVENT_BPF_H

#include "tls_frame.bpf.h"

/* What the readers' events mean for an object and its calls. */

/* The next message of the direction. */
static __always_inline void tls_next_message(struct tls_at *at)
{
	http_begin(at->reader, at->reader->flags & HTTP_RESPONSE);
}

static __always_inline void tls_sent_event(struct tls_at *at, __u32 event)
{
	struct tls_stream *stream = at->stream;

	if (event == HTTP_PREFACE) {
		if ((stream->state == TLS_STREAM_JOINED || stream->state == TLS_STREAM_NEW) &&
		    http2_open(stream, &at->stream_key, sizeof("PRI ") - 1))
			tls_next_message(at);
		else
			tls_give_up(stream, UNDECODED_HTTP2);
		return;
	}
	if (event == HTTP_HEAD || event == TLS_NAMED) {
		if (!stream->upstream) { /* not joined, and no Host that is watched */
			stream->state = TLS_STREAM_IGNORED;
			return;
		}
		tls_request_begin(stream, &at->stream_key);
	}
	if (at->reader->state == HTTP_COMPLETE)
		tls_next_message(at);
}

static __always_inline void tls_received_event(struct tls_at *at, __u32 event)
{
	struct tls_stream *stream = at->stream;
	__u16 status = at->reader->status;

	if (event == HTTP_HEAD && status < 200 && status != 101) {
		tls_next_message(at);
		return;
	}
	if (event == HTTP_HEAD && at->reader->state != HTTP_COMPLETE) {
		tls_response_begin(stream, &at->stream_key, at->frame->time_ns);
		return;
	}
	tls_response_end(stream, &at->stream_key, at->frame->time_ns);
	tls_next_message(at);
	if (status == 101)
		tls_give_up(stream, 0);
}

/* A function of its own, for the stack. */
APART int tls_act(struct tls_at *at, __u32 event)
{
	if (at->frame->direction == TLS_SENT)
		tls_sent_event(at, event);
	else
		tls_received_event(at, event);
	return 0;
}

/*
 * Goes on as far as all is usual and acts on what it means, which is a whole small message; what is
 * not usual goes to the next link. Returns when the bytes of the frame are done with.
 */
static __always_inline void tls_read_lines(struct pt_regs *ctx, struct tls_at *at)
{
	struct tls_frame *frame = at->frame;
	struct http_reader *reader = at->reader;
	enum http_event event, passed = HTTP_NOTHING;

	if (!TLS_LINKS_LINE || at->stream->http2 || at->stream->state == TLS_STREAM_IGNORED) {
		bpf_tail_call(ctx, &tls_chain, TLS_LINK_DECODE);
		return;
	}
	event = tls_lines(at->stream, frame, reader);
	if (event == HTTP_HEAD || event == HTTP_END) {
		if (event == HTTP_HEAD)
			frame->offset += http_pass(reader, frame->total - frame->offset, &passed);
		tls_act(at, passed && frame->direction == TLS_RECEIVED ? HTTP_END : event);
		event = HTTP_NOTHING;
	} else if (!event && (frame->unsent || reader->state == HTTP_UNTIL_CLOSE ||
			      reader->head_bytes > TLS_HEAD_MAX)) {
		bpf_tail_call(ctx, &tls_chain, TLS_LINK_DECODE);
	}
	if (event || (at->stream->state != TLS_STREAM_IGNORED && frame->offset < frame->total))
		tls_go_on(ctx, frame, event);
}

#endif
