// SPDX-License-Identifier: Apache-2.0
/* Approvals, from the question to the decision, and the agents that they block. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "accounts_scene.h"

static void test_approval(void **state)
{
	(void)state;
	say(0, "{\"type\":\"approval.requested\",\"approval_id\":\"a\",\"tool\":\"Bash\"}");
	commit();
	assert_line(42, "escalation_queue_size 1");
	assert_line(42, "escalation_oldest_pending_seconds 42");
	say(90, DECIDE("accepted", "a", ",\"auto\":true,\"actor\":\"ann\""));
	commit();
	assert_line(100, "escalation_queue_size 0");
	assert_line(100, "escalation_oldest_pending_seconds 0");
	assert_line(100, "escalation_approvals_accepted_total{session_id=\"\"} 1");
	assert_line(100, "escalation_response_time_seconds_sum{result=\"accepted\"} 90");
	assert_line(100, "escalation_queue_depth_bucket{le=\"0.0\"} 1");
	assert_line(100, "escalation_queue_depth_count 2");
	assert_line(100, "escalation_messages_total{outcome=\"missing\"} 1");
	assert_string_equal(store.rollup[0].series, "messages");
	assert_string_equal(store.rollup[1].series, "approvals");
	assert_string_equal(store.rollup[2].series, "auto_approvals");
	assert_string_equal(store.rollup[3].series, "response_time");
	assert_int_equal(store.rollup[3].value_ns, 90 * SECOND);
	say(101, REQUEST("b"));
	say(102, DECIDE("rejected", "b", ",\"reason\":\"too dangerous\""));
	say(103, ACCEPT("b"));
	say(104, REQUEST("a"));
	say(104, ACCEPT("never asked"));
	commit();
	assert_line(105,
		    "escalation_approvals_rejected_total{session_id=\"\",reason=\"too dangerous\"} "
		    "1");
	assert_line(105, "escalation_decisions_ignored_total{kind=\"duplicate\"} 2");
	assert_line(105, "escalation_decisions_ignored_total{kind=\"unmatched\"} 1");
	assert_line(105, "escalation_queue_enqueue_total 2");
	assert_line(105, "escalation_queue_dequeue_total 2");
}

static void test_expiry(void **state)
{
	struct moment now = at(1829);
	struct event *events[4];

	(void)state;
	say(0, REQUEST("a"));
	say(0, "{\"type\":\"approval.requested\",\"approval_id\":\"b\",\"timeout_seconds\":9000}");
	commit();
	assert_int_equal(accounts_next_due(accounts, &now), at(1830).boot_ns);
	assert_int_equal(accounts_due(accounts, &now, events, 4), 0);
	now = at(4000);
	assert_line(4000, "approval_timeout_service_health 0");
	assert_int_equal(accounts_due(accounts, &now, events, 4), 1);
	assert_int_equal(event_wall_us(events[0]), at(1830).wall_us);
	assert_string_equal(event_text(events[0], FIELD_APPROVAL_ID), "a");
	assert_int_equal(apply(events[0]).kind, OUTCOME_TAKEN);
	commit();
	assert_line(4000, "approval_timeout_service_health 1");
	assert_line(4000, "escalation_approvals_timeout_total{session_id=\"\"} 1");
	assert_line(4000, "escalation_response_time_seconds_sum{result=\"timeout\"} 1830");
	assert_string_equal(store.audit, "operaglass approval.expired a ");
	assert_int_equal(say(4001, ACCEPT("a")).kind, OUTCOME_LATE);
	/* Nobody asked what is due: a decision after the time is late all the same. */
	assert_int_equal(say(9100, ACCEPT("b")).kind, OUTCOME_LATE);
	commit();
	assert_line(9100, "escalation_approvals_timeout_total{session_id=\"\"} 2");
	assert_line(9100, "escalation_decisions_ignored_total{kind=\"late\"} 2");
	assert_line(9100, "escalation_response_time_seconds_sum{result=\"timeout\"} 10860");
}

#define DAY_US INT64_C(86400000000)

/* The wall clock is set a day ahead, then two days back, while approvals wait. */
static void test_clock_jumps(void **state)
{
	struct event *events[4];
	struct moment now;

	(void)state;
	say_by(0, 500, REQUEST("a"));
	say(0, REQUEST("b"));
	commit();
	jumped_us = DAY_US;
	assert_line(42, "escalation_oldest_pending_seconds 42");
	now = at(43);
	assert_int_equal(accounts_due(accounts, &now, events, 4), 0);
	say(50, REQUEST("c"));
	commit();
	jumped_us = -DAY_US;
	assert_line(60, "escalation_oldest_pending_seconds 60");
	say(90, ACCEPT("a"));
	say(95, ACCEPT("c"));
	commit();
	assert_line(100, "escalation_response_time_seconds_sum{result=\"accepted\"} 135");
	assert_line(100, "orchestrate_agent_blocked_seconds_total{type=\"claude-code\"} 90");
	now = at(1829);
	assert_int_equal(accounts_due(accounts, &now, events, 4), 0);
	now = at(1830);
	assert_int_equal(accounts_due(accounts, &now, events, 4), 1);
	assert_int_equal(apply(events[0]).kind, OUTCOME_TAKEN);
	commit();
	assert_line(1831, "escalation_response_time_seconds_sum{result=\"timeout\"} 1830");
}

