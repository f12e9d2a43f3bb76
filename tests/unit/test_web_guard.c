// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "web_guard.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

#define GET	"GET / HTTP/1.1\r\nHost: a\r\n"
#define POST	"POST / HTTP/1.1\r\n"
#define CHUNKED POST "Transfer-Encoding: chunked\r\n\r\n"

struct guard_case {
	const char *bytes;
	enum web_fault fault;
	uint32_t requests;
	enum web_guard_phase phase; /* where there is no fault */
};

static const struct guard_case cases[] = {
	{"", WEB_FAULT_NONE, 0, WEB_GUARD_IDLE},
	{"\r\n", WEB_FAULT_NONE, 0, WEB_GUARD_IDLE},
	{"G", WEB_FAULT_NONE, 1, WEB_GUARD_HEAD},
	{GET, WEB_FAULT_NONE, 1, WEB_GUARD_HEAD},
	{GET "\r", WEB_FAULT_NONE, 1, WEB_GUARD_HEAD},
	{GET "\r\n", WEB_FAULT_NONE, 1, WEB_GUARD_IDLE},
	{GET "\r\n" GET "\r\n", WEB_FAULT_NONE, 2, WEB_GUARD_IDLE},
	{GET "\r\n\r\n" GET "\r\n", WEB_FAULT_NONE, 2, WEB_GUARD_IDLE},
	{"GET / HTTP/1.0\r\n\r\n", WEB_FAULT_NONE, 1, WEB_GUARD_IDLE},
	{"M-SEARCH * HTTP/1.1\r\n\r\n", WEB_FAULT_NONE, 1, WEB_GUARD_IDLE},
	{GET "Empty:\r\nX:\t a\xe4 b \t\r\n\r\n", WEB_FAULT_NONE, 1, WEB_GUARD_IDLE},
	{GET "Content-Length: 0\r\n\r\nG", WEB_FAULT_NONE, 2, WEB_GUARD_HEAD},
	{GET "Content-Length: 3 \r\n\r\n\n\n", WEB_FAULT_NONE, 1, WEB_GUARD_BODY},
	{GET "cOntent-lEngth:3\r\n\r\n\n\n\nG", WEB_FAULT_NONE, 2, WEB_GUARD_HEAD},
	{GET "Content-Length: 999999999999999999\r\n\r\n", WEB_FAULT_NONE, 1, WEB_GUARD_BODY},
	{GET "Content-Lengths: x\r\nContent-Lengt: x\r\n\r\n", WEB_FAULT_NONE, 1, WEB_GUARD_IDLE},
	{CHUNKED "3\r\nabc\r\n0a\r\n\n\n\n\n\n\n\n\n\n\n\r\n0\r\n\r\nG", WEB_FAULT_NONE, 2,
	 WEB_GUARD_HEAD},
	{CHUNKED "000000000000003\r\nab", WEB_FAULT_NONE, 1, WEB_GUARD_BODY},
	{CHUNKED "0\r\n", WEB_FAULT_NONE, 1, WEB_GUARD_BODY},

	{"\n", WEB_FAULT_LINE_END, 0, 0},
	{"\rG", WEB_FAULT_LINE_END, 0, 0},
	{" GET / HTTP/1.1\r\n", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"GET  / HTTP/1.1\r\n", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"GET /  HTTP/1.1\r\n", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"GET / HTTP/1.1 \r\n", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"GET / http/1.1\r\n", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"GET / HTTP/1.2\r\n", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"GET / HTTP/2.0\r\n", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"GET /\r\n", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"GET /\xe4 HTTP/1.1\r\n", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"GET\t/ HTTP/1.1\r\n", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"G\x7f / HTTP/1.1\r\n", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"ABCDEFGHIJKLMNOPQRSTUVWXY / HTTP/1.1\r\n", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"\x16\x03\x01\x02", WEB_FAULT_REQUEST_LINE, 1, 0},
	{"GET\n", WEB_FAULT_LINE_END, 1, 0},
	{"GET /\n", WEB_FAULT_LINE_END, 1, 0},
	{"GET / HTTP/1.1\nHost: a\n\n", WEB_FAULT_LINE_END, 1, 0},
	{"GET / HTTP/1.1\rHost: a\n\n", WEB_FAULT_LINE_END, 1, 0},
	{GET "\n", WEB_FAULT_LINE_END, 1, 0},
	{GET "\r\r\n", WEB_FAULT_LINE_END, 1, 0},
	{GET "X: a\nY: b\r\n\r\n", WEB_FAULT_LINE_END, 1, 0},
	{GET "X: a\rY: b\r\n\r\n", WEB_FAULT_LINE_END, 1, 0},
	{GET "X\n", WEB_FAULT_LINE_END, 1, 0},
	{GET " folded\r\n\r\n", WEB_FAULT_FIELD, 1, 0},
	{GET "\tfolded\r\n\r\n", WEB_FAULT_FIELD, 1, 0},
	{GET "X : a\r\n", WEB_FAULT_FIELD, 1, 0},
	{GET ": a\r\n", WEB_FAULT_FIELD, 1, 0},
	{GET "X\r\n", WEB_FAULT_FIELD, 1, 0},
	{GET "X\x80: a\r\n", WEB_FAULT_FIELD, 1, 0},
	{GET "X: \x01\r\n", WEB_FAULT_FIELD, 1, 0},
	{GET "X: \x7f\r\n", WEB_FAULT_FIELD, 1, 0},
	{GET "Host: b\r\n", WEB_FAULT_REPEATED, 1, 0},
	{GET "hOST:a\r\n", WEB_FAULT_REPEATED, 1, 0},
	{GET "Authorization: a\r\nAuthorization: a\r\n", WEB_FAULT_REPEATED, 1, 0},
	{POST "Content-Length: 3\r\nContent-Length: 3\r\n", WEB_FAULT_REPEATED, 1, 0},
	{CHUNKED "0\r\n\r\n" CHUNKED "0\r\n\r\n", WEB_FAULT_NONE, 2, WEB_GUARD_IDLE},
	{POST "Content-Length: \r\n", WEB_FAULT_LENGTH, 1, 0},
	{POST "Content-Length: -1\r\n", WEB_FAULT_LENGTH, 1, 0},
	{POST "Content-Length: +1\r\n", WEB_FAULT_LENGTH, 1, 0},
	{POST "Content-Length: 1,1\r\n", WEB_FAULT_LENGTH, 1, 0},
	{POST "Content-Length: 1 1\r\n", WEB_FAULT_LENGTH, 1, 0},
	{POST "Content-Length: 0x1\r\n", WEB_FAULT_LENGTH, 1, 0},
	{POST "Content-Length: 1000000000000000000\r\n", WEB_FAULT_LENGTH, 1, 0},
	{POST "Transfer-Encoding: \r\n", WEB_FAULT_CODING, 1, 0},
	{POST "Transfer-Encoding: chunke\r\n", WEB_FAULT_CODING, 1, 0},
	{POST "Transfer-Encoding: chunkedd\r\n", WEB_FAULT_CODING, 1, 0},
	{POST "Transfer-Encoding: chunked, chunked\r\n", WEB_FAULT_CODING, 1, 0},
	{POST "Transfer-Encoding: chunked ;\r\n", WEB_FAULT_CODING, 1, 0},
	{POST "Transfer-Encoding: gzip\r\n", WEB_FAULT_CODING, 1, 0},
	{"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", WEB_FAULT_CODING, 1, 0},
	{POST "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n", WEB_FAULT_TWO_SIZES, 1, 0},
	{POST "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n\r\n", WEB_FAULT_TWO_SIZES, 1, 0},
	{CHUNKED "\r\n", WEB_FAULT_CHUNK, 1, 0},
	{CHUNKED "g\r\n", WEB_FAULT_CHUNK, 1, 0},
	{CHUNKED " 3\r\n", WEB_FAULT_CHUNK, 1, 0},
	{CHUNKED "3 \r\n", WEB_FAULT_CHUNK, 1, 0},
	{CHUNKED "3;a=b\r\n", WEB_FAULT_CHUNK, 1, 0},
	{CHUNKED "0x3\r\n", WEB_FAULT_CHUNK, 1, 0},
	{CHUNKED "1000000000000000\r\n", WEB_FAULT_CHUNK, 1, 0},
	{CHUNKED "3\n", WEB_FAULT_LINE_END, 1, 0},
	{CHUNKED "3\ra", WEB_FAULT_LINE_END, 1, 0},
	{CHUNKED "1\r\nab", WEB_FAULT_CHUNK, 1, 0},
	{CHUNKED "1\r\na\n", WEB_FAULT_CHUNK, 1, 0},
	{CHUNKED "1\r\na\r0", WEB_FAULT_LINE_END, 1, 0},
	{CHUNKED "0\r\nTrailer: a\r\n\r\n", WEB_FAULT_CHUNK, 1, 0},
	{CHUNKED "0\r\n\n", WEB_FAULT_CHUNK, 1, 0},
};

