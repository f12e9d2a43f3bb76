// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's HTTP reader against a second one that is written differently: it sees the whole
 * input at once and searches it. Both must find the same messages, wherever the input is cut. And a
 * reader that takes every byte alone must find what the one that takes whole lines does.
 *
 * Input: one byte (bit 0 response, bits 1..3 where to cut, bit 4 answers HEAD), then the bytes.
 */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <strings.h>

#include "../http_trace.h"
#include "search_path.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct text {
	const uint8_t *at, *end;
};

enum verdict {
	NEXT,	/* a message was read, another may follow */
	PARTIAL /* the input ends, or nothing more is understood */
};

static const char methods[][8] = {"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"};

static size_t left(const struct text *text)
{
	return (size_t)(text->end - text->at);
}

static enum verdict bad(struct http_trace *trace)
{
	http_trace_say(trace, "malformed");
	return PARTIAL;
}

static enum verdict request_line(struct http_trace *trace, struct text *text)
{
	const uint8_t *begin, *path, *query;
	char name[ENDPOINT_SIZE];
	size_t length, i, size;

	while (left(text) && (*text->at == '\r' || *text->at == '\n'))
		text->at++;
	begin = text->at;
	while (left(text) && *text->at >= 'A' && *text->at <= 'Z' && text->at - begin < 20)
		text->at++;
	if (!left(text))
		return PARTIAL;
	length = (size_t)(text->at - begin);
	if (*text->at++ != ' ' || !length)
		return bad(trace);
	if (length == 3 && !memcmp(begin, "PRI", 3)) {
		http_trace_say(trace, "http2");
		return PARTIAL;
	}
	for (i = 0; i < 7; i++)
		if (strlen(methods[i]) == length && !memcmp(methods[i], begin, length))
			break;
	trace->reader.method = i < 7 ? METHOD_GET + (__u8)i : METHOD_OTHER;
	path = text->at;
	while (left(text) && *text->at > ' ' && *text->at != 127)
		text->at++;
	if (!left(text))
		return PARTIAL;
	if (*text->at != ' ')
		return bad(trace);
	size = (size_t)(text->at++ - path);
	for (query = path; query < path + size && *query != '?' && *query != '#'; query++)
		;
	size = (size_t)(query - path);
	if (path_of(&path, &size))
		generic_name(path, size, name);
	else
		strcpy(name, "unknown");
	for (i = 0; i < 7 && left(text); i++)
		if (*text->at++ != "HTTP/1."[i])
			return bad(trace);
	if (!left(text))
		return PARTIAL;
	if (*text->at != '0' && *text->at != '1')
		return bad(trace);
	text->at++;
	while (left(text) && *text->at == '\r')
		text->at++;
	if (!left(text))
		return PARTIAL;
	if (*text->at++ != '\n')
		return bad(trace);
	memcpy(trace->text + HTTP_TRACE_SIZE - ENDPOINT_SIZE, name, ENDPOINT_SIZE);
	return NEXT;
}

static enum verdict status_line(struct http_trace *trace, struct text *text)
{
	static const char shape[] = "HTTP/1.v ddd";
	size_t i;

	trace->reader.status = 0;
	for (i = 0; i < sizeof(shape) - 1; i++) {
		uint8_t c;

		if (!left(text))
			return PARTIAL;
		c = *text->at++;
		if (shape[i] == 'v'   ? c != '0' && c != '1'
		    : shape[i] == 'd' ? c < '0' || c > '9'
				      : c != (uint8_t)shape[i])
			return bad(trace);
		if (shape[i] == 'd')
			trace->reader.status = (__u16)(trace->reader.status * 10 + c - '0');
	}
	if (!left(text))
		return PARTIAL;
	if (trace->reader.status < 100 || !strchr(" \r\n", *text->at) || !*text->at)
		return bad(trace);
	while (left(text) && *text->at != '\n')
		text->at++;
	if (!left(text))
		return PARTIAL;
	text->at++;
	return NEXT;
}

struct head {
	bool has_length, coded, chunked;
	uint64_t length, retry_after;
};

/* Digits with blanks around them. 1: a number; 0: something else; -1: too long. */
static int number_of(const uint8_t *at, const uint8_t *end, uint64_t *ret_number)
{
	size_t digits = 0;

	*ret_number = 0;
	while (at < end && strchr(" \t\r", *at) && *at)
		at++;
	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		if (++digits > 18)
			return 0;
		*ret_number = *ret_number * 10 + (*at - '0');
	}
	while (at < end && strchr(" \t\r", *at) && *at)
		at++;
	return at == end && digits;
}

/* A number that stops being one is refused at that byte, before the line is complete. */
static bool refused_early(const uint8_t *at, const uint8_t *end)
{
	size_t digits = 0;
	bool ended = false;

	for (; at < end; at++) {
		if (*at && strchr(" \t\r", *at))
			ended = digits;
		else if (*at >= '0' && *at <= '9' && !ended && digits < 18)
			digits++;
		else
			return true;
	}
	return false;
}

static bool last_coding_is_chunked(const uint8_t *at, const uint8_t *end)
{
	const uint8_t *comma = at, *i;

	for (i = at; i < end; i++)
		if (*i == ',')
			comma = i + 1;
	while (comma < end && *comma && strchr(" \t\r", *comma))
		comma++;
	while (end > comma && end[-1] && strchr(" \t\r", end[-1]))
		end--;
	if (end - comma != 7)
		return false;
	for (i = comma; i < end; i++)
		if ((*i | 0x20) != "chunked"[i - comma])
			return false;
	return true;
}