static void test_full(void **state)
{
	struct outcome outcome;

	(void)state;
	say(0, REQUEST("a"));
	say(0, REQUEST("b"));
	say(0, REQUEST("c"));
	outcome = say(0, REQUEST("d"));
	assert_int_equal(outcome.kind, OUTCOME_REFUSED);
	assert_string_equal(outcome.why.code, "pending_limit");
	assert_string_equal(outcome.why.field, "approval_id");
	say(1, ACCEPT("a"));
	assert_int_equal(say(2, REQUEST("d")).kind, OUTCOME_TAKEN);
	commit();
	assert_line(2, "escalation_queue_size 3");
	assert_line(2, "escalation_queue_enqueue_total 4");
}

static void test_blocked_while_committing(void **state)
{
	(void)state;
	say_by(0, 500, REQUEST("a"));
	commit();
	assert_line(15, "orchestrate_agent_blocked_seconds_total{type=\"claude-code\"} 15");
	say(20, ACCEPT("a"));
	/* The disk takes its time. */
	assert_line(23, "orchestrate_agent_blocked_seconds_total{type=\"claude-code\"} 20");
	commit();
	assert_line(23, "orchestrate_agent_blocked_seconds_total{type=\"claude-code\"} 20");
	/* Or does not take it at all: the agent still waits. */
	say_by(30, 500, REQUEST("b"));
	commit();
	say(40, ACCEPT("b"));
	assert_line(45, "orchestrate_agent_blocked_seconds_total{type=\"claude-code\"} 30");
	accounts_rollback(accounts);
	assert_line(46, "orchestrate_agent_blocked_seconds_total{type=\"claude-code\"} 36");
}

static void test_blocked(void **state)
{
	const struct event_field_value ended[] = {{FIELD_AGENT_TYPE, "claude-code", 0},
						  {FIELD_ROOT, NULL, 500},
						  {FIELD_ROOT_START, NULL, 77},
						  {FIELD_REASON, "error", 0},
						  {FIELD_CPU_SECONDS, NULL, 1.5}};
	struct waiting_root roots[4];

	(void)state;
	say_by(0, 500, REQUEST("a"));
	say_by(10, 500, REQUEST("b"));
	commit();
	assert_line(15, "orchestrate_agent_blocked_seconds_total{type=\"claude-code\"} 15");
	assert_int_equal(accounts_waiting(accounts, roots, 4), 1);
	assert_int_equal(roots[0].root, 500);
	assert_int_equal(roots[0].root_start_ns, 77);
	assert_string_equal(roots[0].agent_type, "claude-code");
	say(20, ACCEPT("a"));
	commit();
	assert_line(25, "orchestrate_agent_blocked_seconds_total{type=\"claude-code\"} 25");
	note(30, EVENT_AGENT_ENDED, ended, 5);
	commit();
	assert_line(99, "orchestrate_agent_blocked_seconds_total{type=\"claude-code\"} 30");
	assert_line(99, "escalation_queue_size 1");
	assert_int_equal(accounts_waiting(accounts, roots, 4), 0);
	assert_int_equal(store.run.blocked_ns, 30 * SECOND);
	assert_int_equal(store.run.exits, 1);
	assert_int_equal(store.run.failed_exits, 1);
	assert_int_equal(store.run.cpu_ns, 1500000000);
}

static int first_pending(void *context, const struct pending_approval *approval)
{
	assert_string_equal(approval->approval_id, "a");
	assert_string_equal(approval->agent_type, "claude-code");
	assert_int_equal(approval->root, 500);
	assert_int_equal(approval->pid, 4711);
	assert_true(approval->age_seconds == 8);
	assert_int_equal(approval->message, *(int *)context);
	return 1;
}

static void test_message(void **state)
{
	const struct event_field_value failed[] = {{FIELD_APPROVAL_ID, "a", 0},
						   {FIELD_STATUS, NULL, 502},
						   {FIELD_OUTCOME, "server_error", 0},
						   {FIELD_DURATION_SECONDS, NULL, 0.25}};
	const struct event_field_value delivered[] = {{FIELD_APPROVAL_ID, "a", 0},
						      {FIELD_STATUS, NULL, 200},
						      {FIELD_OUTCOME, "delivered", 0},
						      {FIELD_DURATION_SECONDS, NULL, 0.125}};
	const struct moment now = at(8);
	int message = 2;

	(void)state;
	say_by(0, 500, REQUEST("a"));
	note(1, EVENT_APPROVAL_DELIVERED, failed, 4);
	commit();
	accounts_each_pending(accounts, &now, first_pending, &message);
	note(2, EVENT_APPROVAL_DELIVERED, delivered, 4);
	accounts_rollback(accounts);
	accounts_each_pending(accounts, &now, first_pending, &message);
	note(2, EVENT_APPROVAL_DELIVERED, delivered, 4);
	commit();
	message = 1;
	accounts_each_pending(accounts, &now, first_pending, &message);
	assert_int_equal(store.approvals[0].row.message_ns, 125000000);
	assert_int_equal(store.approvals[0].row.message_status, 200);
	say(9, ACCEPT("a"));
	commit();
	assert_line(9, "escalation_messages_total{outcome=\"delivered\"} 1");
	assert_line(9, "escalation_messages_total{outcome=\"failed\"} 1");
	assert_line(9, "escalation_messages_total{outcome=\"missing\"} 0");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("an approval waits, ages live, and is decided once", test_approval),
		TEST("nobody decides in time: timed out to the second, and what follows is late",
		     test_expiry),
		TEST("a wall clock that jumps changes no duration and no expiry", test_clock_jumps),
		TEST("as many wait as may, and one more is refused", test_full),
		TEST("an agent is blocked while any of its approvals waits, until it ends",
		     test_blocked),
		TEST("the time an agent was blocked never falls, whatever becomes of a batch",
		     test_blocked_while_committing),
		TEST("the question's message belongs to the approval", test_message),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
