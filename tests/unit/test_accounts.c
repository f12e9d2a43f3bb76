// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "accounts_scene.h"

static void test_every_type(void **state)
{
	static const struct {
		const char *json, *lines[3];
	} rows[] = {
		{"{\"type\":\"telegram.retry\",\"endpoint\":\"sendMessage\",\"attempt\":2}",
		 {"telegram_reported_retries_total{endpoint=\"sendMessage\"} 1"}},
		{"{\"type\":\"circuit_breaker.state\",\"service\":\"sms\",\"state\":\"open\"}",
		 {"circuit_breaker_state{service=\"sms\",state=\"open\"} 1",
		  "circuit_breaker_state{service=\"sms\",state=\"closed\"} 0",
		  "circuit_breaker_transitions_total{service=\"sms\",to=\"open\"} 1"}},
		{"{\"type\":\"circuit_breaker.state\",\"service\":\"sms\",\"state\":\"open\"}",
		 {"circuit_breaker_transitions_total{service=\"sms\",to=\"open\"} 1"}},
		{"{\"type\":\"circuit_breaker.state\",\"service\":\"sms\",\"state\":\"half_open\"}",
		 {"circuit_breaker_state{service=\"sms\",state=\"open\"} 0",
		  "circuit_breaker_transitions_total{service=\"sms\",to=\"half_open\"} 1"}},
		{"{\"type\":\"service.health\",\"service\":\"web\",\"healthy\":true}",
		 {"service_health{service=\"web\"} 1"}},
		{"{\"type\":\"queue.depth\",\"queue\":\"jobs\",\"depth\":17}",
		 {"orchestrate_queue_depth{queue=\"jobs\"} 17"}},
		{"{\"type\":\"tokens.used\",\"model\":\"claude-x\",\"input\":1000,\"output\":100,"
		 "\"cache_read\":1,\"cache_write\":5,\"agent_type\":\"claude-code\"}",
		 {"orchestrate_tokens_total{model=\"claude-x\",direction=\"cache_write\"} 5",
		  /* 3,000 + 1,500 + 0.3 micro-dollars */
		  "orchestrate_cost_usd_total{model=\"claude-x\",agent_type=\"claude-code\"} "
		  "0.0045",
		  "orchestrate_month_cost_usd 0.0045"}},
		{"{\"type\":\"tokens.used\",\"model\":\"new\",\"input\":7,\"output\":1}",
		 {"orchestrate_unpriced_tokens_total{model=\"new\"} 8",
		  "orchestrate_cost_usd_total{model=\"new\",agent_type=\"unknown\"} 0"}},
		{"{\"type\":\"task.completed\",\"outcome\":\"success\",\"duration_seconds\":12.5}",
		 {"orchestrate_tasks_total{outcome=\"success\"} 1",
		  "orchestrate_task_duration_seconds_sum 12.5",
		  "orchestrate_task_duration_seconds_bucket{le=\"20.0\"} 1"}},
		{"{\"type\":\"sms.received\"}",
		 {"sms_messages_total{direction=\"received\",outcome=\"unknown\"} 1"}},
		{"{\"type\":\"sms.sent\",\"outcome\":\"failed\"}",
		 {"sms_messages_total{direction=\"sent\",outcome=\"failed\"} 1"}},
		{"{\"type\":\"ai.response\",\"outcome\":\"success\",\"duration_seconds\":2}",
		 {"ai_responses_total{outcome=\"success\"} 1",
		  "ai_response_duration_seconds_sum 2"}},
		{"{\"type\":\"payment_plan\",\"outcome\":\"agreed\"}",
		 {"payment_plans_total{outcome=\"agreed\"} 1"}},
		{"{\"type\":\"escalation.raised\",\"kind\":\"legal\",\"severity\":\"high\"}",
		 {"escalations_total{type=\"legal\",severity=\"high\"} 1"}},
		{"{\"type\":\"escalation.resolved\",\"kind\":\"legal\"}",
		 {"escalations_total{type=\"legal\",severity=\"high\"} 1"}},
		{"{\"type\":\"workflow.step\",\"step\":\"build\",\"duration_seconds\":61}",
		 {"workflow_step_duration_seconds_sum{step=\"build\",outcome=\"unknown\"} 61"}},
		{"{\"type\":\"pull_request.merged\",\"duration_seconds\":7200}",
		 {"pull_request_cycle_seconds_bucket{le=\"7200.0\"} 1",
		  "pull_request_cycle_seconds_bucket{le=\"3600.0\"} 0"}},
		{"{\"type\":\"code_review.done\",\"duration_seconds\":60}",
		 {"code_review_turnaround_seconds_count 1"}},
		{"{\"type\":\"deployment\",\"environment\":\"prod\",\"outcome\":\"success\"}",
		 {"deployments_total{environment=\"prod\",outcome=\"success\"} 1"}},
		{"{\"type\":\"recovery\",\"duration_seconds\":0.5}", {"recovery_seconds_sum 0.5"}},
		{"{\"type\":\"story\",\"outcome\":\"done\"}",
		 {"stories_total{outcome=\"done\"} 1"}},
		{"{\"type\":\"audit\",\"actor\":\"eve\",\"action\":\"open\",\"resource\":\"door\"}",
		 {"stories_total{outcome=\"done\"} 1"}},
	};
	unsigned i, j;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(say(1, rows[i].json).kind, OUTCOME_TAKEN);
		commit();
		for (j = 0; j < 3 && rows[i].lines[j]; j++)
			assert_line(1, rows[i].lines[j]);
	}
	assert_int_equal(store.costs, 2);
	assert_int_equal(store.cost_microdollars, 4500);
	assert_int_equal(store.run.runs, 1);
	assert_int_equal(store.run.successes, 1);
	assert_int_equal(store.run.tokens, 1114);
	assert_int_equal(store.run.duration_ns, 12500000000);
}

