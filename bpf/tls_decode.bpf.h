/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_DECODE_BPF_H
#define OPERAGLASS_TLS_DECODE_BPF_H

#include "loop.bpf.h"
#include "parse_http_line.bpf.h"
#include "tls_call.bpf.h"
#include "tls_host.bpf.h"

/*
 * Decoding what one call of the library moved: windows of the program's memory, on the stack, go
 * byte by byte through the reader of their direction. It stops at what means something, another
 * program acts on that, and the decoding goes on behind it: a chain of tail calls over one frame.
 */

#define TLS_WINDOW 256
/* Windows of one link of the chain, and links that the kernel lets follow each other, less those that
 * end it: a head of 60 KiB at least, or of 15 where verifiers follow each window. */
#ifdef VERIFY_ONCE
#define TLS_WINDOWS    10
#define TLS_LINKS_LINE 5 /* links in which a window ends with its line */
#else
#define TLS_WINDOWS    2
#define TLS_LINKS_LINE 0 /* all goes byte by byte, as verifiers would follow each usual line */
#endif
#define TLS_LINES     64 /* usual ones in front of a window */
#define TLS_LINKS_MAX 29
#define TLS_HEAD_MAX  (256 * 1024) /* of one head; servers refuse more than 8 to 64 KiB */

enum tls_link { /* rows of tls_chain */
	TLS_LINK_DECODE = 0,
	TLS_LINK_EVENT = 1,
	TLS_LINK_PATH = 2,
	TLS_LINK_HOST = 3,
	TLS_LINK_HTTP2 = 4,
	TLS_LINK_AUTHORITY = 5,
	TLS_LINK_LEAVE = 6,
	TLS_LINK_LINES = 7,
	TLS_LINKS = 8,
};

/* Filled by the observer; pinned, because the kernel empties an array of programs that no
 * descriptor and no pin holds. */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, TLS_LINKS);
	__type(key, __u32);
	__type(value, __u32);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} tls_chain SEC(".maps");

#define tls_barrier() asm volatile("" ::: "memory")

/* The first byte of a message is about to be read. HTTP_NOTHING, or why it cannot be. */
static __always_inline __u32 tls_message_start(struct tls_stream *stream, struct tls_frame *frame,
					       struct http_reader *reader)
{
	if (frame->direction == TLS_SENT) {
		stream->request_begin_ns = frame->time_ns;
		stream->head_counted = 0;
		if (stream->state == TLS_STREAM_NEW)
			reader->flags |= HTTP_WANT_HOST;
		return stream->next_call - stream->first_call < 64 ? HTTP_NOTHING : TLS_CROWDED;
	}
	if (stream->next_call == stream->first_call)
		return TLS_STRAY;
	stream->response_begin_ns = frame->time_ns;
	if (stream->bodiless >> (stream->first_call & 63) & 1)
		reader->flags |= HTTP_BODILESS;
	return HTTP_NOTHING;
}

/* Copies what comes next to the stack, at most TLS_WINDOW bytes. Returns how many, 0: unreadable.
 * The size goes through the map, so that the verifier follows one unknown instead of two cases. */
static __always_inline __u32 tls_window_read(struct tls_frame *frame, __u8 *window)
{
	__u64 left = frame->total - frame->offset;
	__u32 size;

	frame->window = left > TLS_WINDOW ? TLS_WINDOW : left;
	tls_barrier();
	size = ((frame->window - 1) & (TLS_WINDOW - 1)) + 1;
	if (bpf_probe_read_user(window, size, (const void *)(frame->buffer + frame->offset)))
		return 0;
	/* Forgotten by the compiler, so that it keeps the constant bound of loops over the window,
	 * which is the one that verifiers before 6.3 understand. */
	asm volatile("" : "+r"(size));
	return size;
}

struct tls_walk_lines {
	struct tls_stream *stream;
	struct tls_frame *frame;
	struct http_reader *reader;
	struct http_copy copy;
};

struct tls_walk {
	struct tls_stream *stream;
	struct tls_frame *frame;
	struct http_reader *reader;
	__u8 window[TLS_WINDOW];
};

/* A line that was not usual is over. */
static __always_inline bool tls_line_read(const struct tls_frame *frame,
					  const struct http_reader *reader)
{
	return frame->links < TLS_LINKS_LINE && reader->state == HTTP_LINE;
}

LOOP_BODY long tls_walk_byte(__u32 i, struct tls_walk *walk)
{
	struct http_reader *reader = walk->reader;
	__u8 c = walk->window[i & (TLS_WINDOW - 1)];
	enum http_event event;

	if (reader->state == HTTP_SKIP && c != '\n')
		return 0; /* most bytes of a head */
	event = http_byte(reader, c);
	walk->frame->event = event;
	tls_barrier(); /* the reader's members come from the map anew: few states */
	return event != HTTP_NOTHING || tls_line_read(walk->frame, reader);
}

/* Copies what comes next to the stack, more than one piece: to read the program's memory costs more than
 * to look at what came of it. Places go through the map, so that the verifier follows unknowns instead of
 * cases. False: it cannot be read. */
static __always_inline bool tls_copy(struct http_copy *copy, struct tls_frame *frame)
{
	__u64 left = frame->total - frame->offset;
	__u32 size;

	frame->copied_from = frame->offset;
	frame->copied_to = frame->offset + (left > HTTP_COPY ? HTTP_COPY : left);
	tls_barrier();
	__builtin_memset(copy, 0, sizeof(*copy));
	size = ((frame->copied_to - frame->copied_from - 1) & (HTTP_COPY - 1)) + 1;
	return !bpf_probe_read_user(copy, size, (const void *)(frame->buffer + frame->offset));
}

