// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "model.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static struct model *create(uint32_t limit)
{
	struct model *model;

	assert_int_equal(model_create(limit, &model), 0);
	return model;
}

static struct sample first(const struct model *model, enum family family)
{
	const struct series *series = model_first(model, family);
	struct sample sample;

	assert_non_null(series);
	model_sample(model, series, &sample);
	return sample;
}

static void test_order(void **state)
{
	static const char *const names[] = {"zebra", "ant", "mole"};
	struct model *model = create(0);
	const struct series *series;
	struct sample sample;
	unsigned i = 0;

	(void)state;
	model_add(model, FAMILY_AGENT_STARTS, 1, "zebra");
	model_add(model, FAMILY_TELEGRAM_HEALTH, 1);
	model_add(model, FAMILY_AGENT_STARTS, 2, "ant");
	model_add(model, FAMILY_AGENT_STARTS, 3, "mole");
	for (series = model_first(model, FAMILY_AGENT_STARTS); series;
	     series = model_next(model, series)) {
		model_sample(model, series, &sample);
		assert_string_equal(sample.labels[0], names[i]);
		assert_int_equal(sample.integer, ++i);
	}
	assert_int_equal(i, 3);
	assert_null(model_first(model, FAMILY_AGENTS));
	model_free(model);
}

static void test_merge(void **state)
{
	static const uint64_t bounds[] = {10, 20};
	static const uint64_t counts[] = {1, 2, 3};
	const struct distribution distribution = {bounds, counts, 2, 77, 0};
	struct model *model = create(0);
	struct sample sample;

	(void)state;
	model_add(model, FAMILY_AGENT_EXITS, 5, "claude", "success", "0");
	model_add(model, FAMILY_AGENT_EXITS, 1, "claude", "error", "0");
	model_add(model, FAMILY_AGENT_EXITS, 7, "claude", "success", "0");
	assert_int_equal(model_series_count(model, FAMILY_AGENT_EXITS), 2);
	assert_int_equal(first(model, FAMILY_AGENT_EXITS).integer, 12);
	model_add_distribution(model, FAMILY_UPSTREAM_DNS, &distribution, "redis");
	model_add_distribution(model, FAMILY_UPSTREAM_DNS, &distribution, "redis");
	sample = first(model, FAMILY_UPSTREAM_DNS);
	assert_int_equal(sample.distribution.bound_count, 2);
	assert_int_equal(sample.distribution.counts[0], 2);
	assert_int_equal(sample.distribution.counts[2], 6);
	assert_int_equal(sample.distribution.sum, 154);
	model_add(model, FAMILY_AGENT_CPU, 1500000000, "claude", "user");
	model_add_real(model, FAMILY_AGENT_CPU, 0.25, "claude", "user");
	sample = first(model, FAMILY_AGENT_CPU);
	assert_int_equal(sample.kind, VALUE_REAL);
	assert_true(sample.real == 1.75);
	model_free(model);
}

/* Label boundaries count: "ab","c" is not "a","bc". */
static void test_identity(void **state)
{
	struct model *model = create(0);

	(void)state;
	model_add(model, FAMILY_AGENTS, 1, "ab", "c");
	model_add(model, FAMILY_AGENTS, 1, "a", "bc");
	model_add(model, FAMILY_AGENTS, 1, "abc", "");
	model_add(model, FAMILY_AGENTS, 1, "", "abc");
	assert_int_equal(model_series_count(model, FAMILY_AGENTS), 4);
	model_add(model, FAMILY_AGENT_CPU, 1, "ab", "c");
	assert_int_equal(model_series_count(model, FAMILY_AGENTS), 4);
	assert_int_equal(model_series_count(model, FAMILY_AGENT_CPU), 1);
	model_free(model);
}

static void test_labels(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain", "plain"},
		{"", ""},
		{"caf\xc3\xa9 \xf0\x9f\xa6\x8a", "caf\xc3\xa9 \xf0\x9f\xa6\x8a"},
		{"a\xff"
		 "b",
		 "a\xef\xbf\xbd"
		 "b"},
		{"\xc3", "\xef\xbf\xbd"},				  /* cut off */
		{"\xc0\xaf", "\xef\xbf\xbd\xef\xbf\xbd"},		  /* overlong slash */
		{"\xed\xa0\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"}, /* surrogate */
		{"\xf4\x90\x80\x80", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd"},
		{"tab\tline\nend", "tab\tline\nend"}, /* escaping is the renderer's */
	};
	struct model *model = create(0);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		model_reset(model);
		model_add(model, FAMILY_AGENT_STARTS, 1, cases[i].in);
		assert_string_equal(first(model, FAMILY_AGENT_STARTS).labels[0], cases[i].out);
	}
	model_reset(model);
	model_add(model, FAMILY_AGENT_STARTS, 1, NULL);
	assert_string_equal(first(model, FAMILY_AGENT_STARTS).labels[0], "");
	model_free(model);
}

