// SPDX-License-Identifier: Apache-2.0
/* The kernel's HTTP/2 reader over frames that libnghttp2's compressor filled. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <nghttp2/nghttp2.h>
#include <stdlib.h>
#include <string.h>

#include "../guard_page.h"
#include "../http2_trace.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define BOT	"/bot7000000001:AAE-operaglass-test-token/"

struct bytes {
	size_t size;
	unsigned char data[65536];
};

static void add(struct bytes *to, const void *data, size_t size)
{
	assert_true(to->size + size <= sizeof(to->data));
	memcpy(to->data + to->size, data, size);
	to->size += size;
}

static void add_frame(struct bytes *to, int type, int flags, uint32_t stream, const void *payload,
		      size_t size)
{
	unsigned char head[9] = {
		(unsigned char)(size >> 16),   (unsigned char)(size >> 8),
		(unsigned char)size,	       (unsigned char)type,
		(unsigned char)flags,	       (unsigned char)(stream >> 24),
		(unsigned char)(stream >> 16), (unsigned char)(stream >> 8),
		(unsigned char)stream,
	};

	add(to, head, sizeof(head));
	add(to, payload, size);
}

static nghttp2_nv field(const char *name, const char *value)
{
	nghttp2_nv nv = {(uint8_t *)(uintptr_t)name, (uint8_t *)(uintptr_t)value, strlen(name),
			 strlen(value), NGHTTP2_NV_FLAG_NONE};

	return nv;
}

static size_t deflate(nghttp2_hd_deflater *deflater, const nghttp2_nv *fields, size_t count,
		      unsigned char *block, size_t size)
{
	ssize_t done = nghttp2_hd_deflate_hd(deflater, block, size, fields, count);

	assert_true(done >= 0);
	return (size_t)done;
}

static void add_request(struct bytes *to, nghttp2_hd_deflater *deflater, uint32_t stream,
			const char *method, const char *path)
{
	nghttp2_nv fields[] = {field(":method", method), field(":scheme", "https"),
			       field(":authority", "api.telegram.org"), field(":path", path),
			       field("user-agent", "curl/7.88.1")};
	unsigned char block[8192];

	add_frame(to, HTTP2_FRAME_HEADERS, HTTP2_END_HEADERS | HTTP2_END_STREAM, stream, block,
		  deflate(deflater, fields, 5, block, sizeof(block)));
}

/* The same whole, byte by byte, and in pieces; each at the end of a page that may not be read. */
static void expect(const struct bytes *bytes, bool request, __u8 kind, const char *text)
{
	static const size_t steps[] = {sizeof(bytes->data), 1, 2, 3, 7, 64, 509};
	static struct http2_trace trace;
	struct guarded page;
	size_t i, at, size;

	for (i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		http2_trace_init(&trace, request, request, kind);
		for (at = 0; at < bytes->size; at += size) {
			size = bytes->size - at < steps[i] ? bytes->size - at : steps[i];
			page = guard(bytes->data + at, size);
			http2_trace_feed(&trace, page.bytes, size);
			unguard(&page);
		}
		assert_string_equal(trace.text, text);
	}
}

static nghttp2_hd_deflater *new_deflater(void)
{
	nghttp2_hd_deflater *deflater;

	assert_int_equal(nghttp2_hd_deflate_new(&deflater, 4096), 0);
	return deflater;
}

static void test_requests(void **state)
{
	nghttp2_hd_deflater *deflater = new_deflater();
	static struct bytes bytes;

	(void)state;
	bytes.size = 0;
	add(&bytes, PREFACE, 24);
	add_frame(&bytes, 4, 0, 0, "", 0);
	add_request(&bytes, deflater, 1, "GET", BOT "getMe");
	add_request(&bytes, deflater, 3, "POST", BOT "sendMessage?chat_id=17");
	add_frame(&bytes, 8, 0, 0, "\0\0\1\0", 4);
	add_request(&bytes, deflater, 5, "PUT", "/file" BOT "photos/1.jpg");
	add_request(&bytes, deflater, 7, "BREW", BOT "getMe");
	add_request(&bytes, deflater, 9, "GET", "/");
	add_request(&bytes, deflater, 11, "GET", "/index.html");
	nghttp2_hd_deflate_del(deflater);
	expect(&bytes, true, UPSTREAM_TELEGRAM,
	       "1 GET getMe end; 3 POST sendMessage end; 5 PUT file end; 7 OTHER getMe end; "
	       "9 GET unknown end; 11 GET unknown end; ");
}