static void test_zeroes(void **state)
{
	static const char *const lines[] = {
		"escalation_queue_size 0",
		"escalation_oldest_pending_seconds 0",
		"escalation_queue_enqueue_total 0",
		"escalation_queue_dequeue_total 0",
		"escalation_approvals_accepted_total{session_id=\"\"} 0",
		"escalation_approvals_timeout_total{session_id=\"\"} 0",
		"escalation_decisions_ignored_total{kind=\"late\"} 0",
		"escalation_messages_total{outcome=\"missing\"} 0",
		"escalation_response_time_seconds_count{result=\"accepted\"} 0",
		"escalation_response_time_seconds_bucket{result=\"accepted\",le=\"1.0\"} 0",
		"escalation_response_time_seconds_bucket{result=\"accepted\",le=\"14400.0\"} 0",
		"approval_timeout_service_health 1",
		"pull_request_cycle_seconds_count 0",
		"orchestrate_month_cost_usd 0",
	};
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		assert_line(0, lines[i]);
}

static void test_heartbeat(void **state)
{
	(void)state;
	say(0, "{\"type\":\"service.health\",\"service\":\"approval_timeout\",\"healthy\":true,"
	       "\"ttl_seconds\":60}");
	commit();
	assert_line(59, "approval_timeout_service_health 1");
	assert_line(59, "service_health{service=\"approval_timeout\"} 1");
	assert_line(60, "approval_timeout_service_health 0");
	assert_line(60, "service_health{service=\"approval_timeout\"} 0");
	/* One that was sent two hours ago; the host was started an hour ago. */
	say(70, "{\"type\":\"service.health\",\"service\":\"old\",\"healthy\":true,"
		"\"ttl_seconds\":60,\"time\":1794992870}");
	commit();
	assert_line(71, "service_health{service=\"old\"} 0");
}

static void test_sessions(void **state)
{
	(void)state;
	memset(settings.session_key, 0x0b, 20);
	settings.session_label = SESSION_LABEL_PLAIN;
	assert_int_equal(accounts_configure(accounts, &settings), 0);
	say(0, DECIDE("requested", "a", ",\"session_id\":\"s1\""));
	say(1, ACCEPT("a"));
	settings.session_label = SESSION_LABEL_HASHED;
	assert_int_equal(accounts_configure(accounts, &settings), 0);
	say(0, DECIDE("requested", "b", ",\"session_id\":\"Hi There\""));
	say(1, DECIDE("accepted", "b", ",\"actor\":\"Hi There\""));
	commit();
	assert_line(2, "escalation_approvals_accepted_total{session_id=\"s1\"} 1");
	/* hmac-sha256 of "Hi There" under twenty 0x0b (RFC 4231, case 1; zeroes after a key are
	 * nothing) */
	assert_line(2, "escalation_approvals_accepted_total{session_id=\"b0344c61d8db3853\"} 1");
	assert_string_equal(store.audit, "b0344c61d8db3853 approval.accepted b ");
	settings.plain_actors = true;
	assert_int_equal(accounts_configure(accounts, &settings), 0);
	say(2, "{\"type\":\"audit\",\"actor\":\"eve\",\"action\":\"open\",\"resource\":\"door\","
	       "\"details\":{\"key\":1}}");
	commit();
	assert_string_equal(store.audit, "eve open door {\"key\":1}");
}

static void test_budget(void **state)
{
	const struct event_field_value set[] = {{FIELD_AMOUNT, NULL, 9000}};

	(void)state;
	say(0, "{\"type\":\"tokens.used\",\"model\":\"claude-x\",\"input\":1500}");
	note(0, EVENT_BUDGET_SET, set, 1);
	commit();
	assert_line(0, "orchestrate_budget_usd 0.009");
	assert_line(0, "orchestrate_budget_used_ratio 0.5");
	assert_string_equal(store.audit, "operaglass budget.set budget {\"amount\":9000}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("every event type counts what the catalogue says", test_every_type),
		TEST("what is known in advance exists at 0", test_zeroes),
		TEST("a heartbeat that stops is no health", test_heartbeat),
		TEST("sessions and actors are off, plain or hashed", test_sessions),
		TEST("a budget is measured by this month's cost", test_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
