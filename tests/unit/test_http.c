// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "../guard_page.h"
#include "../http_trace.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

struct row {
	const char *input, *expected;
};

/* clang-format off: input and output side by side */
static const struct row requests[] = {
	{"GET /bot1:A/getMe HTTP/1.1\r\nHost: x\r\n\r\n", "GET getMe; end; "},
	{"get / HTTP/1.1\r\n\r\n", "malformed"},
	{"\r\n\r\nGET /bot1:A/getMe HTTP/1.1\r\n\r\n", "GET getMe; end; "},
	{"GET /bot1:A/getMe HTTP/1.0\n\n", "GET getMe; end; "},
	{"POST /bot1:A/sendMessage HTTP/1.1\r\nCONTENT-length:  5 \r\n\r\nhello",
	 "POST sendMessage 5; end; "},
	{"POST /bot1:A/sendMessage HTTP/1.1\r\nContent-Length: 0\r\n\r\n",
	 "POST sendMessage; end; "},
	{"POST /bot1:A/a HTTP/1.1\r\nContent-Length: 2\r\n\r\nxyGET /bot1:A/b?c=/d HTTP/1.1\r\n\r\n",
	 "POST a 2; end; GET b; end; "},
	{"POST /bot1:A/a HTTP/1.1\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n5;name=\"v\"\r\nhello\r\n0\r\n\r\nHEAD",
	 "POST a chunked; end; "},
	{"POST /bot1:A/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n00A\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n"
	 "DELETE /bot1:A/b HTTP/1.1\r\n\r\n",
	 "POST a chunked; end; DELETE b; end; "},
	{"POST /bot1:A/a HTTP/1.1\r\nTransfer-Encoding: chunked, gzip\r\n\r\n", "malformed"},
	{"POST /bot1:A/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n0\r\n\r\n",
	 "POST a chunked; end; "},
	{"POST /bot1:A/a HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
	 "POST a 5; end; "},
	{"POST /bot1:A/a HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n", "malformed"},
	{"POST /bot1:A/a HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", "malformed"},
	{"POST /bot1:A/a HTTP/1.1\r\nContent-Length: -1\r\n\r\n", "malformed"},
	{"POST /bot1:A/a HTTP/1.1\r\nContent-Length: 5 5\r\n\r\n", "malformed"},
	{"POST /bot1:A/a HTTP/1.1\r\nContent-Length:\r\n\r\n", "malformed"},
	{"POST /bot1:A/a HTTP/1.1\r\nContent-Length: 999999999999999999\r\n\r\nabc",
	 "POST a 999999999999999999; "},
	{"POST /bot1:A/a HTTP/1.1\r\nContent-Length: 9999999999999999999\r\n\r\n", "malformed"},
	{"POST /bot1:A/a HTTP/1.1\r\nX-Content-Length: 5\r\nContent-Length-X: 7\r\n\r\n",
	 "POST a; end; "},
	{"POST /bot1:A/a HTTP/1.1\r\nX: y\r\n folded: 5\r\n\tContent-Length: 7\r\n\r\n",
	 "POST a; end; "},
	{"POST /bot1:A/a HTTP/1.1\r\nno colon\r\n\r\n", "malformed"},
	{"POST /bot1:A/a HTTP/1.1\r\n: empty\r\n\r\n", "malformed"},
	{"POST /bot1:A/a HTTP/1.1\r\nX: y\r\n\rZ", "malformed"},
	{"PUT /bot1:A/a HTTP/1.1\r\nRetry-After: 7\r\n\r\n", "PUT a; end; "},
	{"PATCH /bot1:A/a HTTP/1.1\r\n\r\nOPTIONS * HTTP/1.1\r\n\r\n",
	 "PATCH a; end; OPTIONS unknown; end; "},
	{"BREW /bot1:A/a HTTP/1.1\r\n\r\n", "OTHER a; end; "},
	{"ABCDEFGHIJKLMNOPQRSTU / HTTP/1.1\r\n\r\n", "malformed"},
	{"GET /bot1:A/a\r\n\r\n", "malformed"},
	{"GET /bot1:A/a HTTP/2.0\r\n\r\n", "malformed"},
	{"GET /bot1:A/a HTTP/1.2\r\n\r\n", "malformed"},
	{"GET /bot1:A/a HTTP/1.1 \r\n\r\n", "malformed"},
	{"GET /bot1:A/a\tHTTP/1.1\r\n\r\n", "malformed"},
	{"GET /bot123456789:AAF3qXy0123456789abcdefghijklmnopqrs/getUpdates?offset=7&timeout=50&allowed_updates=message,callback_query HTTP/1.1\r\n\r\n",
	 "GET getUpdates; end; "},
	{"GET /bot1234567890123456789012345678901234567890123456789012345678901234567890:A/getMe HTTP/1.0\r\n\r\n",
	 "GET getMe; end; "},
	{"GET /bot1:A/test/getMe HTTP/1.1\r\n\r\n", "GET getMe; end; "},
	{"GET /bot1:A/getMe#x HTTP/1.1\r\n\r\n", "GET getMe; end; "},
	{"GET /bot1:A/getMe?a\x01 HTTP/1.1\r\n\r\n", "malformed"},
	{"GET /bot1:A?x/getMe HTTP/1.1\r\n\r\n", "GET unknown; end; "},
	{"GET /bot HTTP/1.1\r\n\r\n", "GET unknown; end; "},
	{"GET /bot /getMe HTTP/1.1\r\n\r\n", "malformed"},
	{"GET /bot/getMe HTTP/1.1\r\n\r\n", "GET unknown; end; "},
	{"GET /bot1:A/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN HTTP/1.1\r\n\r\n",
	 "GET abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMN; end; "},
	{"GET /bot1:A/abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO HTTP/1.1\r\n\r\n",
	 "GET unknown; end; "},
	{"GET /bot1:A/get_me HTTP/1.1\r\n\r\n", "GET unknown; end; "},
	{"GET /bot1:A/getMe HTTP/1.1\r\nStrict-Transport-Security-And-A-Name-That-Is-Longer-Than-A-Piece-Of-It-Is: 1\r\n"
	 "X: a value that is longer than a piece of the head, which is sixty-four bytes\r\n\r\n",
	 "GET getMe; end; "},
	{"GET /bot1:A/getMe HTTP/1.1\r\nX-\x7f: 1\r\n\r\n", "malformed"},
	{"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "http2"},
	{"\x16\x03\x01\x02", "malformed"},
	{"{\"json\":1}", "malformed"},
	{"GE", ""},
	{"", ""},
};

static const struct row responses[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "200 5; end; "},
	{"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", "200; end; "},
	{"HTTP/1.0 200 OK\n\nhello", "200 until close; "},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n10\r\n0123456789abcdef\r\n0\r\n\r\n"
	 "HTTP/1.1 404 Not Found\r\nContent-Length: 1\r\n\r\n.",
	 "200 chunked; end; 404 1; end; "},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nabc", "200 until close; "},
	{"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: <x>\r\n\r\nHTTP/1.1 201 C\r\nContent-Length: 1\r\n\r\nx",
	 "100; 103; 201 1; end; "},
	{"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x05hello", "101; "},
	{"HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n"
	 "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
	 "204; end; 304; end; 200 1; end; "},
	{"HTTP/1.1 429 Too Many Requests\r\nretry-after: 35\r\ncontent-length: 0\r\n\r\n",
	 "429 retry 35; end; "},
	{"HTTP/1.1 503 S\r\nRetry-After: Fri, 31 Dec 1999 23:59:59 GMT\r\nContent-Length: 0\r\n\r\n",
	 "503; end; "},
	{"HTTP/1.1 503 S\r\nRetry-After: 99999999999\r\nContent-Length: 0\r\n\r\n",
	 "503 retry 4294967295; end; "},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n", "200 chunked; malformed"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n", "200 chunked; malformed"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nxy", "200 chunked; malformed"},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1234567890abcdef\r\n",
	 "200 chunked; malformed"},
	{"HTTP/1.1 200 OK\r\nContent-Type: a\r\ncontent-length: 12345678901\r\n\r\n",
	 "200 12345678901; "},
	{"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", "malformed"},
	{"HTTP/1.1 200 OK\r\nContent-Length:2\r\nContent-Length: 2\r\n\r\nab", "200 2; end; "},
	{"HTTP/1.1 200 OK\r\nRetry-After: 3\r\nTransfer-Encoding: chunkeD\r\nTransfer-Encoding: gzip\r\n\r\n",
	 "200 until close retry 3; "},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked \r\n\r\n0\r\n\r\n", "200 chunked; end; "},
	{"HTTP/1.1 2x0 OK\r\n\r\n", "malformed"},
	{"HTTP/1.1 2000 OK\r\n\r\n", "malformed"},
	{"HTTP/1.1 099 OK\r\n\r\n", "malformed"},
	{"HTTP/2 200\r\n\r\n", "malformed"},
	{"<html>", "malformed"},
	{"HTTP/1.1 200 OK\r\n\xff\xfe: \x80\x01\r\nContent-Length: 1\r\n\r\nx", "200 1; end; "},
};

