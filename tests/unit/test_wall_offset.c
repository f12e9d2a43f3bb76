// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants those before it */
#include <cmocka.h>

#include "wall_offset.h"

#define MS    UINT64_C(1000000)
#define BOOT  (UINT64_C(86400) * 1000 * MS)
#define START (UINT64_C(1700000000) * 1000 * MS)

/* A look that took so long before and after the wall clock was read, which is `set` ns ahead of START. */
static uint64_t look(uint64_t kept, uint64_t before, uint64_t after, int64_t set)
{
	const struct wall_look clocks = {BOOT - before, START + BOOT + (uint64_t)set, BOOT + after};

	return wall_offset(kept, &clocks);
}

static void the_first_look_is_right_to_half_of_what_it_took(void **state)
{
	(void)state;
	assert_int_equal(look(0, 0, 0, 0), START);
	assert_int_equal(look(0, 100, 0, 0), START + 50);
	assert_int_equal(look(0, 0, 100, 0), START - 50);
}

static void it_stays_the_same_whatever_a_look_takes(void **state)
{
	(void)state;
	assert_int_equal(look(START, 30, 40, 0), START);
	assert_int_equal(look(START, 900 * MS, 0, 0), START);
	assert_int_equal(look(START, 0, 900 * MS, 0), START);
	assert_int_equal(look(START + 50, 0, 0, 0), START + 50);
	assert_int_equal(look(START - 50, 0, 0, 0), START - 50);
}

static void a_clock_that_is_set_is_followed(void **state)
{
	(void)state;
	assert_int_equal(look(START, 0, 0, 5 * MS), START);
	assert_int_equal(look(START, 0, 0, -(int64_t)(5 * MS)), START);
	assert_int_equal(look(START, 0, 0, 5 * MS + 1), START + 5 * MS + 1);
	assert_int_equal(look(START, 0, 0, -(int64_t)(5 * MS) - 1), START - 5 * MS - 1);
	assert_int_equal(look(START, 0, 0, 3600 * 1000 * MS), START + 3600 * 1000 * MS);
	assert_int_equal(look(START, 0, 0, -3600 * 1000 * (int64_t)MS), START - 3600 * 1000 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_look_is_right_to_half_of_what_it_took),
		cmocka_unit_test(it_stays_the_same_whatever_a_look_takes),
		cmocka_unit_test(a_clock_that_is_set_is_followed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
