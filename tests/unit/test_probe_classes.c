// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "probe_classes.h"

#define ALL ((1U << PROBE_CLASSES) - 1)

static void a_class_is_cheap_that_costs_less_than_stepping(void **state)
{
	const uint64_t usual[] = {556, 540, 651, 674}, no_call[] = {556, 540, 651, 18500},
		       emulated[] = {9000, 14000, 9500, 12000}, no_push[] = {19000, 540, 560, 600};

	(void)state;
	assert_int_equal(probe_classes_judge(usual, 18500), ALL);
	assert_int_equal(probe_classes_judge(no_call, 18500), ALL & ~PROBE_CLASS_CALL);
	assert_int_equal(probe_classes_judge(no_push, 18500), ALL & ~PROBE_CLASS_PUSH);
	/* The whole machine is emulated: a step costs hardly more than its trap. */
	assert_int_equal(probe_classes_judge(emulated, 13400), ALL);
	assert_int_equal(probe_classes_judge(usual, 700), ALL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_class_is_cheap_that_costs_less_than_stepping),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