/* In exact-size copies, so that one byte too far is an error of the sanitizer. */
static void feed(struct web_guard *guard, const char *bytes, size_t size)
{
	char *exact = malloc(size ? size : 1);

	assert_non_null(exact);
	memcpy(exact, bytes, size);
	web_guard_feed(guard, exact, size);
	free(exact);
}

static void check(const struct guard_case *row, const struct web_guard *guard)
{
	if (guard->fault != row->fault || guard->requests != row->requests)
		fail_msg("'%s': fault %d, %u requests", row->bytes, guard->fault, guard->requests);
	if (!row->fault && web_guard_phase(guard) != row->phase)
		fail_msg("'%s': phase %d", row->bytes, (int)web_guard_phase(guard));
	assert_true(!row->fault == !web_fault_texts[row->fault]);
}

static void test_cases(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct web_guard guard = {0};

		feed(&guard, cases[i].bytes, strlen(cases[i].bytes));
		check(&cases[i], &guard);
	}
}

static void test_splits(void **state)
{
	size_t i, at, size;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		size = strlen(cases[i].bytes);
		for (at = 0; at <= size; at++) {
			struct web_guard guard = {0};

			feed(&guard, cases[i].bytes, at);
			feed(&guard, cases[i].bytes + at, size - at);
			check(&cases[i], &guard);
		}
	}
}

static void test_nul(void **state)
{
	static const char *const places[] = {
		"GET /", "GET",	     "GET / HTTP/1.",	     "GET / HTTP/1.1",
		GET "X", GET "X: a", GET "Content-Length: 1"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		struct web_guard guard = {0};

		feed(&guard, places[i], strlen(places[i]));
		assert_int_equal(guard.fault, WEB_FAULT_NONE);
		feed(&guard, "\0", 1);
		assert_int_not_equal(guard.fault, WEB_FAULT_NONE);
	}
}

static void test_first_fault(void **state)
{
	struct web_guard guard = {0};

	(void)state;
	feed(&guard, "\n", 1);
	feed(&guard, GET "\r\n", strlen(GET) + 2);
	assert_int_equal(guard.fault, WEB_FAULT_LINE_END);
	assert_int_equal(guard.requests, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("sound requests are followed to their end, ambiguous ones are found",
		     test_cases),
		TEST("wherever the bytes are cut, the result is the same", test_splits),
		TEST("a NUL is a fault everywhere in a head", test_nul),
		TEST("after a fault nothing is looked at", test_first_fault),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