/* The first of them answers HEAD. */
static const struct row answers_to_head[] = {
	{"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
	 "200; end; 200 1; end; "},
	{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nHTTP/1.1 204 N\r\n\r\n",
	 "200; end; 204; end; "},
};
/* clang-format on */

static void run_one(const struct row *row, __u8 direction, __u32 bodiless, size_t first,
		    size_t step, bool by_bytes)
{
	size_t size = strlen(row->input), at = 0, part;
	struct http_trace trace;

	http_trace_init(&trace, direction, UPSTREAM_TELEGRAM);
	trace.bodiless = bodiless;
	trace.by_bytes = by_bytes;
	while (at < size) {
		part = at == 0 && first ? first : step;
		if (part > size - at)
			part = size - at;
		struct guarded piece = guard(row->input + at, part);

		http_trace_feed(&trace, piece.bytes, part);
		unguard(&piece);
		at += part;
	}
	if (strcmp(trace.text, row->expected) != 0)
		print_error("%s\nfirst %zu, step %zu\n", row->input, first, step);
	assert_string_equal(trace.text, row->expected);
}

static void run(const struct row *row, __u8 direction, __u32 bodiless, size_t first, size_t step)
{
	run_one(row, direction, bodiless, first, step, false);
	run_one(row, direction, bodiless, first, step, true);
}

