// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's HTTP reader against a second one that is written differently: it sees the whole
 * input at once and searches it. Both must find the same messages, wherever the input is cut. And a
 * reader that takes every byte alone must find what the one that takes whole lines does.
 *
 * Input: one byte (bit 0 response, bits 1..3 where to cut, bit 4 answers HEAD), then the bytes.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "search_http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void feed_both(struct http_trace *trace, const uint8_t *bytes, size_t cut, size_t size)
{
	http_trace_feed(trace, bytes, cut);
	http_trace_feed(trace, bytes + cut, size - cut);
}

static void same_by_bytes(struct http_trace *trace, const uint8_t *bytes, size_t cut, size_t size)
{
	struct http_trace by_bytes = *trace;

	by_bytes.by_bytes = true;
	feed_both(&by_bytes, bytes, cut, size);
	feed_both(trace, bytes, cut, size);
	if (strcmp(trace->text, by_bytes.text) != 0 ||
	    memcmp(&trace->path, &by_bytes.path, sizeof(trace->path)) != 0 ||
	    trace->reader.state != by_bytes.reader.state) {
		fprintf(stderr, "lines: %s\nbytes: %s\n", trace->text, by_bytes.text);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct http_trace trace, telegram, expected;
	struct text text;
	size_t cut;

	if (size < 1)
		return 0;
	http_trace_init(&trace, data[0] & 1 ? HTTP_RESPONSE : 0, UPSTREAM_HTTPS);
	trace.bodiless = data[0] >> 4 & 1;
	telegram = trace;
	telegram.kind = UPSTREAM_TELEGRAM;
	telegram.want_host = data[0] >> 5 & 1;
	endpoint_begin(&telegram.path, UPSTREAM_TELEGRAM);
	trace.whole_segments = true;
	expected = trace;
	text = (struct text){data + 1, data + size};
	while (message(&expected, &text) == NEXT)
		;
	cut = (size - 1) * (data[0] >> 1 & 7) / 8;
	same_by_bytes(&telegram, data + 1, cut, size - 1);
	same_by_bytes(&trace, data + 1, cut, size - 1);
	if (strcmp(trace.text, expected.text) != 0) {
		fprintf(stderr, "reader: %s\nsearch: %s\n", trace.text, expected.text);
		abort();
	}
	return 0;
}
