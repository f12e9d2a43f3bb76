// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "web_body.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void fill(struct web_body *body, size_t size)
{
	size_t i;

	assert_int_equal(text_reserve(&body->text, size), 0);
	for (i = 0; i < size; i++)
		body->text.data[i] = (char)("metric{label}"[i % 13] + (char)(i / 4096 % 3));
	body->text.size = size;
}

/* Decompresses and compares with what fill() wrote. */
static void check(const struct web_body *body, size_t size)
{
	struct web_body plain = {.owner = NULL};
	char *got = malloc(size + 1);
	z_stream stream = {
		.next_in = (Bytef *)body->text.data,
		.avail_in = (uInt)body->text.size,
		.next_out = (Bytef *)got,
		.avail_out = (uInt)size + 1,
	};

	assert_non_null(got);
	assert_int_equal(inflateInit2(&stream, 15 + 16), Z_OK);
	assert_int_equal(inflate(&stream, Z_FINISH), Z_STREAM_END);
	assert_int_equal(stream.total_out, size);
	assert_int_equal(stream.avail_in, 0);
	inflateEnd(&stream);
	fill(&plain, size);
	assert_memory_equal(got, plain.text.data, size);
	text_release(&plain.text);
	free(got);
}

static void test_compress(void **state)
{
	static const size_t sizes[] = {0, 1, 5000, 3000000, 10};
	struct web_bodies *bodies;
	struct web_body *body;
	size_t i;

	(void)state;
	assert_int_equal(web_bodies_create(&bodies), 0);
	for (i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		body = web_body_take(bodies);
		assert_non_null(body);
		fill(body, sizes[i]);
		assert_int_equal(web_body_compress(body), 0);
		check(body, sizes[i]);
		web_body_put(body);
	}
	web_bodies_free(bodies);
}

static void test_limit(void **state)
{
	struct web_body *taken[WEB_BODIES_MAX];
	struct web_bodies *bodies;
	int i;

	(void)state;
	assert_int_equal(web_bodies_create(&bodies), 0);
	for (i = 0; i < WEB_BODIES_MAX; i++) {
		taken[i] = web_body_take(bodies);
		assert_non_null(taken[i]);
		fill(taken[i], 1000);
	}
	assert_null(web_body_take(bodies));
	web_body_put(taken[0]);
	taken[0] = web_body_take(bodies);
	assert_non_null(taken[0]);
	assert_int_equal(taken[0]->text.size, 0);
	for (i = 0; i < WEB_BODIES_MAX; i++)
		web_body_put(taken[i]);
	web_bodies_free(bodies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("bodies of every size come back from gzip as they were", test_compress),
		TEST("no more than eight bodies are on their way at once", test_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
