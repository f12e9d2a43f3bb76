/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_TLS_HTTP2_LATE_BPF_H
#define OPERAGLASS_TLS_HTTP2_LATE_BPF_H

#include "process_rows.bpf.h"
#include "tls_http2_rows.bpf.h"
#include "tls_join.bpf.h"

/*
 * HTTP/2 on a connection whose beginning nobody saw. Its middle is found at a write that consists of
 * nothing but frames, with a request's complete fields among them: every head must be one that the
 * standard lets a client send, and the next one must follow where it ends. What is not in any of the
 * first HTTP2_MISSES writes is not looked for any longer.
 *
 * That alone makes no call: fields must then name a watched upstream, where no connection is known
 * that does.
 */

#if TLS_READS_HTTP2

enum http2_glance_result {
	HTTP2_STRANGE = 0,
	HTTP2_CLIENT = 1,
	HTTP2_SERVER = 2, /* these are frames of a server's */
};

struct http2_glance {
	__u64 buffer;
	__u64 length;
	__u64 offset;
	enum http2_glance_result result;
};

/* Whether fields begin with a status of the static table, as an answer's do. */
static __always_inline bool http2_is_answer(const struct http2_glance *glance, __u8 flags)
{
	__u64 at = glance->buffer + glance->offset + HTTP2_HEAD_SIZE;
	__u8 c = 0;

	at += flags & HTTP2_PADDED ? 1 : 0;
	at += flags & HTTP2_PRIORITY ? 5 : 0;
	if (bpf_probe_read_user(&c, 1, (const void *)at))
		return false;
	c = c & 0x80 ? c & 0x7f : c & 0x40 ? c & 0x3f : c & 0x20 ? 0 : c & 0x0f;
	return c >= 8 && c <= 14;
}

/* One frame; stops behind the last one. */
LOOP_BODY long http2_glance_frame(__u32 i, struct http2_glance *glance)
{
	__u64 left = glance->length - glance->offset, length;
	__u8 head[HTTP2_HEAD_SIZE];

	if (left < sizeof(head))
		return 1;
	if (bpf_probe_read_user(head, sizeof(head),
				(const void *)(glance->buffer + glance->offset)) ||
	    !http2_head_fits(head, ~0U)) {
		glance->result = HTTP2_STRANGE;
		return 1;
	}
	length = HTTP2_HEAD_SIZE + http2_head_length(head);
	if (!i && head[3] == HTTP2_FRAME_SETTINGS && !(head[4] & HTTP2_ACK)) {
		glance->result = HTTP2_SERVER; /* a client's follow the preface */
		return 1;
	}
	if (head[3] == HTTP2_FRAME_HEADERS) {
		glance->result = HTTP2_STRANGE;
		if (length > left || !(head[4] & HTTP2_END_HEADERS))
			return 1;
		glance->result = http2_is_answer(glance, head[4]) ? HTTP2_SERVER : HTTP2_CLIENT;
	}
	glance->offset += length;
	return length >= left;
}

__noinline int http2_glance(__u64 buffer, __u64 length)
{
	struct http2_glance glance = {.buffer = buffer, .length = length};

	loop(HTTP2_GLANCES, HTTP2_GLANCES, http2_glance_frame, &glance);
	return glance.result;
}

/* Whether what was read begins with a frame of a stream below `next`. */
static __always_inline bool http2_in_step(__u64 buffer, __u64 length, __u32 next)
{
	__u8 head[HTTP2_HEAD_SIZE];

	return length >= sizeof(head) &&
	       !bpf_probe_read_user(head, sizeof(head), (const void *)buffer) &&
	       http2_head_fits(head, next);
}

/* The object is about to send what begins nothing that is known. False: this tells nothing. */
static __always_inline bool http2_open_late(struct tls_stream *stream,
					    const struct tls_stream_key *key, __u64 buffer,
					    __u64 length)
{
	struct http2_connection *row;
	int seen = http2_glance(buffer, length);

	if (seen == HTTP2_CLIENT && http2_open(stream, key, 0)) {
		row = bpf_map_lookup_elem(&http2_connections, key);
		if (!row)
			return false;
		row->readers[TLS_SENT].phase = HTTP2_HEAD;
		row->readers[TLS_SENT].type = 0;
		row->readers[TLS_SENT].remaining = 0;
		row->listening = 1;
		return true;
	}
	stream->misses = seen == HTTP2_STRANGE ? stream->misses + 1 : HTTP2_MISSES;
	return false;
}

/*
 * A child goes on with the connection of its parent, by a copy of the object at the same address. What is
 * known of the connection goes with it: its bytes are in order for one of them only. A server's object may
 * lie at that address, too, but not in a child that writes as a client.
 */
static __always_inline bool http2_inherit(struct tls_stream *stream,
					  const struct tls_stream_key *key, __u32 parent,
					  __u64 buffer, __u64 length)
{
	struct tls_stream_key from = {.ssl = key->ssl, .tgid = parent};
	struct tls_stream *theirs = bpf_map_lookup_elem(&tls_streams, &from);
	struct http2_connection *row = bpf_map_lookup_elem(&http2_connections, &from);
	__u32 tgid = key->tgid;
	struct process *process = bpf_map_lookup_elem(&processes, &tgid);

	if (!theirs || !row || !process || process->forker != parent || !theirs->http2 ||
	    !tls_random_same(&theirs->random, &stream->random) ||
	    http2_glance(buffer, length) == HTTP2_SERVER ||
	    bpf_map_update_elem(&http2_connections, key, row, BPF_ANY))
		return false;
	http2_close(&from);
	stream->http2 = 1;
	return true;
}

#else

static __always_inline bool http2_inherit(struct tls_stream *stream,
					  const struct tls_stream_key *key, __u32 parent,
					  __u64 buffer, __u64 length)
{
	return false;
}

static __always_inline bool http2_open_late(struct tls_stream *stream,
					    const struct tls_stream_key *key, __u64 buffer,
					    __u64 length)
{
	stream->misses = HTTP2_MISSES;
	return false;
}

#endif

#endif
