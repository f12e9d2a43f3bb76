/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_HTTP2_BPF_H
#define OPERAGLASS_TLS_HTTP2_BPF_H

#include "tls_frame.bpf.h"
#include "tls_http2_call.bpf.h"
#include "tls_http2_late.bpf.h"

/*
 * Decoding HTTP/2: windows of the program's memory, on the stack, go byte by byte through the reader
 * of their direction, and what a frame means for the call of its stream is done at once, as one
 * read may end hundreds of them.
 */

#if TLS_READS_HTTP2

enum {
	HTTP2_WINDOW = 64,  /* holds the first two segments of any path */
	HTTP2_STEPS = 2048, /* windows, frames and events of one link of the chain */
};

struct http2_window {
	struct http2_connection *row;
	struct http2_reader *reader;
	const struct http2_huffman *huffman;
	struct tls_frame *frame;
	struct endpoint_piece piece;
	__u8 bytes[HTTP2_WINDOW];
};

LOOP_BODY long http2_walk_byte(__u32 i, struct http2_window *window)
{
	enum http2_event event;

	event = http2_byte(window->reader, window->huffman, &window->row->path, &window->piece,
			   window->bytes[i & (HTTP2_WINDOW - 1)]);
	window->frame->event = event;
	tls_barrier();
	return event || http2_passes(window->reader) || http2_awaits_head(window->reader);
}

/* A frame's head, when all of it is there. Returns an event, or TLS_UNREADABLE. */
static __always_inline __u32 http2_walk_head(struct http2_walk *walk)
{
	struct tls_frame *frame = walk->frame;
	__u8 head[HTTP2_HEAD_SIZE];

	if (bpf_probe_read_user(head, sizeof(head), (const void *)(frame->buffer + frame->offset)))
		return TLS_UNREADABLE;
	frame->offset += sizeof(head);
	return http2_head(walk->reader, head);
}

/* One window. Returns the event that stopped it, or TLS_UNREADABLE. */
static __noinline __u32 http2_walk_window(struct http2_walk *walk)
{
	struct tls_frame *frame = walk->frame;
	__u64 left = frame->total - frame->offset;
	struct http2_window window;
	__u32 size;

	window.row = walk->row;
	window.reader = walk->reader;
	window.huffman = walk->huffman;
	window.frame = frame;
	frame->event = HTTP2_NOTHING;
	frame->window = left > HTTP2_WINDOW ? HTTP2_WINDOW : left;
	tls_barrier();
	size = ((frame->window - 1) & (HTTP2_WINDOW - 1)) + 1;
	if (bpf_probe_read_user(window.bytes, size, (const void *)(frame->buffer + frame->offset)))
		return TLS_UNREADABLE;
	endpoint_resume(&window.row->path, &window.piece);
	size = loop(size, HTTP2_WINDOW, http2_walk_byte, &window);
	if (http2_in_path(window.reader))
		endpoint_pause(&window.row->path, &window.piece);
	frame->offset += size;
	return frame->event;
}

/* Nonzero: no more is understood, or another link of the chain goes on. */
static __always_inline long http2_act(struct http2_walk *walk, __u32 event)
{
	__u32 sent = walk->frame->direction == TLS_SENT;

	switch (event) {
	case HTTP2_PATH:
	case HTTP2_PATH_KNOWN:
		return http2_path(walk, event);
	case HTTP2_HEADERS:
		return sent ? http2_request(walk) : http2_answer(walk, event, FAILURE_NONE);
	case HTTP2_END:
		return sent ? 0 : http2_answer(walk, event, FAILURE_NONE);
	case HTTP2_RESET:
		return http2_answer(walk, event, sent ? FAILURE_TIMEOUT : FAILURE_RESET);
	case HTTP2_GOAWAY:
		return sent ? 0 : http2_goaway(walk);
	case HTTP2_PATH_BEGINS:
		return 0;
	}
	return event != HTTP2_NOTHING;
}

/* Bytes that nobody wants, or a window; then what they mean. */
LOOP_BODY long http2_step(__u32 i, struct http2_walk *walk)
{
	struct tls_frame *frame = walk->frame;
	enum http2_event passed;
	__u32 event;

	frame->offset += http2_pass(walk->reader, frame->total - frame->offset, &passed);
	tls_barrier();
	event = passed;
	if (!event) {
		if (frame->offset >= frame->total) {
			frame->event = HTTP2_NOTHING;
			return 1;
		}
		if (http2_passes(walk->reader))
			return 0;
		if (http2_awaits_head(walk->reader) &&
		    frame->total - frame->offset >= HTTP2_HEAD_SIZE)
			event = http2_walk_head(walk);
		else
			event = http2_walk_window(walk);
		tls_barrier();
	}
	frame->event = event;
	return http2_act(walk, event);
}

/* What was read of a connection that began before anybody looked. False: no frame begins here. */
static __always_inline bool http2_hears(const struct http2_walk *walk)
{
	struct tls_frame *frame = walk->frame;

	if (frame->direction == TLS_SENT || !walk->row->listening)
		return true;
	if (!http2_in_step(frame->buffer, frame->total, walk->row->next_stream))
		return false;
	walk->row->listening = 0;
	return true;
}

/* The bytes of a direction are not understood any more. */
static __always_inline void http2_lose(struct tls_stream *stream, __u32 event)
{
	lost_add(event == HTTP2_MALFORMED  ? LOST_HTTP_MALFORMED
		 : event == TLS_UNREADABLE ? LOST_USER_MEMORY
					   : LOST_HTTP_TOO_LONG);
	tls_give_up(stream, UNDECODED_MALFORMED);
}

TLS_PROGRAM(og_tls_http2)
{
	struct http2_walk walk = {};
	__u32 zero = 0, event;
	struct tls_at at;

	if (!tls_resume(ctx, &at))
		return;
	walk.object = at.stream_key;
	walk.stream = at.stream;
	walk.frame = at.frame;
	walk.row = bpf_map_lookup_elem(&http2_connections, &at.stream_key);
	walk.huffman = bpf_map_lookup_elem(&http2_huffman, &zero);
	if (!walk.row || !walk.huffman) {
		tls_give_up(at.stream, UNDECODED_HTTP2);
		goto done;
	}
	if (!http2_hears(&walk))
		goto done;
	if (!at.stream->sock && !walk.row->asked) {
		walk.row->asked = 1;
		at.frame->event = HTTP2_NOTHING;
		bpf_tail_call(ctx, &tls_chain, TLS_LINK_AUTHORITY);
	}
	walk.reader = &walk.row->readers[at.frame->direction & 1];
	loop(HTTP2_STEPS, HTTP2_STEPS, http2_step, &walk);
	event = at.frame->event;
	if (event == HTTP2_MALFORMED || event == TLS_UNREADABLE ||
	    at.frame->links > TLS_LINKS_MAX) {
		http2_lose(at.stream, event);
	} else if (at.stream->state != TLS_STREAM_IGNORED && at.frame->offset < at.frame->total) {
		at.frame->links++;
		bpf_tail_call(ctx, &tls_chain,
			      event == HTTP2_AUTHORITY ? TLS_LINK_AUTHORITY : TLS_LINK_HTTP2);
	}
	if (at.stream->state == TLS_STREAM_IGNORED)
		http2_close(&at.stream_key);
done:
	bpf_map_delete_elem(&tls_frames, &at.frame_key);
}

#endif

#endif
