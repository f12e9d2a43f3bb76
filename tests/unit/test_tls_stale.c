// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tls_stale.h"

#define S UINT64_C(1000000000)

static const struct connection opaque = {
	.upstream = 1, .protocol = PROTOCOL_TLS, .call_sequence = 3, .call_begin_ns = 50 * S};

static void a_call_that_nobody_reads_is_evidence(void **state)
{
	(void)state;
	assert_int_equal(tls_stale_call(&opaque), 50 * S);
}

static void other_calls_are_none(void **state)
{
	struct connection unwatched = opaque, plain = opaque, decoded = opaque, elsewhere = opaque,
			  doubtful = opaque, silent = opaque;

	(void)state;
	unwatched.upstream = 0;
	plain.protocol = PROTOCOL_PLAIN;
	decoded.decoded = 1;
	elsewhere.suppressed = 1;
	doubtful.uncounted = 1;
	silent.call_begin_ns = 0;
	assert_int_equal(tls_stale_call(&unwatched), 0);
	assert_int_equal(tls_stale_call(&plain), 0);
	assert_int_equal(tls_stale_call(&decoded), 0);
	assert_int_equal(tls_stale_call(&elsewhere), 0);
	assert_int_equal(tls_stale_call(&doubtful), 0);
	assert_int_equal(tls_stale_call(&silent), 0);
}

static void only_calls_since_the_probes_were_set_show_that_they_are_blind(void **state)
{
	(void)state;
	assert_false(tls_stale_shown(0, 40 * S));
	assert_false(tls_stale_shown(39 * S, 40 * S));
	assert_false(tls_stale_shown(40 * S + TLS_STALE_GRACE_NS, 40 * S));
	assert_true(tls_stale_shown(40 * S + TLS_STALE_GRACE_NS + 1, 40 * S));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_call_that_nobody_reads_is_evidence),
		cmocka_unit_test(other_calls_are_none),
		cmocka_unit_test(only_calls_since_the_probes_were_set_show_that_they_are_blind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