static void test_long_labels(void **state)
{
	char text[1000], bad[1000];
	struct model *model = create(0);
	size_t i;

	(void)state;
	for (i = 0; i + 3 < sizeof(text); i += 3)
		memcpy(text + i, "\xe2\x82\xac", 4);
	memset(bad, 0xff, sizeof(bad) - 1);
	bad[sizeof(bad) - 1] = '\0';
	model_add(model, FAMILY_AGENTS, 1, text, bad);
	assert_int_equal(strlen(first(model, FAMILY_AGENTS).labels[0]), 126);
	assert_int_equal(strlen(first(model, FAMILY_AGENTS).labels[1]), 126);
	model_free(model);
}

static void test_limit(void **state)
{
	struct model *model = create(3);
	char name[16];
	int i;

	(void)state;
	for (i = 0; i < 10; i++) {
		snprintf(name, sizeof(name), "type%d", i);
		assert_int_equal(model_add(model, FAMILY_AGENT_STARTS, 1, name),
				 i < 3 ? 0 : -ENOSPC);
	}
	/* Known series and other families go on. */
	assert_int_equal(model_add(model, FAMILY_AGENT_STARTS, 1, "type1"), 0);
	assert_int_equal(model_add(model, FAMILY_AGENT_THREADS, 1, "type9"), 0);
	assert_int_equal(model_series_count(model, FAMILY_AGENT_STARTS), 3);
	assert_int_equal(model_refused(model, REFUSED_LIMIT), 7);
	model_reset(model);
	assert_int_equal(model_add(model, FAMILY_AGENT_STARTS, 1, "type9"), 0);
	assert_int_equal(model_refused(model, REFUSED_LIMIT), 7);
	model_free(model);
}

static void test_misuse(void **state)
{
	static const uint64_t bounds[] = {10}, others[] = {11};
	static const uint64_t counts[] = {1, 2};
	const struct distribution fits = {bounds, counts, 1, 0, 0},
				  differs = {others, counts, 1, 0, 0};
	struct model *model = create(0);

	(void)state;
	assert_int_equal(model_add(model, FAMILY_AGENT_STARTS, 1), -EINVAL);
	assert_int_equal(model_add(model, FAMILY_AGENT_STARTS, 1, "a", "b"), -EINVAL);
	assert_int_equal(model_add(model, FAMILY_UPSTREAM_DNS, 1, "redis"), -EINVAL);
	assert_int_equal(model_add(model, FAMILY_COUNT, 1), -EINVAL);
	assert_int_equal(model_add_distribution(model, FAMILY_AGENT_STARTS, &fits, "a"), -EINVAL);
	assert_int_equal(model_add_distribution(model, FAMILY_UPSTREAM_DNS, &fits, "redis"), 0);
	assert_int_equal(model_add_distribution(model, FAMILY_UPSTREAM_DNS, &differs, "redis"),
			 -EINVAL);
	assert_int_equal(model_refused(model, REFUSED_MISUSE), 6);
	model_free(model);
}

static void test_many(void **state)
{
	struct model *model = create(5000);
	const struct series *series;
	int round, i, found;
	char name[32];

	(void)state;
	for (round = 0; round < 3; round++) {
		model_reset(model);
		for (i = 0; i < 5000; i++) {
			snprintf(name, sizeof(name), "tool-%d", i);
			assert_int_equal(
				model_add(model, FAMILY_TOOL_CPU, (uint64_t)i, "claude", name), 0);
			assert_int_equal(model_add(model, FAMILY_TOOL_CPU, 1, "claude", name), 0);
		}
		assert_int_equal(model_series_count(model, FAMILY_TOOL_CPU), 5000);
		found = 0;
		for (series = model_first(model, FAMILY_TOOL_CPU); series;
		     series = model_next(model, series), found++) {
			struct sample sample;

			model_sample(model, series, &sample);
			snprintf(name, sizeof(name), "tool-%d", found);
			assert_string_equal(sample.labels[1], name);
			assert_int_equal(sample.integer, found + 1);
		}
		assert_int_equal(found, 5000);
	}
	model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("series come back in the order they were added in", test_order),
		TEST("a label set that comes twice is one series with the sum", test_merge),
		TEST("label sets are compared label by label and family by family", test_identity),
		TEST("label values become valid UTF-8", test_labels),
		TEST("long label values are cut at a character", test_long_labels),
		TEST("a full family refuses new label sets, counts them, and leaves others alone",
		     test_limit),
		TEST("what does not fit its family is refused and counted", test_misuse),
		TEST("5000 series survive growing and being used again", test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