static void test_static_paths(void **state)
{
	nghttp2_hd_deflater *deflater = new_deflater();
	static struct http2_trace trace;
	static struct bytes bytes;

	(void)state;
	bytes.size = 0;
	add_request(&bytes, deflater, 1, "GET", "/");
	add_request(&bytes, deflater, 3, "GET", "/index.html");
	add_request(&bytes, deflater, 5, "POST", "/v1/messages/batches?beta=true");
	nghttp2_hd_deflate_del(deflater);
	http2_trace_init(&trace, true, false, UPSTREAM_HTTPS);
	http2_trace_feed(&trace, bytes.data, bytes.size);
	assert_string_equal(trace.text,
			    "1 GET / end; 3 GET /index.html end; 5 POST /v1/messages end; ");
}

/* RFC 7541, C.6: answers in Huffman's code, in a table of 256 bytes that evicts. */
static void test_standard_answers(void **state)
{
	static const char size[] = "\x3f\xe1\x01";
	static const char first[] = "\x48\x82\x64\x02\x58\x85\xae\xc3\x77\x1a\x4b\x61\x96\xd0"
				    "\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20\x05\x95\x04\x0b\x81"
				    "\x66\xe0\x82\xa6\x2d\x1b\xff\x6e\x91\x9d\x29\xad\x17\x18"
				    "\x63\xc7\x8f\x0b\x97\xc8\xe9\xae\x82\xae\x43\xd3";
	static const char second[] = "\x48\x83\x64\x0e\xff\xc1\xc0\xbf";
	static const char third[] = "\x88\xc1\x61\x96\xd0\x7a\xbe\x94\x10\x54\xd4\x44\xa8\x20"
				    "\x05\x95\x04\x0b\x81\x66\xe0\x84\xa6\x2d\x1b\xff\xc0";
	static struct bytes bytes;
	unsigned char block[128];

	(void)state;
	bytes.size = 0;
	memcpy(block, size, 3);
	memcpy(block + 3, first, sizeof(first) - 1);
	add_frame(&bytes, 1, HTTP2_END_HEADERS, 1, block, 3 + sizeof(first) - 1);
	add_frame(&bytes, 1, HTTP2_END_HEADERS, 3, second, sizeof(second) - 1);
	add_frame(&bytes, 1, HTTP2_END_HEADERS, 5, third, sizeof(third) - 1);
	expect(&bytes, false, 0, "1 302; 3 307; 5 200; ");
}

static void test_frames(void **state)
{
	static struct bytes bytes;

	(void)state;
	bytes.size = 0;
	add_frame(&bytes, 1, HTTP2_END_HEADERS | HTTP2_PADDED | HTTP2_PRIORITY, 1,
		  "\3\0\0\0\0\xff\x88pad", 10);
	add_frame(&bytes, 0, HTTP2_PADDED, 1, "\2abcpa", 6);
	add_frame(&bytes, 0, HTTP2_END_STREAM, 1, "", 0);
	add_frame(&bytes, 1, HTTP2_END_STREAM, 3, "\x48\x03", 2);
	add_frame(&bytes, 9, 0, 3, "", 0);
	add_frame(&bytes, 9, 0, 3, "42", 2);
	add_frame(&bytes, 9, HTTP2_END_HEADERS, 3, "9\x0f\x26\x01\x37", 5);
	add_frame(&bytes, 5, HTTP2_END_HEADERS, 3, "\0\0\0\2\x82\x84", 6);
	add_frame(&bytes, 3, 0, 5, "\0\0\0\7", 4);
	add_frame(&bytes, 1, HTTP2_END_HEADERS | HTTP2_END_STREAM, 7, "\xbe", 1);
	add_frame(&bytes, 7, 0, 0, "\0\0\0\7\0\0\0\0why", 11);
	expect(&bytes, false, 0,
	       "1 200; 1 end; 3 429 retry 7 end; 5 reset 7; 7 429 end; goaway 7; ");
}

