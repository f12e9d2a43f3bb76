// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include <jansson.h>

#include "json_model.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static json_t *rendered(const struct model *model)
{
	struct text text = {0};
	json_error_t error;
	json_t *root;

	assert_int_equal(json_model_render(model, &text), 0);
	root = json_loadb(text.data, text.size, JSON_REJECT_DUPLICATES, &error);
	text_release(&text);
	assert_non_null(root);
	return root;
}

static json_t *family(json_t *root, const char *name)
{
	json_t *list = json_object_get(root, "families"), *entry;
	size_t i;

	json_array_foreach(list, i,
			   entry) if (!strcmp(json_string_value(json_object_get(entry, "name")),
					      name)) return entry;
	fail_msg("no family '%s'", name);
	return NULL;
}

static void assert_series(json_t *root, const char *name, const char *expected)
{
	char *got = json_dumps(json_object_get(family(root, name), "series"),
			       JSON_COMPACT | JSON_REAL_PRECISION(15));

	assert_string_equal(got, expected);
	free(got);
}

static void test_values(void **state)
{
	static const uint64_t bounds[] = {5000000, 1000000000}, counts[] = {2, 0, 1};
	const struct distribution latency = {
		.bounds = bounds, .counts = counts, .bound_count = 2, .sum = 2500000000};
	struct model *model;
	json_t *root;

	(void)state;
	assert_int_equal(model_create(0, &model), 0);
	model_add(model, FAMILY_AGENT_STARTS, UINT64_C(9007199254740993), "claude \"x\"");
	model_add(model, FAMILY_TELEGRAM_HEALTH, 1);
	model_add_distribution(model, FAMILY_TELEGRAM_DURATION, &latency, "sendMessage", "200");
	root = rendered(model);
	assert_series(root, "orchestrate_agent_starts_total",
		      "[{\"labels\":{\"type\":\"claude \\\"x\\\"\"},\"value\":9007199254740993}]");
	assert_series(root, "telegram_service_health", "[{\"labels\":{},\"value\":1}]");
	assert_series(root, "telegram_api_duration_seconds",
		      "[{\"labels\":{\"endpoint\":\"sendMessage\",\"status_code\":\"200\"},"
		      "\"buckets\":[{\"le\":\"0.005\",\"count\":2},{\"le\":\"1.0\",\"count\":2},"
		      "{\"le\":\"+Inf\",\"count\":3}],\"count\":3,\"sum\":2.5}]");
	json_decref(root);
	model_free(model);
}

static void test_declared(void **state)
{
	static const struct family_row row = {.name = "basket_euros",
					      .help = "Sum.",
					      .labels = {"shop"},
					      .type = TYPE_GAUGE,
					      .unit = UNIT_MICRO};
	enum family family_number;
	struct model *model;
	json_t *root;

	(void)state;
	assert_int_equal(model_create(0, &model), 0);
	assert_int_equal(model_declare(model, &row, &family_number), 0);
	assert_int_equal(model_add(model, family_number, 12500000, "x"), 0);
	root = rendered(model);
	assert_series(root, "basket_euros", "[{\"labels\":{\"shop\":\"x\"},\"value\":12.5}]");
	json_decref(root);
	model_free(model);
}

static void test_all_families(void **state)
{
	struct model *model;
	json_t *root, *list;
	size_t i;

	(void)state;
	assert_int_equal(model_create(0, &model), 0);
	root = rendered(model);
	list = json_object_get(root, "families");
	assert_int_equal(json_array_size(list), FAMILY_COUNT);
	for (i = 0; i < FAMILY_COUNT; i++)
		assert_string_equal(
			json_string_value(json_object_get(json_array_get(list, i), "name")),
			families[i].name);
	assert_series(root, "telegram_api_duration_seconds", "[]");
	assert_string_equal(json_string_value(json_object_get(
				    family(root, "telegram_api_duration_seconds"), "unit")),
			    "seconds");
	json_decref(root);
	model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("numbers, histograms and labels come out as they went in", test_values),
		TEST("a family that was declared while running is there", test_declared),
		TEST("every family is there, also without series", test_all_families),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
