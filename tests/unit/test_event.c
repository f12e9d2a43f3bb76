// SPDX-License-Identifier: Apache-2.0
/* What is an event, and what is refused; what one says and becomes: test_event_values.c. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "event_text.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void assert_refused(const char *json, const char *code, const char *field,
			   const char *message)
{
	struct event_error error = {.code = NULL};
	struct event *event = NULL;

	assert_int_equal(event_parse(json, strlen(json), &origin, &event, &error), -EINVAL);
	assert_null(event);
	assert_string_equal(error.code, code);
	assert_string_equal(error.field, field);
	if (message)
		assert_string_equal(error.message, message);
}

static const struct good_case {
	const char *json, *stored;
} good[] = {
	{"{\"type\":\"approval.requested\",\"approval_id\":\"a\",\"timeout_seconds\":1.5,"
	 "\"tool\":\"Bash\",\"priority\":\"high\"}",
	 "{\"pid\":4711,\"approval_id\":\"a\",\"timeout_seconds\":1.5,\"tool\":\"Bash\","
	 "\"priority\":\"high\"}"},
	{"{\"type\":\"approval.accepted\",\"approval_id\":\"a\",\"auto\":true}",
	 "{\"pid\":4711,\"approval_id\":\"a\",\"auto\":true}"},
	{"{\"type\":\"approval.rejected\",\"approval_id\":\"a\",\"reason\":\"no\",\"actor\":\"eve\"}",
	 "{\"pid\":4711,\"approval_id\":\"a\",\"reason\":\"no\",\"actor\":\"eve\"}"},
	{"{\"type\":\"approval.cancelled\",\"approval_id\":\"a\",\"auto\":false}",
	 "{\"pid\":4711,\"approval_id\":\"a\",\"auto\":false}"},
	{"{\"type\":\"approval.timeout\",\"approval_id\":\"a\"}",
	 "{\"pid\":4711,\"approval_id\":\"a\"}"},
	{"{\"type\":\"telegram.retry\",\"endpoint\":\"sendMessage\",\"attempt\":2}",
	 "{\"pid\":4711,\"endpoint\":\"sendMessage\",\"attempt\":2}"},
	{"{\"type\":\"circuit_breaker.state\",\"service\":\"s\",\"state\":\"half_open\"}",
	 "{\"pid\":4711,\"service\":\"s\",\"state\":\"half_open\"}"},
	{"{\"type\":\"service.health\",\"service\":\"s\",\"healthy\":false,\"ttl_seconds\":60}",
	 "{\"pid\":4711,\"service\":\"s\",\"healthy\":false,\"ttl_seconds\":60}"},
	{"{\"type\":\"queue.depth\",\"queue\":\"q\",\"depth\":5.0}",
	 "{\"pid\":4711,\"queue\":\"q\",\"depth\":5}"},
	{"{\"type\":\"tokens.used\",\"model\":\"m\",\"input\":1,\"output\":2,\"cache_read\":3,"
	 "\"cache_write\":4,\"agent_type\":\"t\",\"epic\":\"e\",\"story\":\"s\"}",
	 "{\"pid\":4711,\"model\":\"m\",\"input\":1,\"output\":2,\"cache_read\":3,"
	 "\"cache_write\":4,\"agent_type\":\"t\",\"epic\":\"e\",\"story\":\"s\"}"},
	{"{\"type\":\"task.completed\",\"outcome\":\"success\",\"duration_seconds\":0.1}",
	 "{\"pid\":4711,\"outcome\":\"success\",\"duration_seconds\":0.1}"},
	{"{\"type\":\"sms.received\",\"id\":\"beside\",\"time\":1769860800}", "{\"pid\":4711}"},
	{"{\"type\":\"sms.sent\",\"outcome\":\"failed\"}", "{\"pid\":4711,\"outcome\":\"failed\"}"},
	{"{\"type\":\"ai.response\",\"outcome\":\"ok\",\"duration_seconds\":2}",
	 "{\"pid\":4711,\"outcome\":\"ok\",\"duration_seconds\":2}"},
	{"{\"type\":\"payment_plan\",\"outcome\":\"agreed\"}",
	 "{\"pid\":4711,\"outcome\":\"agreed\"}"},
	{"{\"type\":\"escalation.raised\",\"kind\":\"legal\",\"severity\":\"high\"}",
	 "{\"pid\":4711,\"kind\":\"legal\",\"severity\":\"high\"}"},
	{"{\"type\":\"escalation.resolved\",\"kind\":\"legal\",\"duration_seconds\":9}",
	 "{\"pid\":4711,\"duration_seconds\":9,\"kind\":\"legal\"}"},
	{"{\"type\":\"workflow.step\",\"step\":\"build\",\"duration_seconds\":3,\"outcome\":\"ok\"}",
	 "{\"pid\":4711,\"outcome\":\"ok\",\"duration_seconds\":3,\"step\":\"build\"}"},
	{"{\"type\":\"pull_request.merged\",\"duration_seconds\":86400}",
	 "{\"pid\":4711,\"duration_seconds\":86400}"},
	{"{\"type\":\"code_review.done\",\"duration_seconds\":60}",
	 "{\"pid\":4711,\"duration_seconds\":60}"},
	{"{\"type\":\"deployment\",\"environment\":\"prod\",\"outcome\":\"ok\"}",
	 "{\"pid\":4711,\"outcome\":\"ok\",\"environment\":\"prod\"}"},
	{"{\"type\":\"recovery\",\"duration_seconds\":61.25}",
	 "{\"pid\":4711,\"duration_seconds\":61.25}"},
	{"{\"type\":\"story\",\"outcome\":\"done\",\"story\":\"4.2\"}",
	 "{\"pid\":4711,\"story\":\"4.2\",\"outcome\":\"done\"}"},
	{"{\"type\":\"audit\",\"actor\":\"a\",\"action\":\"b\",\"resource\":\"c\","
	 "\"details\":{\"x\":[1,null,\"\\u00e4\"]}}",
	 "{\"pid\":4711,\"actor\":\"a\",\"action\":\"b\",\"resource\":\"c\","
	 "\"details\":{\"x\":[1,null,\"\xc3\xa4\"]}}"},
	{"{\"type\":\"metric\",\"name\":\"n\",\"value\":-1e-7,\"labels\":{\"a\":\"1\",\"b\":\"\"}}",
	 "{\"pid\":4711,\"name\":\"n\",\"value\":-1e-07,\"labels\":{\"a\":\"1\",\"b\":\"\"}}"},
	{"{\"type\":\"sms.sent\",\"session_id\":\"s\",\"correlation_id\":\"\\\"\\\\\\n\xe2\x82\xac\","
	 "\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\",\"span_id\":\"00f067aa0ba902b7\"}",
	 "{\"session_id\":\"s\",\"pid\":4711,\"trace_id\":\"4bf92f3577b34da6a3ce929d0e0e4736\","
	 "\"span_id\":\"00f067aa0ba902b7\",\"correlation_id\":\"\\\"\\\\\\u000a\xe2\x82\xac\"}"},
};

static void test_good(void **state)
{
	bool seen[EVENT_TYPES] = {false};
	struct event *event;
	size_t i;
	int type;

	(void)state;
	for (i = 0; i < COUNT(good); i++) {
		event = parse(good[i].json);
		assert_written(event, good[i].stored);
		seen[event_type(event)] = true;
		event_free(event);
	}
	for (type = 0; type < EVENT_TYPES; type++)
		assert_int_equal(seen[type], !event_types[type].internal);
}

static const struct bad_case {
	const char *json, *code, *field, *message;
} bad[] = {
	{"", "invalid_json", "", NULL},
	{"nonsense", "invalid_json", "", "not a JSON object, before byte 8"},
	{"{\"type\":\"sms.sent\"", "invalid_json", "", "the JSON ends too early, at byte 18"},
	{"{\"type\":\"sms.sent\"}x", "invalid_json", "", NULL},
	{"{\"type\":\"sms.sent\",\"type\":\"sms.sent\"}", "invalid_json", "", NULL},
	{"{\"type\":\"sms.sent\",\"id\":\"a\\u0000b\"}", "invalid_json", "", NULL},
	{"{\"type\":\"sms.sent\",\"id\":\"\xff\"}", "invalid_json", "", NULL},
	{"{\"type\":\"queue.depth\",\"queue\":\"q\",\"depth\":99999999999999999999}",
	 "out_of_range", "", NULL},
	{"[]", "wrong_type", "", "an event must be an object, not an array"},
	{"{}", "missing_field", "type", "type is missing: every event needs it"},
	{"{\"type\":\"\"}", "missing_field", "type", NULL},
	{"{\"type\":7}", "wrong_type", "type", "type must be a text, not an integer"},
	{"{\"type\":\"no.such\\ntype with a name that is much too long to be shown\"}",
	 "unknown_type", "type", "there is no event type 'no.such?type?with?a?name?that?is'"},
	{"{\"type\":\"agent.started\",\"agent_type\":\"x\"}", "unknown_type", "type", NULL},
	{"{\"type\":\"sms.sent\",\"secret\":1}", "unknown_field", "secret",
	 "sms.sent has no field 'secret'"},
	{"{\"type\":\"sms.sent\",\"root\":1}", "unknown_field", "root", NULL},
	{"{\"type\":\"sms.sent\",\"approval_id\":\"a\"}", "unknown_field", "approval_id", NULL},
	{"{\"type\":\"approval.accepted\",\"approval_id\":\"\"}", "missing_field", "approval_id",
	 "approval_id is missing: approval.accepted needs it"},
	{"{\"type\":\"approval.accepted\",\"approval_id\":7}", "wrong_type", "approval_id",
	 "approval_id must be a text, not an integer"},
	{"{\"type\":\"approval.accepted\",\"approval_id\":\"a\",\"auto\":\"yes\"}", "wrong_type",
	 "auto", "auto must be true or false, not a text"},
	{"{\"type\":\"approval.accepted\",\"approval_id\":\"a\",\"reason\":null}", "wrong_type",
	 "reason", "reason must be a text, not null"},
	{"{\"type\":\"circuit_breaker.state\",\"service\":\"s\",\"state\":\"half\"}",
	 "out_of_range", "state", "state must be one of closed|open|half_open"},
	{"{\"type\":\"queue.depth\",\"queue\":\"q\",\"depth\":-1}", "out_of_range", "depth",
	 "depth must be from 0 to 9007199254740992"},
	{"{\"type\":\"queue.depth\",\"queue\":\"q\",\"depth\":1.5}", "wrong_type", "depth",
	 "depth must be an integer, not a number"},
	{"{\"type\":\"sms.sent\",\"pid\":0}", "out_of_range", "pid", NULL},
	{"{\"type\":\"telegram.retry\",\"endpoint\":\"e\",\"attempt\":1000001}", "out_of_range",
	 "attempt", "attempt must be from 0 to 1000000"},
	{"{\"type\":\"sms.sent\",\"trace_id\":\"4bf9\"}", "wrong_type", "trace_id",
	 "trace_id must be 32 lower-case hexadecimal digits, not all 0"},
	{"{\"type\":\"sms.sent\",\"span_id\":\"0000000000000000\"}", "wrong_type", "span_id", NULL},
	{"{\"type\":\"sms.sent\",\"span_id\":\"00F067AA0BA902B7\"}", "wrong_type", "span_id", NULL},
	{"{\"type\":\"sms.sent\",\"span_id\":\"00f067aa0ba902b71\"}", "too_long", "span_id",
	 "span_id has 17 bytes, at most 16 are allowed"},
	{"{\"type\":\"metric\",\"name\":\"n\",\"value\":1,\"labels\":[]}", "wrong_type", "labels",
	 "labels must be an object of texts, not an array"},
	{"{\"type\":\"metric\",\"name\":\"n\",\"value\":1,\"labels\":{\"a\":1}}", "wrong_type",
	 "labels", "the label 'a' must be a text"},
	{"{\"type\":\"metric\",\"name\":\"n\",\"value\":1,\"labels\":{\"\":\"1\"}}", "too_long",
	 "labels", NULL},
	{"{\"type\":\"metric\",\"name\":\"n\",\"value\":1,\"labels\":{\"a\":\"\",\"b\":\"\","
	 "\"c\":\"\",\"d\":\"\",\"e\":\"\"}}",
	 "out_of_range", "labels", "labels has 5 entries, at most 4 are allowed"},
	{"{\"type\":\"sms.sent\",\"time\":\"yesterday\"}", "wrong_type", "time", NULL},
	{"{\"type\":\"sms.sent\",\"time\":true}", "wrong_type", "time", NULL},
	{"{\"type\":\"sms.sent\",\"time\":1769774399}", "out_of_range", "time",
	 "time is more than 24 hours away from the arrival"},
	{"{\"type\":\"sms.sent\",\"time\":1769947201}", "out_of_range", "time", NULL},
	{"{\"type\":\"sms.sent\",\"time\":1769860800000}", "out_of_range", "time", NULL},
	{"{\"type\":\"sms.sent\",\"time\":-1e300}", "out_of_range", "time", NULL},
	{"{\"type\":\"sms.sent\",\"time\":\"2026-02-02T12:00:00Z\"}", "out_of_range", "time", NULL},
};

static void test_bad(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(bad); i++)
		assert_refused(bad[i].json, bad[i].code, bad[i].field, bad[i].message);
}

static void test_required(void **state)
{
	int type, field;
	char json[128];

	(void)state;
	for (type = 0; type < EVENT_TYPES; type++) {
		if (event_types[type].internal || !event_types[type].required)
			continue;
		field = __builtin_ctzll(event_types[type].required);
		snprintf(json, sizeof(json), "{\"type\":\"%s\"}", event_types[type].name);
		assert_refused(json, "missing_field", event_fields[field].name, NULL);
	}
}

static void test_sizes(void **state)
{
	char json[EVENT_SIZE_MAX + 64], id[80], message[80];
	struct event_error error;
	struct event *event;
	int size;

	(void)state;
	for (size = 64; size <= 65; size++) {
		memset(id, 'x', (size_t)size);
		id[size] = '\0';
		snprintf(json, sizeof(json), "{\"type\":\"sms.sent\",\"id\":\"%s\"}", id);
		if (size == 65) {
			assert_refused(json, "too_long", "id",
				       "id has 65 bytes, at most 64 are allowed");
			continue;
		}
		event = parse(json);
		assert_string_equal(event_text(event, FIELD_ID), id);
		event_free(event);
	}
	/* Blanks fill up to the limit of the whole. */
	memset(json, ' ', sizeof(json));
	memcpy(json, "{\"type\":\"sms.sent\"}", 19);
	assert_int_equal(event_parse(json, EVENT_SIZE_MAX, &origin, &event, &error), 0);
	event_free(event);
	assert_int_equal(event_parse(json, EVENT_SIZE_MAX + 1, &origin, &event, &error), -EINVAL);
	assert_string_equal(error.code, "too_large");
	snprintf(message, sizeof(message), "the event has %d bytes, at most %d are allowed",
		 EVENT_SIZE_MAX + 1, EVENT_SIZE_MAX);
	assert_string_equal(error.message, message);
}