static void run_all(const struct row *rows, size_t count, __u8 direction, __u32 bodiless)
{
	size_t i, first;

	for (i = 0; i < count; i++) {
		run(&rows[i], direction, bodiless, 0, (size_t)-1);
		run(&rows[i], direction, bodiless, 0, 1);
		for (first = 1; first < strlen(rows[i].input); first++)
			run(&rows[i], direction, bodiless, first, (size_t)-1);
	}
}

static void requests_are_read_however_they_are_split(void **state)
{
	(void)state;
	run_all(requests, COUNT(requests), 0, 0);
}

static void responses_are_read_however_they_are_split(void **state)
{
	(void)state;
	run_all(responses, COUNT(responses), HTTP_RESPONSE, 0);
	run_all(answers_to_head, COUNT(answers_to_head), HTTP_RESPONSE, 1);
}

static void a_body_of_terabytes_is_passed_in_one_step(void **state)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1099511627776\r\n\r\n";
	struct http_trace trace;
	enum http_event event;

	(void)state;
	http_trace_init(&trace, HTTP_RESPONSE, UPSTREAM_TELEGRAM);
	http_trace_feed(&trace, (const unsigned char *)head, sizeof(head) - 1);
	assert_int_equal(http_pass(&trace.reader, 1099511627775, &event), 1099511627775);
	assert_int_equal(event, HTTP_NOTHING);
	assert_int_equal(http_pass(&trace.reader, 500, &event), 1);
	assert_int_equal(event, HTTP_END);
}

static void host_is_reported_once_where_its_value_begins(void **state)
{
	static const char head[] = "GET / HTTP/1.1\r\nX-Host: a\r\nhOST: \t b.example:443\r\n"
				   "Host: c\r\n\r\nGET / HTTP/1.1\r\nHost:\r\n\r\n";
	struct http_trace trace;
	size_t at, found = 0;

	(void)state;
	http_trace_init(&trace, 0, UPSTREAM_HTTPS);
	trace.want_host = true;
	for (at = 0; at < sizeof(head) - 1; at++) {
		size_t before = trace.length;

		http_trace_feed(&trace, (const unsigned char *)head + at, 1);
		if (trace.length != before && !strncmp(trace.text + before, "host", 4)) {
			assert_int_equal(head[at], 'b');
			found++;
		}
	}
	assert_int_equal(found, 1);
	assert_string_equal(trace.text, "host, GET /; end; GET /; end; ");
}

static __u64 hash_of(const char *text)
{
	struct http_reader reader = {.hash = HTTP_HASH_BASIS};

	for (; *text; text++)
		http_hash(&reader, (__u8)*text);
	return reader.hash;
}

static void the_hashes_are_those_of_the_names(void **state)
{
	(void)state;
	assert_true(hash_of("GET") == HTTP_HASH_GET && hash_of("POST") == HTTP_HASH_POST);
	assert_true(hash_of("PUT") == HTTP_HASH_PUT && hash_of("DELETE") == HTTP_HASH_DELETE);
	assert_true(hash_of("HEAD") == HTTP_HASH_HEAD && hash_of("PATCH") == HTTP_HASH_PATCH);
	assert_true(hash_of("OPTIONS") == HTTP_HASH_OPTIONS && hash_of("PRI") == HTTP_HASH_PRI);
	assert_true(hash_of("host") == HTTP_HASH_HOST);
	assert_true(hash_of("content-length") == HTTP_HASH_CONTENT_LENGTH);
	assert_true(hash_of("transfer-encoding") == HTTP_HASH_TRANSFER_ENCODING);
	assert_true(hash_of("retry-after") == HTTP_HASH_RETRY_AFTER);
}

