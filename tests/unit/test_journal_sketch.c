// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "journal_sketch.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void test_sketch(void **state)
{
	struct sketch one = {{0}}, other = {{0}}, merged = {{0}};
	uint8_t bytes[SKETCH_BYTES_MAX];
	uint64_t median, i;
	size_t size;

	(void)state;
	assert_int_equal(sketch_quantile(&one, 0.5), 0);
	for (i = 1; i <= 1000; i++)
		sketch_add(i % 2 ? &one : &other, i * 1000000, 1);
	sketch_add(&other, UINT64_MAX, 1);
	size = sketch_encode(&one, bytes);
	assert_int_equal(sketch_merge(&merged, bytes, size), 0);
	assert_int_equal(sketch_merge(&merged, bytes, sketch_encode(&other, bytes)), 0);
	assert_int_equal(sketch_count(&merged), 1001);
	median = sketch_quantile(&merged, 0.5);
	assert_in_range(median, 465000000, 535000000);
	assert_in_range(sketch_quantile(&merged, 0.99), 920000000, 1060000000);
	assert_int_equal(sketch_quantile(&merged, 1), UINT64_C(1) << SKETCH_LAST_BIT);
	assert_int_equal(sketch_merge(&merged, bytes, size - 1), -EINVAL);
	assert_int_equal(sketch_merge(&merged, "\x02", 1), -EINVAL);
	assert_int_equal(sketch_merge(&merged, "\x01\xff\x7f\x01", 4), -EINVAL);
	assert_int_equal(sketch_merge(&merged, NULL, 0), 0);
	assert_int_equal(sketch_count(&merged), 1001);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("sketches merge, and their quantiles are right to 7 %", test_sketch),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
