// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "custom_metrics.h"
#include "memory_store.h"
#include "text.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

#define METRIC(name, type, more) \
	"{\"name\":\"" name "\",\"type\":\"" type "\",\"help\":\"Some help.\"" more "}"

static void test_declarations(void **state)
{
	static const struct {
		const char *json, *code; /* NULL: good */
	} rows[] = {
		{METRIC("jobs_done_total", "counter", ""), NULL},
		{METRIC("jobs_done_total", "counter", ",\"labels\":[\"queue\",\"b2\"]"), NULL},
		{METRIC("jobs_waiting", "gauge", ",\"labels\":[\"queue\"]"), NULL},
		{METRIC("job_seconds", "histogram", ",\"buckets\":[0.1,1,10]"), NULL},
		{METRIC("job_seconds", "histogram", ""), NULL},
		{"nonsense", "invalid_json"},
		{"[]", "invalid_json"},
		{"{\"name\":\"a\",\"type\":\"gauge\"}", "missing_field"},
		{"{\"type\":\"gauge\",\"help\":\"h\"}", "missing_field"},
		{"{\"name\":\"a\",\"help\":\"h\"}", "missing_field"},
		{"{\"name\":7,\"type\":\"gauge\",\"help\":\"h\"}", "wrong_type"},
		{METRIC("a", "gauge", ",\"unit\":\"s\""), "unknown_field"},
		{METRIC("a", "summary", ""), "invalid_type"},
		{METRIC("", "gauge", ""), "too_long"},
		{METRIC("1a", "gauge", ""), "invalid_name"},
		{METRIC("a-b", "gauge", ""), "invalid_name"},
		{METRIC("Jobs", "gauge", ""), "invalid_name"},
		{METRIC("a:b", "gauge", ""), "invalid_name"},
		{METRIC("jobs", "counter", ""), "invalid_name"},
		{METRIC("jobs_total", "gauge", ""), "invalid_name"},
		{METRIC("jobs_bucket", "gauge", ""), "invalid_name"},
		{METRIC("jobs_sum", "gauge", ""), "invalid_name"},
		{METRIC("jobs_count", "histogram", ""), "invalid_name"},
		{METRIC("jobs_info", "gauge", ""), "invalid_name"},
		{METRIC("operaglass_x", "gauge", ""), "reserved_name"},
		{METRIC("process_x", "gauge", ""), "reserved_name"},
		{METRIC("stories_total", "counter", ""), "reserved_name"},
		{METRIC("stories", "gauge", ""), "reserved_name"},
		{METRIC("orchestrate_queue_depth", "gauge", ""), "reserved_name"},
		{METRIC("a", "gauge", ",\"labels\":\"x\""), "wrong_type"},
		{METRIC("a", "gauge", ",\"labels\":[7]"), "wrong_type"},
		{METRIC("a", "gauge", ",\"labels\":[\"a\",\"b\",\"c\",\"d\",\"e\"]"), "wrong_type"},
		{METRIC("a", "gauge", ",\"labels\":[\"le\"]"), "invalid_label"},
		{METRIC("a", "gauge", ",\"labels\":[\"__a\"]"), "invalid_label"},
		{METRIC("a", "gauge", ",\"labels\":[\"x\",\"x\"]"), "invalid_label"},
		{METRIC("a", "gauge", ",\"buckets\":[1]"), "invalid_buckets"},
		{METRIC("a", "histogram", ",\"buckets\":[]"), "invalid_buckets"},
		{METRIC("a", "histogram", ",\"buckets\":[1,1]"), "invalid_buckets"},
		{METRIC("a", "histogram", ",\"buckets\":[2,1]"), "invalid_buckets"},
		{METRIC("a", "histogram", ",\"buckets\":[-1]"), "invalid_buckets"},
		{METRIC("a", "histogram", ",\"buckets\":[\"1\"]"), "wrong_type"},
		{"{\"name\":\"a\",\"type\":\"gauge\",\"help\":\"a\\\\b\"}", "invalid_help"},
		{"{\"name\":\"a\",\"type\":\"gauge\",\"help\":\"a\\nb\"}", "invalid_help"},
	};
	struct reporting_custom custom;
	struct event_error error;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		error.code = "";
		if (custom_metric_parse(rows[i].json, &custom, &error) !=
		    (rows[i].code ? -EINVAL : 0))
			fail_msg("%s: %s", rows[i].json, error.code);
		if (rows[i].code)
			assert_string_equal(error.code, rows[i].code);
	}
}