static void test_details_size(void **state)
{
	char json[EVENT_SIZE_MAX], details[8200];
	struct event *event;
	int size;

	(void)state;
	for (size = 8190; size <= 8191; size++) {
		memset(details, 'd', sizeof(details));
		snprintf(json, sizeof(json),
			 "{\"type\":\"audit\",\"actor\":\"a\",\"action\":\"b\",\"resource\":\"c\","
			 "\"details\":\"%.*s\"}",
			 size, details);
		if (size == 8191) {
			assert_refused(json, "too_long", "details",
				       "details has 8193 bytes, at most 8192 are allowed");
			continue;
		}
		event = parse(json);
		assert_int_equal(strlen(event_text(event, FIELD_DETAILS)), 8192);
		event_free(event);
	}
}

static void test_depth(void **state)
{
	char json[EVENT_SIZE_MAX];
	struct event_error error;
	struct event *event;

	(void)state;
	memset(json, '[', sizeof(json));
	assert_int_equal(event_parse(json, sizeof(json), &origin, &event, &error), -EINVAL);
	assert_string_equal(error.code, "invalid_json");
}

static void assert_time(const char *time, int64_t us)
{
	struct event *event;
	char json[128];

	snprintf(json, sizeof(json), "{\"type\":\"sms.sent\",\"time\":%s}", time);
	event = parse(json);
	assert_int_equal(event_wall_us(event), us);
	assert_int_equal(event_boot_ns(event),
			 us < NOON * 1000000 - 3600000000
				 ? 0
				 : 3600000000000 + (us - NOON * 1000000) * 1000);
	event_free(event);
}

static void test_times(void **state)
{
	(void)state;
	assert_time("1769860800", NOON * 1000000);
	assert_time("1769860799.25", NOON * 1000000 - 750000);
	assert_time("1769774400", (NOON - 86400) * 1000000);
	assert_time("1769947200", (NOON + 86400) * 1000000);
	assert_time("\"2026-01-31T12:00:00Z\"", NOON * 1000000);
	assert_time("\"2026-01-31t13:30:00.1234567+01:30\"", NOON * 1000000 + 123456);
	assert_time("\"2026-01-31 07:00:00-05:00\"", NOON * 1000000);
	assert_time("\"2026-01-31T11:59:60Z\"", NOON * 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("an event of every type is taken and written as it was said", test_good),
		TEST("a refusal names the field and the reason, and quotes little", test_bad),
		TEST("a required field that is missing is named", test_required),
		TEST("an id may have 64 bytes, an event 16 KiB", test_sizes),
		TEST("details may have 8 KiB as JSON", test_details_size),
		TEST("16 KiB of open brackets are refused", test_depth),
		TEST("time is RFC 3339 or Unix seconds, within 24 hours of the arrival",
		     test_times),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
