// SPDX-License-Identifier: Apache-2.0
/* What live calls say of the places of probes that could not be proven. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "tls_live_check.h"

static enum tls_live_check check(uint64_t opened, uint64_t closed, uint64_t misfits)
{
	const struct tls_slot slot = {.opened = opened, .closed = closed, .misfits = misfits};

	return tls_live_check(&slot);
}

static void a_hundred_calls_that_end_as_they_can_are_trusted(void **state)
{
	(void)state;
	assert_int_equal(check(0, 0, 0), TLS_LIVE_OPEN);
	assert_int_equal(check(99, 99, 0), TLS_LIVE_OPEN);
	assert_int_equal(check(150, 99, 0), TLS_LIVE_OPEN);
	assert_int_equal(check(100, 100, 0), TLS_LIVE_RIGHT);
	assert_int_equal(check(5000, 100, 0), TLS_LIVE_RIGHT);
}

static void one_result_that_cannot_be_is_enough_to_refuse(void **state)
{
	(void)state;
	assert_int_equal(check(1, 0, 1), TLS_LIVE_WRONG);
	assert_int_equal(check(100000, 100000, 1), TLS_LIVE_WRONG);
}

static void calls_that_never_end_are_refused(void **state)
{
	(void)state;
	assert_int_equal(check(99, 0, 0), TLS_LIVE_OPEN);
	assert_int_equal(check(100, 0, 0), TLS_LIVE_WRONG);
	assert_int_equal(check(100, 1, 0), TLS_LIVE_OPEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hundred_calls_that_end_as_they_can_are_trusted),
		cmocka_unit_test(one_result_that_cannot_be_is_enough_to_refuse),
		cmocka_unit_test(calls_that_never_end_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