/* Index 62 is the newest entry; of an older connection it was never seen. */
static void test_late(void **state)
{
	static struct http2_trace trace;
	static struct bytes bytes;

	(void)state;
	bytes.size = 0;
	add_frame(&bytes, 1, HTTP2_END_HEADERS, 9, "\xbf\xbe\x83", 3);
	add_frame(&bytes, 1, HTTP2_END_HEADERS, 11, "\x82\x44\x0d/bot1:A/getMe", 16);
	http2_trace_init(&trace, true, false, UPSTREAM_TELEGRAM);
	http2_trace_feed(&trace, bytes.data, bytes.size);
	assert_string_equal(trace.text, "9 POST unknown; 11 GET getMe; ");
}

/* Whom a request is for: by an :authority of its own, by an index of since then, by Host; not by one
 * from before. */
static void test_authorities(void **state)
{
	static struct http2_trace trace;
	static struct bytes bytes;
	size_t at;

	(void)state;
	bytes.size = 0;
	add_frame(&bytes, 1, HTTP2_END_HEADERS, 9, "\xc3\x82\x84", 3);
	add_frame(&bytes, 1, HTTP2_END_HEADERS, 11,
		  "\x41\x03"
		  "a.b"
		  "\x82\x84",
		  7);
	add_frame(&bytes, 1, HTTP2_END_HEADERS, 13, "\xbe\x82\x84", 3);
	add_frame(&bytes, 1, HTTP2_END_HEADERS, 15, "\x83\x84\x0f\x17\x82\xff\xff", 7);
	add_frame(&bytes, 1, HTTP2_END_HEADERS, 17,
		  "\x40\x0a:authority\x01"
		  "c"
		  "\x82\x84",
		  16);
	add_frame(&bytes, 1, HTTP2_END_HEADERS, 19, "\xbf\x83\x84", 3);
	add_frame(&bytes, 1, HTTP2_END_HEADERS, 21, "\x41\0\x83\x84", 4);
	for (at = 1; at < 8; at++) {
		size_t from = 0, step;

		http2_trace_init(&trace, true, false, UPSTREAM_HTTPS);
		trace.reader.nameless = 1;
		for (; from < bytes.size; from += step) {
			step = bytes.size - from < at ? bytes.size - from : at;
			http2_trace_feed(&trace, bytes.data + from, step);
		}
		assert_string_equal(trace.text,
				    "9 GET /; 11 GET / for 1; 13 GET / for 1; 15 POST / for 2; "
				    "17 GET / for 3; 19 POST / for 1; 21 POST /; ");
	}
}

