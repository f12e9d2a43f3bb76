// SPDX-License-Identifier: Apache-2.0
/* Runs the kernel's HTTP/2 reader over bytes as bpf/tls_http2.bpf.h does, and writes down what it
 * found: "1 POST sendMessage; " for a request, "1 429 retry 7; 1 end; " for an answer. */
#ifndef OPERAGLASS_TESTS_HTTP2_TRACE_H
#define OPERAGLASS_TESTS_HTTP2_TRACE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "connection.h"
#include "http2_huffman.h"
#include "parse_http2.bpf.h"

#define HTTP2_TRACE_SIZE 16384

struct http2_trace {
	struct http2_reader reader;
	struct http2_huffman huffman;
	struct endpoint_reader path;
	struct endpoint_piece piece;
	_Alignas(__u64) char name[ENDPOINT_NAME_ROOM];
	struct endpoint paths[HTTP2_PATHS];
	bool request;
	bool over;
	__u32 authorities; /* that were read; each is an upstream of its own */
	size_t length;
	char text[HTTP2_TRACE_SIZE];
};

static const char *const http2_trace_methods[] = {"?",	  "GET",   "POST",    "PUT",  "DELETE",
						  "HEAD", "PATCH", "OPTIONS", "OTHER"};

__attribute__((format(printf, 2, 3))) static inline void http2_trace_say(struct http2_trace *trace,
									 const char *format, ...)
{
	va_list arguments;
	int length;

	if (trace->length >= HTTP2_TRACE_SIZE - 128)
		return;
	va_start(arguments, format);
	length = vsnprintf(trace->text + trace->length, HTTP2_TRACE_SIZE - trace->length, format,
			   arguments);
	va_end(arguments);
	trace->length += (size_t)length;
}

/* preface: the bytes begin with the client's. */
static inline void http2_trace_init(struct http2_trace *trace, bool request, bool preface,
				    __u8 kind)
{
	memset(trace, 0, sizeof(*trace));
	http2_huffman_build(&trace->huffman);
	http2_begin(&trace->reader, preface);
	endpoint_begin(&trace->path, kind);
	trace->request = request;
}

static inline void http2_trace_headers(struct http2_trace *trace)
{
	const struct http2_reader *reader = &trace->reader;

	if (trace->request)
		http2_trace_say(trace, "%u %s %.*s", reader->stream,
				http2_trace_methods[reader->method], ENDPOINT_SIZE,
				reader->has_path ? trace->name : "unknown");
	else
		http2_trace_say(trace, "%u %u", reader->stream, reader->status);
	if (reader->upstream)
		http2_trace_say(trace, " for %u", reader->upstream);
	if (reader->retry_after_seconds)
		http2_trace_say(trace, " retry %u", reader->retry_after_seconds);
	http2_trace_say(trace, reader->ends_stream ? " end; " : "; ");
}

static inline void http2_trace_event(struct http2_trace *trace, enum http2_event event)
{
	struct http2_reader *reader = &trace->reader;
	struct endpoint *slot = &trace->paths[reader->slot & (HTTP2_PATHS - 1)];

	switch (event) {
	case HTTP2_NOTHING:
	case HTTP2_PATH_BEGINS:
		return;
	case HTTP2_PATH:
		endpoint_name(&trace->path, trace->path.kind, trace->name);
		if (reader->slot != HTTP2_NO_SLOT)
			memcpy(slot->name, trace->name, ENDPOINT_SIZE);
		return;
	case HTTP2_PATH_KNOWN:
		reader->has_path = http2_has_slot(reader);
		memcpy(trace->name, slot->name, ENDPOINT_SIZE);
		return;
	case HTTP2_AUTHORITY:
		reader->value = ++trace->authorities;
		return;
	case HTTP2_HEADERS:
		http2_trace_headers(trace);
		return;
	case HTTP2_END:
		http2_trace_say(trace, "%u end; ", reader->stream);
		return;
	case HTTP2_RESET:
		http2_trace_say(trace, "%u reset %u; ", reader->stream, reader->word);
		return;
	case HTTP2_GOAWAY:
		http2_trace_say(trace, "goaway %u; ", reader->word & 0x7fffffff);
		return;
	case HTTP2_MALFORMED:
		http2_trace_say(trace, "malformed");
		trace->over = true;
		return;
	}
}

static inline void http2_trace_feed(struct http2_trace *trace, const unsigned char *bytes,
				    size_t size)
{
	enum http2_event event;
	size_t at = 0;

	endpoint_resume(&trace->path, &trace->piece);
	while (!trace->over) {
		at += http2_pass(&trace->reader, size - at, &event);
		http2_trace_event(trace, event);
		if (event)
			continue;
		if (at >= size)
			break;
		if (http2_passes(&trace->reader))
			continue;
		if (http2_awaits_head(&trace->reader) && size - at >= HTTP2_HEAD_SIZE) {
			event = http2_head(&trace->reader, bytes + at);
			at += HTTP2_HEAD_SIZE;
		} else {
			event = http2_byte(&trace->reader, &trace->huffman, &trace->path,
					   &trace->piece, bytes[at]);
			at++;
		}
		http2_trace_event(trace, event);
	}
	if (http2_in_path(&trace->reader))
		endpoint_pause(&trace->path, &trace->piece);
	endpoint_piece_clear(&trace->piece);
}

#endif