static struct accounts *create(void)
{
	const struct moment now = {1795000000000000, 1000};
	struct reporting_settings *settings = calloc(1, sizeof(*settings));
	struct accounts *accounts;

	assert_non_null(settings);
	settings->custom_count = 1;
	settings->custom[0] =
		(struct reporting_custom){.name = "configured_total", .help = "Help."};
	assert_int_equal(accounts_create(settings, &accounts), 0);
	accounts_set_boot(accounts, 1, &now);
	free(settings);
	return accounts;
}

static struct outcome declare(struct accounts *accounts, const char *json)
{
	const struct event_field_value value = {FIELD_DETAILS, json, 0};
	const struct event_origin origin = {.wall_us = 1795000000000000};
	struct outcome outcome;
	struct event *event;

	assert_int_equal(event_make(EVENT_METRIC_DECLARED, &origin, &value, 1, &event), 0);
	assert_int_equal(accounts_apply(accounts, event, &outcome), 0);
	event_free(event);
	return outcome;
}

static struct outcome report(struct accounts *accounts, const char *json)
{
	const struct event_origin origin = {.wall_us = 1795000000000000};
	struct event_error error;
	struct outcome outcome;
	struct event *event;

	assert_int_equal(event_parse(json, strlen(json), &origin, &event, &error), 0);
	assert_int_equal(accounts_apply(accounts, event, &outcome), 0);
	event_free(event);
	return outcome;
}

static void assert_refused(struct outcome outcome, const char *code)
{
	assert_int_equal(outcome.kind, OUTCOME_REFUSED);
	assert_string_equal(outcome.why.code, code);
}

/* The exposition from the first custom metric on. */
static void assert_shown(struct accounts *accounts, enum text_format format, const char *expected)
{
	const struct moment now = {1795000000000000, 1000};
	struct text text = {0};
	struct model *model;
	char *begin;

	assert_int_equal(model_create(0, &model), 0);
	accounts_add(accounts, &now, model);
	assert_int_equal(text_render(model, format, &text), 0);
	assert_int_equal(text_reserve(&text, 1), 0);
	text.data[text.size] = '\0';
	begin = strstr(text.data, "# HELP configured");
	assert_non_null(begin);
	assert_string_equal(begin, expected);
	text_release(&text);
	model_free(model);
}

#define DURATION METRIC("job_size", "histogram", ",\"labels\":[\"kind\"],\"buckets\":[0.5,2]")

static void test_metrics(void **state)
{
	static struct memory_store store;
	const struct account_store functions = memory_functions(&store);
	struct accounts *accounts = create(), *again;
	static const char expected[] = "# HELP configured_total Help.\n"
				       "# TYPE configured_total counter\n"
				       "configured_total 2.5\n"
				       "# HELP job_size Some help.\n"
				       "# TYPE job_size histogram\n"
				       "job_size_bucket{kind=\"a\",le=\"0.5\"} 1\n"
				       "job_size_bucket{kind=\"a\",le=\"2.0\"} 1\n"
				       "job_size_bucket{kind=\"a\",le=\"+Inf\"} 2\n"
				       "job_size_sum{kind=\"a\"} 5000000000000\n"
				       "job_size_count{kind=\"a\"} 2\n"
				       "# HELP temperature Some help.\n"
				       "# TYPE temperature gauge\n"
				       "temperature{room=\"\"} -3.25\n";

	(void)state;
	assert_int_equal(declare(accounts, DURATION).kind, OUTCOME_TAKEN);
	assert_int_equal(
		declare(accounts, METRIC("temperature", "gauge", ",\"labels\":[\"room\"]")).kind,
		OUTCOME_TAKEN);
	report(accounts, "{\"type\":\"metric\",\"name\":\"configured_total\",\"value\":2}");
	report(accounts, "{\"type\":\"metric\",\"name\":\"configured_total\",\"value\":0.5}");
	report(accounts, "{\"type\":\"metric\",\"name\":\"job_size\",\"value\":0.5,"
			 "\"labels\":{\"kind\":\"a\"}}");
	report(accounts, "{\"type\":\"metric\",\"name\":\"job_size\",\"value\":4999999999999.5,"
			 "\"labels\":{\"kind\":\"a\"}}");
	report(accounts, "{\"type\":\"metric\",\"name\":\"temperature\",\"value\":-3.25}");
	assert_int_equal(accounts_save(accounts, &functions), 0);
	accounts_commit(accounts);
	assert_shown(accounts, TEXT_PROMETHEUS, expected);
	again = create();
	assert_int_equal(memory_load(&store, again), 0);
	assert_shown(again, TEXT_PROMETHEUS, expected);
	assert_shown(again, TEXT_OPENMETRICS,
		     "# HELP configured Help.\n"
		     "# TYPE configured counter\n"
		     "configured_total 2.5\n"
		     "# HELP job_size Some help.\n"
		     "# TYPE job_size histogram\n"
		     "job_size_bucket{kind=\"a\",le=\"0.5\"} 1\n"
		     "job_size_bucket{kind=\"a\",le=\"2.0\"} 1\n"
		     "job_size_bucket{kind=\"a\",le=\"+Inf\"} 2\n"
		     "job_size_sum{kind=\"a\"} 5000000000000\n"
		     "job_size_count{kind=\"a\"} 2\n"
		     "# HELP temperature Some help.\n"
		     "# TYPE temperature gauge\n"
		     "temperature{room=\"\"} -3.25\n"
		     "# EOF\n");
	accounts_free(again);
	accounts_free(accounts);
}

