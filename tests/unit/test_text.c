// SPDX-License-Identifier: Apache-2.0
/* Whole expositions are compared with tests/unit/data/text/NAME.prometheus and NAME.openmetrics;
 * GOLDEN_WRITE=1 writes those files instead, to be read before they are committed. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "text.h"

#define DATA "tests/unit/data/text/"
#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}
#define MS UINT64_C(1000000)

static const uint64_t call_bounds[] = {5 * MS, 100 * MS, 1000 * MS, 2500 * MS};
static const uint64_t memory_bounds[] = {1 << 20, 1 << 30};

static void fill(struct model *model)
{
	static const uint64_t counts[] = {1, 0, 2, 0, 4}, memory[] = {3, 2, 1};
	const struct distribution calls = {call_bounds, counts, 4, 31250000001, 0};
	const struct distribution peaks = {memory_bounds, memory, 2, UINT64_C(5) << 30, 0};

	model_add(model, FAMILY_TELEGRAM_REQUESTS, UINT64_MAX, "sendMessage", "POST");
	model_add(model, FAMILY_TELEGRAM_REQUESTS, 0, "unknown", "unknown");
	model_add_distribution(model, FAMILY_TELEGRAM_DURATION, &calls, "sendMessage", "200");
	model_add_distribution(model, FAMILY_TELEGRAM_DURATION, &calls, "getMe", "429");
	model_add(model, FAMILY_TELEGRAM_LAST_SUCCESS, 1767225600500000000, "sendMessage");
	model_add(model, FAMILY_TELEGRAM_HEALTH, 1);
	model_add(model, FAMILY_UPSTREAM_CONNECTIONS, 3, "redis", "idle");
	model_add(model, FAMILY_UPSTREAM_CONNECTIONS_SEEN, 12, "redis", "plain");
	model_add(model, FAMILY_AGENT_CPU, 1, "claude-code", "user");
	model_add(model, FAMILY_AGENT_CPU, 3600000000000, "claude-code", "system");
	model_add_distribution(model, FAMILY_AGENT_PEAK_MEMORY, &peaks, "claude-code");
	model_add(model, FAMILY_TOOL_EXECUTIONS, 1, "claude-code", "a\\b\"c\nx", "success");
	model_add(model, FAMILY_TOOL_EXECUTIONS, 2, "claude-code", "caf\xc3\xa9 \xff",
		  "signal_self");
	model_add(model, FAMILY_BUILD_INFO, 1, "9.9.9", "cc", "x86_64");
	model_add(model, FAMILY_COST, 1234567, "claude-x", "claude-code");
	model_add_real(model, FAMILY_SELF_CPU, 0.1, "observer");
}

static void compare(const struct text *text, const char *path)
{
	char *expected = malloc(1 << 20);
	FILE *file = fopen(path, getenv("GOLDEN_WRITE") ? "wb" : "rb");
	size_t size, line = 1, i;

	assert_non_null(expected);
	if (!file)
		fail_msg("cannot open %s from the top of the tree", path);
	if (getenv("GOLDEN_WRITE")) {
		assert_int_equal(fwrite(text->data, 1, text->size, file), text->size);
	} else {
		size = fread(expected, 1, 1 << 20, file);
		for (i = 0; i < size && i < text->size && expected[i] == text->data[i]; i++)
			line += expected[i] == '\n';
		if (i != size || i != text->size)
			fail_msg("%s:%zu: the output differs, at '%.*s'", path, line,
				 (int)(text->size - i < 60 ? text->size - i : 60), text->data + i);
	}
	fclose(file);
	free(expected);
}

static void render(void (*add)(struct model *), const char *name)
{
	static const char *const suffixes[TEXT_FORMATS] = {"prometheus", "openmetrics"};
	struct text text = {NULL, 0, 0};
	struct model *model;
	char path[256];
	int format;

	assert_int_equal(model_create(0, &model), 0);
	if (add)
		add(model);
	for (format = 0; format < TEXT_FORMATS; format++) {
		text.size = 0;
		assert_int_equal(text_render(model, format, &text), 0);
		snprintf(path, sizeof(path), DATA "%s.%s", name, suffixes[format]);
		compare(&text, path);
	}
	text_release(&text);
	model_free(model);
}

static void test_filled(void **state)
{
	(void)state;
	render(fill, "filled");
}

static void test_empty(void **state)
{
	(void)state;
	render(NULL, "empty");
}

static void test_appends(void **state)
{
	struct text text = {NULL, 0, 0};
	struct model *model;
	size_t size;

	(void)state;
	assert_int_equal(model_create(0, &model), 0);
	assert_int_equal(text_render(model, TEXT_OPENMETRICS, &text), 0);
	size = text.size;
	assert_int_equal(text_render(model, TEXT_OPENMETRICS, &text), 0);
	assert_int_equal(text.size, 2 * size);
	assert_memory_equal(text.data, text.data + size, size);
	text_release(&text);
	model_free(model);
}

/* More bounds than the renderer keeps ready, and three labels full of bytes that are escaped. */
static void test_longest(void **state)
{
	static uint64_t bounds[100], counts[101];
	const struct distribution distribution = {bounds, counts, 100, UINT64_MAX, 0};
	struct text text = {NULL, 0, 0};
	struct model *model;
	char quotes[200];
	uint32_t i;

	(void)state;
	memset(quotes, '"', sizeof(quotes) - 1);
	quotes[sizeof(quotes) - 1] = '\0';
	for (i = 0; i < 100; i++)
		bounds[i] = UINT64_MAX - 100 + i;
	assert_int_equal(model_create(0, &model), 0);
	model_add_distribution(model, FAMILY_UPSTREAM_DURATION, &distribution, quotes, quotes,
			       quotes);
	assert_int_equal(text_render(model, TEXT_PROMETHEUS, &text), 0);
	text_reserve(&text, 1);
	text.data[text.size] = '\0';
	assert_non_null(strstr(text.data, "le=\"1.8446744073709551515e+10\"} 0\n"));
	assert_non_null(strstr(text.data, "le=\"1.8446744073709551614e+10\"} 0\n"));
	assert_non_null(strstr(text.data, "\"} 18446744073.709551615\n"));
	text_release(&text);
	model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("a model with every kind of value renders as the golden files say",
		     test_filled),
		TEST("an empty model still names every family", test_empty),
		TEST("rendering appends", test_appends),
		TEST("the longest lines and many bounds fit", test_longest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
