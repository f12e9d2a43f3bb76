// SPDX-License-Identifier: Apache-2.0
/* Runs the kernel's HTTP reader over bytes as bpf/tls_decode.bpf.h does, and writes down what it
 * found: "POST sendMessage 5; end; " for a request, "200 5; end; " for a response. */
#ifndef OPERAGLASS_TESTS_HTTP_TRACE_H
#define OPERAGLASS_TESTS_HTTP_TRACE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "parse_http_line.bpf.h"

#define HTTP_TRACE_SIZE 4096

struct http_trace {
	struct http_reader reader;
	struct endpoint_reader path;
	struct endpoint_piece piece;
	__u8 kind;	/* enum upstream_kind */
	__u8 direction; /* 0, or HTTP_RESPONSE */
	__u32 bodiless; /* bit n: the n-th response answers HEAD */
	__u32 messages;
	size_t pieces; /* taken from copies */
	bool want_host;
	bool whole_segments; /* as if no segment of a path was ever cut: none becomes an id by that */
	bool by_bytes;	     /* usual lines are read byte by byte, too */
	bool over;	     /* nothing after this is understood */
	size_t length;
	char text[HTTP_TRACE_SIZE];
};

static const char *const http_trace_methods[] = {"?",	 "GET",	  "POST",    "PUT",  "DELETE",
						 "HEAD", "PATCH", "OPTIONS", "OTHER"};

__attribute__((format(printf, 2, 3))) static inline void http_trace_say(struct http_trace *trace,
									const char *format, ...)
{
	va_list arguments;
	int length;

	if (trace->length >= HTTP_TRACE_SIZE - 128)
		return;
	va_start(arguments, format);
	length = vsnprintf(trace->text + trace->length, HTTP_TRACE_SIZE - trace->length, format,
			   arguments);
	va_end(arguments);
	trace->length += (size_t)length;
}

static inline void http_trace_init(struct http_trace *trace, __u8 direction, __u8 kind)
{
	memset(trace, 0, sizeof(*trace));
	trace->direction = direction;
	trace->kind = kind;
	http_begin(&trace->reader, direction);
	endpoint_begin(&trace->path, kind);
}

static inline void http_trace_head(struct http_trace *trace)
{
	_Alignas(__u64) char name[ENDPOINT_NAME_ROOM];

	if (trace->direction == HTTP_RESPONSE) {
		http_trace_say(trace, "%u", trace->reader.status);
	} else {
		endpoint_name(&trace->path, trace->kind, name);
		http_trace_say(trace, "%s %.*s", http_trace_methods[trace->reader.method],
			       ENDPOINT_SIZE, name);
		endpoint_begin(&trace->path, trace->kind);
	}
	if (trace->reader.state == HTTP_BODY)
		http_trace_say(trace, " %llu", trace->reader.remaining);
	else if (trace->reader.state == HTTP_CHUNK_SIZE)
		http_trace_say(trace, " chunked");
	else if (trace->reader.state == HTTP_UNTIL_CLOSE)
		http_trace_say(trace, " until close");
	if (trace->reader.retry_after_seconds)
		http_trace_say(trace, " retry %u", trace->reader.retry_after_seconds);
	http_trace_say(trace, "; ");
}

static inline void http_trace_event(struct http_trace *trace, enum http_event event)
{
	bool interim = trace->direction == HTTP_RESPONSE && trace->reader.status < 200;

	switch (event) {
	case HTTP_NOTHING:
	case HTTP_PATH:
		return;
	case HTTP_HOST:
		http_trace_say(trace, "host, ");
		return;
	case HTTP_PREFACE:
	case HTTP_MALFORMED:
		http_trace_say(trace, event == HTTP_PREFACE ? "http2" : "malformed");
		trace->over = true;
		return;
	case HTTP_HEAD:
		http_trace_head(trace);
		if (interim && trace->reader.status == 101) {
			trace->over = true;
			return;
		}
		break;
	case HTTP_END:
		break;
	}
	if (trace->reader.state != HTTP_COMPLETE)
		return;
	if (!interim) {
		http_trace_say(trace, "end; ");
		trace->messages++;
	}
	http_begin(&trace->reader, trace->direction);
}

/* What can be taken of the bytes in one step. */
static inline size_t http_trace_quick(struct http_trace *trace, const unsigned char *bytes,
				      size_t size, enum http_event *ret_event)
{
	struct http_copy copy = {0};
	union http_piece piece;
	size_t skip;

	if (trace->by_bytes || !http_is_quick(&trace->reader))
		return 0;
	skip = trace->pieces++ % (HTTP_COPY - HTTP_PIECE + 1);
	memset(copy.words, '\n', skip); /* what came before */
	memcpy((char *)copy.words + skip, bytes, size < HTTP_COPY - skip ? size : HTTP_COPY - skip);
	http_piece_take(&piece, &copy, (__u32)skip);
	if (size > HTTP_PIECE)
		size = HTTP_PIECE;
	return http_quick(&trace->reader, &trace->path, &piece, (__u32)size, ret_event);
}

static inline void http_trace_feed(struct http_trace *trace, const unsigned char *bytes,
				   size_t size)
{
	enum http_event event;
	size_t at = 0, taken;

	if (!trace->whole_segments)
		endpoint_resume(&trace->path, &trace->piece);
	while (at < size && !trace->over) {
		at += http_pass(&trace->reader, size - at, &event);
		http_trace_event(trace, event);
		if (at >= size || event)
			continue;
		if (trace->reader.state == HTTP_START) {
			if (trace->want_host)
				trace->reader.flags |= HTTP_WANT_HOST;
			if (trace->bodiless >> (trace->messages & 31) & 1)
				trace->reader.flags |= HTTP_BODILESS;
		}
		taken = http_trace_quick(trace, bytes + at, size - at, &event);
		if (taken) {
			at += taken;
			http_trace_event(trace, event);
			continue;
		}
		if (trace->reader.state == HTTP_TARGET)
			event = http_target_byte(&trace->reader, &trace->path, &trace->piece,
						 bytes[at]);
		else
			event = http_byte(&trace->reader, bytes[at]);
		at++;
		http_trace_event(trace, event);
	}
	if (trace->whole_segments)
		return;
	if (trace->reader.state == HTTP_TARGET)
		endpoint_pause(&trace->path, &trace->piece);
	endpoint_piece_clear(&trace->piece);
}

#endif