static void test_refused(void **state)
{
	struct accounts *accounts = create();
	char json[128];
	unsigned i;

	(void)state;
	assert_refused(report(accounts, "{\"type\":\"metric\",\"name\":\"nobody\",\"value\":1}"),
		       "undeclared_metric");
	assert_refused(report(accounts, "{\"type\":\"metric\",\"name\":\"configured_total\","
					"\"value\":-1}"),
		       "out_of_range");
	assert_refused(report(accounts, "{\"type\":\"metric\",\"name\":\"configured_total\","
					"\"value\":1,\"labels\":{\"x\":\"y\"}}"),
		       "unknown_label");
	assert_refused(
		declare(accounts, METRIC("configured_total", "counter", ",\"labels\":[\"a\"]")),
		"conflicting_metric");
	assert_refused(declare(accounts, METRIC("configured", "gauge", "")), "conflicting_metric");
	assert_int_equal(declare(accounts, METRIC("configured_total", "counter", "")).kind,
			 OUTCOME_TAKEN);
	for (i = 1; i < REPORTING_CUSTOM_MAX; i++) {
		snprintf(json, sizeof(json), METRIC("metric_%u", "gauge", ""), i);
		assert_int_equal(declare(accounts, json).kind, OUTCOME_TAKEN);
	}
	assert_refused(declare(accounts, METRIC("one_more", "gauge", "")), "metric_limit");
	accounts_rollback(accounts);
	assert_int_equal(declare(accounts, METRIC("one_more", "gauge", "")).kind, OUTCOME_TAKEN);
	assert_refused(report(accounts, "{\"type\":\"metric\",\"name\":\"metric_1\",\"value\":1}"),
		       "undeclared_metric");
	accounts_free(accounts);
}

static void test_configured(void **state)
{
	static struct memory_store store;
	const struct account_store functions = memory_functions(&store);
	struct reporting_settings *settings = calloc(1, sizeof(*settings));
	struct accounts *accounts = create();

	(void)state;
	assert_non_null(settings);
	settings->custom_count = 1;
	settings->custom[0] =
		(struct reporting_custom){.name = "later", .help = "Help.", .type = CUSTOM_GAUGE};
	declare(accounts, METRIC("declared", "gauge", ""));
	assert_int_equal(accounts_configure(accounts, settings), 0);
	accounts_rollback(accounts);
	assert_refused(report(accounts, "{\"type\":\"metric\",\"name\":\"declared\","
					"\"value\":1}"),
		       "undeclared_metric");
	declare(accounts, METRIC("declared", "gauge", ""));
	assert_int_equal(accounts_configure(accounts, settings), 0);
	assert_int_equal(accounts_save(accounts, &functions), 0);
	accounts_commit(accounts);
	assert_int_equal(store.value_count, 1);
	assert_string_equal(store.values[0].name, "custom_metric/declared");
	assert_int_equal(
		report(accounts, "{\"type\":\"metric\",\"name\":\"later\",\"value\":1}").kind,
		OUTCOME_TAKEN);
	free(settings);
	accounts_free(accounts);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("a declaration is good or refused with its reason", test_declarations),
		TEST("custom metrics are shown in both formats, and again after a restart",
		     test_metrics),
		TEST("what is not declared, or not so, is refused and changes nothing",
		     test_refused),
		TEST("new settings in the middle of a batch change nothing of the batch",
		     test_configured),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
