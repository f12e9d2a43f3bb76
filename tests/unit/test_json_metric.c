// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "json_metric.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void test_round_trip(void **state)
{
	static const char *const cases[] = {
		"{\"name\":\"orders_total\",\"type\":\"counter\",\"help\":\"Orders.\",\"labels\":[]}",
		"{\"name\":\"shop:basket\",\"type\":\"gauge\",\"help\":\"A \\\"basket\\\".\","
		"\"labels\":[\"a\",\"b\",\"c\",\"_d4\"]}",
		"{\"name\":\"wait_seconds\",\"type\":\"histogram\",\"help\":\"W\",\"labels\":[\"a\"],"
		"\"buckets\":[-1,0.5,10]}",
	};
	struct reporting_custom metric;
	struct event_error error;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct text text = {0};

		assert_int_equal(json_metric_parse(cases[i], strlen(cases[i]), &metric, &error), 0);
		assert_int_equal(json_metric_write(&metric, &text), 0);
		assert_int_equal(text.size, strlen(cases[i]));
		assert_memory_equal(text.data, cases[i], text.size);
		text_release(&text);
	}
}

#define NAMED(name) "{\"name\":\"" name "\",\"type\":\"gauge\",\"help\":\"x\"}"
#define WITH(more)  "{\"name\":\"x\",\"type\":\"gauge\",\"help\":\"x\"," more "}"

static void test_refusals(void **state)
{
	static const struct {
		const char *json, *code, *field;
	} cases[] = {
		{"", "invalid_json", ""},
		{"[]", "invalid_json", ""},
		{"{} {}", "invalid_json", ""},
		{"{\"name\":\"a\",\"name\":\"b\"}", "invalid_json", ""},
		{"{}", "missing_field", "name"},
		{"{\"name\":\"x\",\"type\":\"gauge\"}", "missing_field", "help"},
		{NAMED(""), "invalid_value", "name"},
		{NAMED("1x"), "invalid_value", "name"},
		{NAMED("x y"), "invalid_value", "name"},
		{NAMED("caf\xc3\xa9"), "invalid_value", "name"},
		{NAMED("x_total"), "invalid_value", "name"},
		{NAMED("x_bucket"), "invalid_value", "name"},
		{"{\"name\":7,\"type\":\"gauge\",\"help\":\"x\"}", "invalid_value", "name"},
		{"{\"name\":\"x\",\"type\":\"counter\",\"help\":\"x\"}", "invalid_value", "name"},
		{"{\"name\":\"x\",\"type\":\"summary\",\"help\":\"x\"}", "invalid_value", "type"},
		{"{\"name\":\"x\",\"type\":\"gauge\",\"help\":\"\"}", "invalid_value", "help"},
		{"{\"name\":\"x\",\"type\":\"gauge\",\"help\":\"a\\nb\"}", "invalid_value", "help"},
		{"{\"name\":\"x\",\"type\":\"histogram\",\"help\":\"x\"}", "missing_field",
		 "buckets"},
		{WITH("\"colour\":1"), "unknown_field", "colour"},
		{WITH("\"labels\":\"a\""), "invalid_value", "labels"},
		{WITH("\"labels\":[\"a\",\"a\"]"), "invalid_value", "labels"},
		{WITH("\"labels\":[\"le\"]"), "invalid_value", "labels"},
		{WITH("\"labels\":[\"__a\"]"), "invalid_value", "labels"},
		{WITH("\"labels\":[\"a:b\"]"), "invalid_value", "labels"},
		{WITH("\"labels\":[\"a\",\"b\",\"c\",\"d\",\"e\"]"), "invalid_value", "labels"},
		{WITH("\"buckets\":[1]"), "unknown_field", "buckets"},
		{WITH("\"buckets\":[1,1]"), "invalid_value", "buckets"},
		{WITH("\"buckets\":[\"1\"]"), "invalid_value", "buckets"},
	};
	struct reporting_custom metric = {.name = "kept"};
	struct event_error error;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(
			json_metric_parse(cases[i].json, strlen(cases[i].json), &metric, &error),
			-EINVAL);
		assert_string_equal(error.code, cases[i].code);
		assert_string_equal(error.field, cases[i].field);
	}
	assert_string_equal(metric.name, "kept");
}

static void test_ours(void **state)
{
	(void)state;
	assert_true(json_metric_is_ours("telegram_service_health"));
	assert_true(json_metric_is_ours("telegram_api_requests"));
	assert_true(json_metric_is_ours("telegram_api_requests_total"));
	assert_true(json_metric_is_ours("telegram_api_duration_seconds_count"));
	assert_false(json_metric_is_ours("telegram_service_healthy"));
	assert_false(json_metric_is_ours("orders_total"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("what is declared comes out as it went in", test_round_trip),
		TEST("what is wrong is refused by field and changes nothing", test_refusals),
		TEST("a name of Operaglass' own is known in every form", test_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