static bool named(const uint8_t *at, const uint8_t *end, const char *name)
{
	return (size_t)(end - at) == strlen(name) &&
	       !strncasecmp((const char *)at, name, strlen(name));
}

static enum verdict field(struct http_trace *trace, struct text *text, struct head *head)
{
	const uint8_t *name = text->at, *value, *end;
	bool complete;
	uint64_t number;
	int kind;

	for (text->at++; left(text) && *text->at != ':'; text->at++)
		if (*text->at < 0x20 || *text->at == 127)
			return bad(trace);
	if (!left(text))
		return PARTIAL;
	end = text->at++;
	value = text->at;
	while (left(text) && *text->at != '\n')
		text->at++;
	complete = left(text);
	if (head && named(name, end, "content-length")) {
		if (refused_early(value, text->at))
			return bad(trace);
		if (!complete)
			return PARTIAL;
		if (!number_of(value, text->at, &number) ||
		    (head->has_length && head->length != number))
			return bad(trace);
		head->has_length = true;
		head->length = number;
	} else if (head && complete && named(name, end, "transfer-encoding")) {
		head->coded = true;
		head->chunked = last_coding_is_chunked(value, text->at);
	} else if (head && complete && trace->direction && named(name, end, "retry-after")) {
		kind = !refused_early(value, text->at);
		if (kind) {
			number_of(value, text->at, &number);
			head->retry_after = number > 0xffffffff ? 0xffffffff : number;
		}
	}
	if (!complete)
		return PARTIAL;
	text->at++;
	return NEXT;
}

/* Up to and with the empty line. head: NULL for trailers. */
static enum verdict fields(struct http_trace *trace, struct text *text, struct head *head)
{
	enum verdict verdict;

	while (left(text)) {
		if (*text->at == '\n') {
			text->at++;
			return NEXT;
		}
		if (*text->at == '\r') {
			if (left(text) < 2)
				return PARTIAL;
			if (text->at[1] != '\n')
				return bad(trace);
			text->at += 2;
			return NEXT;
		}
		if (*text->at == ':')
			return bad(trace);
		if (*text->at == ' ' || *text->at == '\t') {
			/* The first byte of a folded line is taken for its line end too. */
			text->at++;
			while (left(text) && *text->at != '\n')
				text->at++;
			if (!left(text))
				return PARTIAL;
			text->at++;
			continue;
		}
		verdict = field(trace, text, head);
		if (verdict == PARTIAL)
			return PARTIAL;
	}
	return PARTIAL;
}

static enum verdict chunks(struct http_trace *trace, struct text *text)
{
	uint64_t chunk;
	size_t digits;

	for (;;) {
		chunk = 0;
		for (digits = 0; left(text) && digits < 15; digits++, text->at++) {
			uint8_t c = *text->at | 0x20;

			if (c >= '0' && c <= '9' && *text->at >= '0')
				chunk = chunk * 16 + c - '0';
			else if (c >= 'a' && c <= 'f' && *text->at >= 'A')
				chunk = chunk * 16 + c - 'a' + 10;
			else
				break;
		}
		if (!left(text))
			return PARTIAL;
		if (!digits || !*text->at || !strchr("\r\n; \t", *text->at))
			return bad(trace);
		while (left(text) && *text->at != '\n')
			text->at++;
		if (!left(text))
			return PARTIAL;
		text->at++;
		if (!chunk)
			return fields(trace, text, NULL);
		if (chunk > left(text))
			return PARTIAL;
		text->at += chunk;
		while (left(text) && *text->at == '\r')
			text->at++;
		if (!left(text))
			return PARTIAL;
		if (*text->at++ != '\n')
			return bad(trace);
	}
}

static enum verdict message(struct http_trace *trace, struct text *text)
{
	struct head head = {0};
	__u16 status;
	bool bodiless;

	if (!left(text) ||
	    (trace->direction ? status_line(trace, text) : request_line(trace, text)) == PARTIAL ||
	    fields(trace, text, &head) == PARTIAL)
		return PARTIAL;
	status = trace->reader.status;
	bodiless = trace->direction && ((trace->bodiless >> (trace->messages & 31) & 1) ||
					status < 200 || status == 204 || status == 304);
	if (!bodiless && head.coded && !head.chunked && !trace->direction)
		return bad(trace);
	if (trace->direction)
		http_trace_say(trace, "%u", status);
	else
		http_trace_say(trace, "%s %s", http_trace_methods[trace->reader.method],
			       trace->text + HTTP_TRACE_SIZE - ENDPOINT_SIZE);
	if (bodiless)
		head = (struct head){.retry_after = head.retry_after};
	else if (head.chunked)
		http_trace_say(trace, " chunked");
	else if (trace->direction && (head.coded || !head.has_length))
		http_trace_say(trace, " until close");
	else if (head.length)
		http_trace_say(trace, " %llu", (unsigned long long)head.length);
	if (head.retry_after)
		http_trace_say(trace, " retry %u", (unsigned int)head.retry_after);
	http_trace_say(trace, "; ");
	if (trace->direction && status < 200)
		return status == 101 ? PARTIAL : NEXT;
	if (!bodiless && trace->direction && !head.chunked && (head.coded || !head.has_length))
		return PARTIAL;
	if (head.chunked) {
		if (chunks(trace, text) == PARTIAL)
			return PARTIAL;
	} else {
		if (head.length > left(text))
			return PARTIAL;
		text->at += head.length;
	}
	http_trace_say(trace, "end; ");
	trace->messages++;
	return NEXT;
}

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
