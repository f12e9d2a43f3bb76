// SPDX-License-Identifier: Apache-2.0
/* What a connection's row says about it, and the label values of calls. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#include "call_labels.h"
#include "connection_state.h"

#define NOW UINT64_C(10000000000)

static struct connection open_row(void)
{
	struct connection row;

	memset(&row, 0, sizeof(row));
	row.established_ns = 1;
	row.protocol = PROTOCOL_TLS;
	return row;
}

static void a_row_without_an_answer_to_its_syn_is_connecting(void **state)
{
	struct connection row = open_row();

	(void)state;
	row.established_ns = 0;
	assert_int_equal(connection_state(&row, NOW), CONNECTION_CONNECTING);
}

static void a_row_without_a_call_is_idle(void **state)
{
	struct connection row = open_row();

	(void)state;
	assert_int_equal(connection_state(&row, NOW), CONNECTION_IDLE);
}

static void an_opaque_call_is_active_until_its_answer_has_come(void **state)
{
	struct connection row = open_row();

	(void)state;
	row.call_begin_ns = NOW - 5000000000;
	row.call_sequence = 3;
	row.response_sequence = 2;
	assert_int_equal(connection_state(&row, NOW), CONNECTION_ACTIVE);
	row.response_sequence = 3;
	row.last_received_ns = NOW - 1000;
	assert_int_equal(connection_state(&row, NOW), CONNECTION_ACTIVE);
	row.last_received_ns = NOW - CONNECTION_STREAMING_NS;
	assert_int_equal(connection_state(&row, NOW), CONNECTION_IDLE);
}

static void a_plain_answer_ends_its_query_at_once(void **state)
{
	struct connection row = open_row();

	(void)state;
	row.protocol = PROTOCOL_PLAIN;
	row.call_begin_ns = NOW - 1000;
	row.call_sequence = 1;
	assert_int_equal(connection_state(&row, NOW), CONNECTION_ACTIVE);
	row.response_sequence = 1;
	row.last_received_ns = NOW - 1;
	assert_int_equal(connection_state(&row, NOW), CONNECTION_IDLE);
}

static void decoded_calls_are_those_in_flight(void **state)
{
	struct connection row = open_row();

	(void)state;
	row.decoded = 1;
	row.next_call = 2;
	row.first_call = 1;
	assert_int_equal(connection_state(&row, NOW), CONNECTION_ACTIVE);
	row.first_call = 2;
	assert_int_equal(connection_state(&row, NOW), CONNECTION_IDLE);
}

static void an_undecided_row_belongs_to_its_candidate(void **state)
{
	struct connection row = open_row();

	(void)state;
	assert_int_equal(connection_upstream(&row), 0);
	row.fallback = 4;
	assert_int_equal(connection_upstream(&row), 4);
	row.candidate = 3;
	assert_int_equal(connection_upstream(&row), 3);
	row.upstream = 2;
	assert_int_equal(connection_upstream(&row), 2);
}

static void every_number_has_a_label(void **state)
{
	char out[STATUS_LABEL_SIZE];
	unsigned int i;

	(void)state;
	for (i = 1; i < FAILURES; i++)
		assert_string_not_equal(call_failure_label(i), "unknown");
	for (i = 1; i <= METHOD_OTHER; i++)
		assert_string_not_equal(call_method_label(i), "unknown");
	for (i = 0; i < VISIBILITIES; i++)
		assert_string_not_equal(visibility_label(i), "unknown");
	for (i = 0; i < UNDECODED_REASONS; i++)
		assert_string_not_equal(undecoded_label(i), "unknown");
	for (i = 0; i < CONNECTION_STATES; i++)
		assert_string_not_equal(connection_state_label(i), "unknown");
	assert_string_equal(call_failure_label(FAILURES), "unknown");
	assert_string_equal(call_method_label(METHOD_UNKNOWN), "unknown");
	assert_string_equal(call_status_label(0, out), "unknown");
	assert_string_equal(call_status_label(429, out), "429");
	assert_string_equal(call_status_label(65535, out), "5535");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_row_without_an_answer_to_its_syn_is_connecting),
		cmocka_unit_test(a_row_without_a_call_is_idle),
		cmocka_unit_test(an_opaque_call_is_active_until_its_answer_has_come),
		cmocka_unit_test(a_plain_answer_ends_its_query_at_once),
		cmocka_unit_test(decoded_calls_are_those_in_flight),
		cmocka_unit_test(an_undecided_row_belongs_to_its_candidate),
		cmocka_unit_test(every_number_has_a_label),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
