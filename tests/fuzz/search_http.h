// SPDX-License-Identifier: Apache-2.0
/* The messages of a text that is there as a whole, found by searching it: fuzz_http.c's second
 * opinion on bpf/parse_http.bpf.h. What was found is said into a struct http_trace, too. */
#ifndef OPERAGLASS_TESTS_SEARCH_HTTP_H
#define OPERAGLASS_TESTS_SEARCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include "../http_trace.h"
#include "search_path.h"

struct text {
	const uint8_t *at, *end;
};

enum verdict {
	NEXT,	/* a message was read, another may follow */
	PARTIAL /* the input ends, or nothing more is understood */
};

static const char methods[][8] = {"GET", "POST", "PUT", "DELETE", "HEAD", "PATCH", "OPTIONS"};

static inline size_t left(const struct text *text)
{
	return (size_t)(text->end - text->at);
}

/* Behind the end of the line; false: the line has none. */
static inline bool skip_line(struct text *text)
{
	while (left(text) && *text->at != '\n')
		text->at++;
	if (!left(text))
		return false;
	text->at++;
	return true;
}

static inline enum verdict bad(struct http_trace *trace)
{
	http_trace_say(trace, "malformed");
	return PARTIAL;
}

/* Behind carriage returns and a line's end, where nothing else may be. */
static inline enum verdict line_end(struct http_trace *trace, struct text *text)
{
	while (left(text) && *text->at == '\r')
		text->at++;
	if (!left(text))
		return PARTIAL;
	return *text->at++ == '\n' ? NEXT : bad(trace);
}

static inline enum verdict request_line(struct http_trace *trace, struct text *text)
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
	if (line_end(trace, text) == PARTIAL)
		return PARTIAL;
	memcpy(trace->text + HTTP_TRACE_SIZE - ENDPOINT_SIZE, name, ENDPOINT_SIZE);
	return NEXT;
}

static inline enum verdict status_line(struct http_trace *trace, struct text *text)
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
	return skip_line(text) ? NEXT : PARTIAL;
}

struct head {
	bool has_length, coded, chunked;
	uint64_t length, retry_after;
};

/* Digits with blanks around them. 1: a number; 0: something else; -1: too long. */
static inline int number_of(const uint8_t *at, const uint8_t *end, uint64_t *ret_number)
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
static inline bool refused_early(const uint8_t *at, const uint8_t *end)
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

static inline bool last_coding_is_chunked(const uint8_t *at, const uint8_t *end)
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

static inline bool named(const uint8_t *at, const uint8_t *end, const char *name)
{
	return (size_t)(end - at) == strlen(name) &&
	       !strncasecmp((const char *)at, name, strlen(name));
}

static inline enum verdict field(struct http_trace *trace, struct text *text, struct head *head)
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
static inline enum verdict fields(struct http_trace *trace, struct text *text, struct head *head)
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
			if (!skip_line(text))
				return PARTIAL;
			continue;
		}
		verdict = field(trace, text, head);
		if (verdict == PARTIAL)
			return PARTIAL;
	}
	return PARTIAL;
}

static inline enum verdict chunks(struct http_trace *trace, struct text *text)
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
		if (!skip_line(text))
			return PARTIAL;
		if (!chunk)
			return fields(trace, text, NULL);
		if (chunk > left(text))
			return PARTIAL;
		text->at += chunk;
		if (line_end(trace, text) == PARTIAL)
			return PARTIAL;
	}
}

static inline enum verdict message(struct http_trace *trace, struct text *text)
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

#endif