/* The next bytes, at most HTTP_PIECE. Returns how many, 0: they cannot be read. */
static __always_inline __u32 tls_piece(struct http_copy *copy, struct tls_frame *frame,
				       union http_piece *piece)
{
	__u64 left = frame->total - frame->offset;

	frame->window = left > HTTP_PIECE ? HTTP_PIECE : left;
	if ((frame->offset + frame->window > frame->copied_to ||
	     frame->offset - frame->copied_from > HTTP_COPY - HTTP_PIECE) &&
	    !tls_copy(copy, frame))
		return 0;
	tls_barrier();
	http_piece_take(piece, copy, frame->offset - frame->copied_from);
	return ((frame->window - 1) & (HTTP_PIECE - 1)) + 1;
}

/* The usual lines of a head, and bodies; all state is as tls_walk_byte() would leave it. */
LOOP_BODY long tls_walk_line(__u32 i, struct tls_walk_lines *walk)
{
	struct http_reader *reader = walk->reader;
	struct tls_frame *frame = walk->frame;
	union http_piece piece;
	enum http_event event;
	__u32 size, taken;

	frame->offset += http_pass(reader, frame->total - frame->offset, &event);
	frame->event = event;
	if (event || frame->offset >= frame->total || !http_is_quick(reader) ||
	    (reader->state == HTTP_START && tls_message_start(walk->stream, frame, reader)))
		return 1;
	size = tls_piece(&walk->copy, frame, &piece);
	if (!size)
		return 1;
	taken = http_quick(reader, &walk->stream->path, &piece, size, &event);
	frame->event = event;
	frame->offset += taken;
	reader->head_bytes = reader->state < HTTP_BODY ? reader->head_bytes + taken : 0;
	tls_barrier();
	return event || !taken;
}

/* Goes on as far as all is usual. Returns the event that stopped it. A function of its own, as the next
 * one, for the stack. */
APART __u32 tls_lines(struct tls_stream *stream, struct tls_frame *frame,
		      struct http_reader *reader)
{
	struct tls_walk_lines walk = {.stream = stream, .frame = frame, .reader = reader};
	enum http_event event;

	if (!TLS_LINKS_LINE)
		return HTTP_NOTHING;
	frame->offset += http_pass(reader, frame->total - frame->offset, &event);
	frame->event = event;
	/* With a copy before the loop, the verifier finds each of its steps in the same state. */
	if (!event && frame->offset < frame->total && http_is_quick(reader) &&
	    tls_copy(&walk.copy, frame))
		loop(TLS_LINES, TLS_LINES, tls_walk_line, &walk);
	return frame->event;
}

/* One window. Returns the event that stopped it; its bytes are added to frame->offset. */
APART __u32 tls_window(struct tls_stream *stream, struct tls_frame *frame,
		       struct http_reader *reader)
{
	struct tls_walk walk;
	enum http_event event = HTTP_NOTHING;
	__u32 size, used;

	walk.stream = stream;
	walk.frame = frame;
	walk.reader = reader;
	frame->event = HTTP_NOTHING;
	frame->offset += http_pass(reader, frame->total - frame->offset, &event);
	if (event)
		return event;
	if (frame->offset >= frame->total)
		return HTTP_NOTHING;
	if (reader->state == HTTP_TARGET)
		return HTTP_PATH;
	if (reader->state == HTTP_START) {
		__u32 refused = tls_message_start(stream, frame, reader);

		if (refused)
			return refused;
	}
	size = tls_window_read(frame, walk.window);
	if (!size)
		return TLS_UNREADABLE;
	used = loop(size, TLS_WINDOW, tls_walk_byte, &walk);
	frame->offset += used;
	reader->head_bytes = reader->state < HTTP_BODY ? reader->head_bytes + used : 0;
	return frame->event;
}

struct tls_target_walk {
	struct tls_walk in;
	struct endpoint_piece piece;
};

LOOP_BODY long tls_walk_target(__u32 i, struct tls_target_walk *walk)
{
	struct http_reader *reader = walk->in.reader;
	enum http_event event;

	event = http_target_byte(reader, &walk->in.stream->path, &walk->piece,
				 walk->in.window[i & (TLS_WINDOW - 1)]);
	walk->in.frame->event = event;
	tls_barrier();
	return event || reader->state != HTTP_TARGET;
}

/* One window of a request's target; HTTP_MALFORMED, or HTTP_NOTHING. */
static __always_inline __u32 tls_path_window(struct tls_stream *stream, struct tls_frame *frame,
					     struct http_reader *reader)
{
	struct tls_target_walk walk;
	__u32 size, used;

	walk.in.stream = stream;
	walk.in.frame = frame;
	walk.in.reader = reader;
	size = tls_window_read(frame, walk.in.window);
	if (!size)
		return TLS_UNREADABLE;
	endpoint_resume(&stream->path, &walk.piece);
	used = loop(size, TLS_WINDOW, tls_walk_target, &walk);
	if (reader->state == HTTP_TARGET)
		endpoint_pause(&stream->path, &walk.piece);
	frame->offset += used;
	reader->head_bytes += used;
	return frame->event;
}

#endif