static bool contains(const void *memory, size_t size, const char *text)
{
	return memmem(memory, size, text, strlen(text)) != NULL;
}

/* Whatever was sent, and wherever it stopped, nothing of it is in what the kernel would keep. */
static void no_secret_is_kept_at_any_byte(void **state)
{
	static const char input[] =
		"POST /bot77:S3CRETtoken/sendMessage?text=QUERYsecret HTTP/1.1\r\n"
		"Authorization: Bearer HEADERsecret\r\nContent-Length: 10\r\n\r\nBODYsecret"
		"GET /v1/3EGMENTsecret/x HTTP/1.1\r\nHost: HOSTsecret\r\n\r\n"
		"GET /lettersonly/neither HTTP/1.1\r\n\r\n"
		"GET /files/botany HTTP/1.1\r\n\r\n";
	static const char *const secrets[] = {"S3CR", "QUER", "HEAD", "Bear", "BODY",
					      "3EGM", "HOST", "secr", "let",  "ett",
					      "nei",  "eit",  "les",  "ota"};
	struct http_trace trace;
	size_t at, i;
	__u8 kind;

	(void)state;
	for (kind = UPSTREAM_UNUSED; kind <= UPSTREAM_HTTPS; kind++) {
		http_trace_init(&trace, 0, kind);
		for (at = 0; at < sizeof(input) - 1; at++) {
			http_trace_feed(&trace, (const unsigned char *)input + at, 1);
			for (i = 0; i < COUNT(secrets); i++) {
				assert_false(
					contains(&trace.reader, sizeof(trace.reader), secrets[i]));
				assert_false(contains(&trace.path, sizeof(trace.path), secrets[i]));
			}
		}
	}
}

/* A segment that is sent in pieces is taken for an id, unless no piece of it is longer than the known
 * words. */
static void a_segment_in_pieces_is_an_id(void **state)
{
	static const struct {
		const char *first, *rest, *name;
	} rows[] = {
		{"GET /", "v1/messages/x HTTP/1.1\r\n\r\n", "/v1/messages"},
		{"GET /v", "1/messages/x HTTP/1.1\r\n\r\n", "/:id/messages"},
		{"GET /v1", "/messages/x HTTP/1.1\r\n\r\n", "/:id/messages"},
		{"GET /v1/", "messages/x HTTP/1.1\r\n\r\n", "/v1/messages"},
		{"GET /v1/mess", "ages/x HTTP/1.1\r\n\r\n", "/v1/:id"},
		{"GET /v1/messages", "/x HTTP/1.1\r\n\r\n", "/v1/:id"},
		{"GET /v1/messages", " HTTP/1.1\r\n\r\n", "/v1/:id"},
		{"GET /v1/messages/", "x HTTP/1.1\r\n\r\n", "/v1/messages"},
		{"GET /v1/messages/se", "cret HTTP/1.1\r\n\r\n", "/v1/messages"},
		{"GET /fi", "les/a HTTP/1.1\r\n\r\n", "/files/a"},
		{"GET /x/bo", "tany HTTP/1.1\r\n\r\n", "/x/botany"},
	};
	char expected[128];
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(rows); i++) {
		struct http_trace trace;

		http_trace_init(&trace, 0, UPSTREAM_HTTPS);
		http_trace_feed(&trace, (const unsigned char *)rows[i].first,
				strlen(rows[i].first));
		http_trace_feed(&trace, (const unsigned char *)rows[i].rest, strlen(rows[i].rest));
		snprintf(expected, sizeof(expected), "GET %s; end; ", rows[i].name);
		assert_string_equal(trace.text, expected);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(requests_are_read_however_they_are_split),
		cmocka_unit_test(responses_are_read_however_they_are_split),
		cmocka_unit_test(a_body_of_terabytes_is_passed_in_one_step),
		cmocka_unit_test(host_is_reported_once_where_its_value_begins),
		cmocka_unit_test(the_hashes_are_those_of_the_names),
		cmocka_unit_test(no_secret_is_kept_at_any_byte),
		cmocka_unit_test(a_segment_in_pieces_is_an_id),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
