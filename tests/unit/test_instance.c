// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "instance.h"
#include "supervise.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static const char locks[] = "1: POSIX  ADVISORY  WRITE 700 00:27:4711 0 EOF\n"
			    "2: FLOCK  ADVISORY  WRITE 701 00:27:4711 0 EOF\n"
			    "2: -> FLOCK  ADVISORY  WRITE 702 00:27:4712 0 EOF\n"
			    "3: FLOCK  ADVISORY  WRITE 703 fe:00:4711 0 EOF\n";

static void test_holder(void **state)
{
	(void)state;
	assert_int_equal(instance_find_holder(locks, 0, 0x27, 4711), 701);
	assert_int_equal(instance_find_holder(locks, 0xfe, 0, 4711), 703);
}

static void test_no_holder(void **state)
{
	(void)state;
	assert_int_equal(instance_find_holder(locks, 0, 0x27, 4712), 0);
	assert_int_equal(instance_find_holder("", 0, 0, 0), 0);
	assert_int_equal(instance_find_holder("nonsense\n\n1:", 0, 0, 0), 0);
}

static void test_backoff(void **state)
{
	static const unsigned int expected[] = {100, 200, 400, 800, 1600, 3200, 5000, 5000};
	unsigned int delay = 0;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		delay = supervise_backoff(delay, UINT64_C(9999999999));
		assert_int_equal(delay, expected[i]);
	}
	assert_int_equal(supervise_backoff(delay, UINT64_C(10000000000)), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("the holder of a lock is found by device and inode", test_holder),
		TEST("nobody is found where nobody holds it", test_no_holder),
		TEST("restarts wait 100 ms to 5 s, and 100 ms again after 10 s of life",
		     test_backoff),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