/* What may be the middle of a connection, and what else begins like it. */
static void test_heads(void **state)
{
	static const struct {
		unsigned char head[9];
		__u32 last, fits;
	} rows[] = {
		{"\0\0\x05\1\5\0\0\0\x0d", ~0U, 1}, /* HEADERS */
		{"\0\0\0\1\5\0\0\0\x0d", ~0U, 0},   /* of nothing */
		{"\0\0\x05\1\5\0\0\0\x0e", ~0U, 0}, /* of a stream of the server's */
		{"\0\0\x05\1\5\0\0\0\0", ~0U, 0},   /* of no stream */
		{"\0\0\x05\1\x42\0\0\0\1", ~0U, 0}, /* a flag that it has not */
		{"\0\0\x05\1\5\0\0\0\x0d", 11, 0},  /* of one that was not opened */
		{"\0\0\x05\1\5\x80\0\0\1", ~0U, 0}, /* the bit that is reserved */
		{"\0\0\4\x08\0\0\0\0\0", ~0U, 1},   /* WINDOW_UPDATE: of all */
		{"\0\0\4\x08\0\0\0\0\3", ~0U, 1},
		{"\0\0\5\x08\0\0\0\0\3", ~0U, 0},
		{"\0\0\x08\6\0\0\0\0\0", ~0U, 1}, /* PING */
		{"\0\0\0\4\1\0\0\0\0", ~0U, 1},	  /* SETTINGS, acknowledged */
		{"\0\0\0\4\1\0\0\0\1", ~0U, 0},
		{"\0\0\5\x09\4\0\0\0\1", ~0U, 0}, /* CONTINUATION */
		{"\0\0\0\0\0\0\0\0\0", ~0U, 0},	  /* zeroes */
		{"\xff\0\0\0\1\0\0\0\1", ~0U, 0}, /* 16 MiB */
		{"\0\0\5\x0a\0\0\0\0\0", ~0U, 0}, /* a type of an extension */
		{"GET / HTT", ~0U, 0},
		{"HTTP/1.1 ", ~0U, 0},
		{"PRI * HTT", ~0U, 0},
		{"{\"ok\":tru", ~0U, 0},
		{"\0\x1d\x12\x34\1\0\0\1\0", ~0U, 0},	/* DNS over TLS */
		{"\0\0\0\x08\4\xd2\x16\x2f\0", ~0U, 0}, /* PostgreSQL's SSLRequest */
		{"\0\0\0\x25\0\x12\0\3\0", ~0U, 0},	/* Kafka */
		{"\x81\x05hello\0\0", ~0U, 0},		/* a web socket */
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(!!http2_head_fits(rows[i].head, rows[i].last), rows[i].fits);
}

static void test_malformed(void **state)
{
	static const struct {
		int type, flags;
		const char *payload;
		size_t size;
	} rows[] = {
		{9, HTTP2_END_HEADERS, "", 0},			       /* CONTINUATION of nothing */
		{1, HTTP2_END_HEADERS | HTTP2_PADDED, "\5abc", 4},     /* padding longer than all */
		{1, HTTP2_END_HEADERS | HTTP2_PADDED, "", 0},	       /* no room for its length */
		{1, HTTP2_END_HEADERS | HTTP2_PRIORITY, "abc", 3},     /* nor for the priority */
		{1, HTTP2_END_HEADERS, "\x80", 1},		       /* index 0 */
		{1, HTTP2_END_HEADERS, "\xff\xff\xff\xff\xff\x0f", 6}, /* an endless integer */
		{1, HTTP2_END_HEADERS,
		 "\x48\x03"
		 "20",
		 4},		   /* it ends inside a string */
		{3, 0, "\0\0", 2}, /* half a code */
	};
	static struct bytes bytes;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		bytes.size = 0;
		add_frame(&bytes, rows[i].type, rows[i].flags, 1, rows[i].payload, rows[i].size);
		expect(&bytes, false, 0, "malformed");
	}
}

static __u64 hash_of(const char *name)
{
	__u64 hash = HTTP_HASH_BASIS;

	while (*name)
		hash = (hash ^ (unsigned char)*name++) * HTTP_HASH_PRIME;
	return hash;
}

static void test_hashes(void **state)
{
	(void)state;
	assert_true(hash_of(":method") == HPACK_HASH_METHOD);
	assert_true(hash_of(":path") == HPACK_HASH_PATH);
	assert_true(hash_of(":status") == HPACK_HASH_STATUS);
	assert_true(hash_of(":authority") == HPACK_HASH_AUTHORITY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("requests of libnghttp2 are read, wherever they are cut", test_requests),
		TEST("paths of the static table have their endpoints", test_static_paths),
		TEST("the standard's own answers are read", test_standard_answers),
		TEST("padding, priority, continuations, promises, resets, farewells", test_frames),
		TEST("an index from before is unknown", test_late),
		TEST("whom a request is for is known by what was said since", test_authorities),
		TEST("what is no frame's head is not taken for one", test_heads),
		TEST("what breaks the standard is not followed", test_malformed),
		TEST("names are recognised by the hashes of their letters", test_hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
