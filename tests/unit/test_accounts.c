// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <inttypes.h>

#include "memory_store.h"
#include "text.h"

#define TEST(sentence, function)                          \
	{                                                 \
		sentence, function, setup, teardown, NULL \
	}

#define WALL_US INT64_C(1795000000000000)
#define BOOT_NS UINT64_C(3600000000000)
#define SECOND	UINT64_C(1000000000)

static struct reporting_settings settings;
static struct accounts *accounts;
static struct memory_store store;
static struct event_origin origin;
static int64_t jumped_us; /* by how much somebody has set the wall clock */

static struct moment at(uint64_t seconds)
{
	return (struct moment){WALL_US + jumped_us + (int64_t)seconds * 1000000,
			       BOOT_NS + seconds * SECOND};
}

static int setup(void **state)
{
	struct moment now;

	(void)state;
	jumped_us = 0;
	now = at(0);
	memset(&settings, 0, sizeof(settings));
	settings.approval_timeout_ns = 1800 * SECOND;
	settings.approval_grace_ns = 30 * SECOND;
	settings.pending_max = 3;
	settings.price_count = 1;
	settings.prices[0] = (struct reporting_price){
		.model = "claude-*", .input = 3000000, .output = 15000000, .cache_read = 300000};
	memset(&store, 0, sizeof(store));
	origin = (struct event_origin){WAY_STREAM, 1000, 4711, WALL_US, BOOT_NS};
	assert_int_equal(accounts_create(&settings, &accounts), 0);
	accounts_set_boot(accounts, 1, &now);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	accounts_free(accounts);
	return 0;
}

static struct outcome apply(struct event *event)
{
	struct outcome outcome;

	assert_int_equal(accounts_apply(accounts, event, &outcome), 0);
	event_free(event);
	return outcome;
}

/* One event from JSON, `seconds` after the start, by an agent when root is not 0. */
static struct outcome say_by(uint64_t seconds, uint32_t root, const char *json)
{
	struct event_error error;
	struct event *event;

	origin.wall_us = at(seconds).wall_us;
	origin.boot_ns = at(seconds).boot_ns;
	if (event_parse(json, strlen(json), &origin, &event, &error))
		fail_msg("%s: %s", json, error.message);
	if (root)
		event_set_root(event, root, 77, "claude-code");
	return apply(event);
}

static struct outcome say(uint64_t seconds, const char *json)
{
	return say_by(seconds, 0, json);
}

static struct outcome note(uint64_t seconds, enum event_type type,
			   const struct event_field_value *values, size_t count)
{
	struct event *event;

	origin.wall_us = at(seconds).wall_us;
	origin.boot_ns = at(seconds).boot_ns;
	assert_int_equal(event_make(type, &origin, values, count, &event), 0);
	return apply(event);
}

static void commit(void)
{
	const struct account_store functions = memory_functions(&store);

	assert_int_equal(accounts_save(accounts, &functions), 0);
	accounts_commit(accounts);
}

/* Whether the exposition, this long after the start, has this line. */
static void assert_line(uint64_t seconds, const char *line)
{
	const struct moment now = at(seconds);
	struct text text = {0};
	struct model *model;
	char wanted[256];

	assert_int_equal(model_create(0, &model), 0);
	accounts_add(accounts, &now, model);
	assert_int_equal(text_render(model, TEXT_PROMETHEUS, &text), 0);
	assert_int_equal(text_reserve(&text, 1), 0);
	text.data[text.size] = '\0';
	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	if (!strstr(text.data, wanted))
		fail_msg("no line '%s'", line);
	text_release(&text);
	model_free(model);
}

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

#define REQUEST(id)	       "{\"type\":\"approval.requested\",\"approval_id\":\"" id "\"}"
#define ACCEPT(id)	       "{\"type\":\"approval.accepted\",\"approval_id\":\"" id "\"}"
#define DECIDE(type, id, more) "{\"type\":\"approval." type "\",\"approval_id\":\"" id "\"" more "}"

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
		TEST("a heartbeat that stops is no health", test_heartbeat),
		TEST("sessions and actors are off, plain or hashed", test_sessions),
		TEST("a budget is measured by this month's cost", test_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
