// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "report_scene.h"

#define TEST(sentence, function)                                   \
	{                                                          \
		sentence, function, report_begin, report_end, NULL \
	}

static struct report_query query(void)
{
	return (struct report_query){.limit = 100, .now_us = SCENE_NOON};
}

/* So many days before now; with fixed token counts. */
static void spend(int days_ago, const char *model, const char *agent, const char *epic,
		  const char *story, uint64_t microdollars)
{
	const struct cost_row row = {
		.time_us = SCENE_NOON - days_ago * SCENE_DAY_US,
		.model = model,
		.agent_type = agent,
		.epic = epic,
		.story = story,
		.input = 100,
		.output = 10,
		.cache_read = 3,
		.cache_write = 2,
		.microdollars = microdollars,
		.priced = strcmp(model, "unknown") != 0,
	};

	assert_int_equal(scene_store.add_cost(scene_store.context, &row), 0);
}

static void set_budget(const char *microdollars)
{
	assert_int_equal(scene_store.put_value(scene_store.context, "monthly_budget", microdollars),
			 0);
}

/* $6 of three models in November, $2 of which before the last week; $8 in October. */
static void spend_two_months(void)
{
	spend(0, "opus", "claude-code", "epic-1", "story-1", 3000000);
	spend(0, "opus", "codex", "epic-1", "story-2", 500000);
	spend(6, "sonnet", "codex", "", "", 500000);
	spend(20, "sonnet", "codex", "", "", 2000000);
	spend(1, "unknown", "", "epic-2", "", 0);
	spend(21, "sonnet", "codex", "", "", 7999999);
	spend(51, "sonnet", "codex", "", "", 1);
	spend(52, "opus", "claude-code", "", "", 777);
}

static void by_model(void **state)
{
	struct report_query q = query();
	json_t *root, *row;

	(void)state;
	spend_two_months();
	root = report_json(report_cost, &q);
	assert_json(root, "begin", "\"2026-11-01\"");
	assert_json(root, "end", "\"2026-12-01\"");
	assert_json(root, "by", "\"model\"");
	assert_json(root, "total_usd", "6");
	assert_int_equal(json_array_size(json_object_get(root, "rows")), 3);
	row = json_array_get(json_object_get(root, "rows"), 0);
	assert_json(row, "model", "\"opus\"");
	assert_json(row, "events", "2");
	assert_json(row, "input_tokens", "200");
	assert_json(row, "output_tokens", "20");
	assert_json(row, "cache_read_tokens", "6");
	assert_json(row, "cache_write_tokens", "4");
	assert_json(row, "cost_usd", "3.5");
	assert_json(row, "share", "0.583333333333");
	assert_json(row, "unpriced_events", "0");
	row = json_array_get(json_object_get(root, "rows"), 1);
	assert_json(row, "model", "\"sonnet\"");
	assert_json(row, "cost_usd", "2.5");
	row = json_array_get(json_object_get(root, "rows"), 2);
	assert_json(row, "model", "\"unknown\"");
	assert_json(row, "cost_usd", "0");
	assert_json(row, "share", "0");
	assert_json(row, "unpriced_events", "1");
	json_decref(root);
}

static void by_others(void **state)
{
	static const struct {
		enum report_by by;
		unsigned rows;
		const char *key, *dearest, *cost;
	} cases[] = {
		{REPORT_BY_AGENT, 3, "agent", "\"claude-code\"", "3"},
		{REPORT_BY_EPIC, 3, "epic", "\"epic-1\"", "3.5"},
		{REPORT_BY_STORY, 3, "story", "\"story-1\"", "3"},
	};
	struct report_query q = query();
	json_t *root, *row;
	size_t i;

	(void)state;
	spend_two_months();
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		q.by = cases[i].by;
		root = report_json(report_cost, &q);
		assert_int_equal(json_array_size(json_object_get(root, "rows")), cases[i].rows);
		row = json_array_get(json_object_get(root, "rows"), 0);
		assert_json(row, cases[i].key, cases[i].dearest);
		assert_json(row, "cost_usd", cases[i].cost);
		json_decref(root);
	}
}

static void limit(void **state)
{
	struct report_query q = query();
	json_t *root;

	(void)state;
	spend_two_months();
	q.limit = 1;
	root = report_json(report_cost, &q);
	assert_int_equal(json_array_size(json_object_get(root, "rows")), 1);
	assert_json(root, "total_usd", "6");
	json_decref(root);
}

static void days(void **state)
{
	struct report_query q = query();
	json_t *root, *list;

	(void)state;
	spend_two_months();
	root = report_json(report_cost, &q);
	list = json_object_get(root, "days");
	assert_int_equal(json_array_size(list), 4);
	assert_json(json_array_get(list, 0), "day", "\"2026-11-01\"");
	assert_json(json_array_get(list, 0), "cost_usd", "2");
	assert_json(json_array_get(list, 1), "day", "\"2026-11-15\"");
	assert_json(json_array_get(list, 2), "cost_usd", "0");
	assert_json(json_array_get(list, 3), "day", "\"2026-11-21\"");
	assert_json(json_array_get(list, 3), "cost_usd", "3.5");
	json_decref(root);
}

/*
 * 20.5 of 30 days have passed, 9.5 are left; $4 in the last week, of which 6.5 days have passed:
 * 6 + 9.5 * 4 / 6.5.
 */
static void forecast(void **state)
{
	struct report_query q = query();
	json_t *root;

	(void)state;
	spend_two_months();
	root = report_json(report_cost, &q);
	assert_json(root, "forecast_usd", "11.846153");
	assert_json(root, "previous_usd", "8");
	/* 11.846153 / 8 - 1 */
	assert_json(root, "change_ratio", "0.480769125");
	json_decref(root);
}

static void past_month(void **state)
{
	struct report_query q = query();
	json_t *root;

	(void)state;
	spend_two_months();
	strcpy(q.month, "2026-10");
	root = report_json(report_cost, &q);
	assert_json(root, "total_usd", "8");
	assert_json(root, "forecast_usd", "8");
	assert_json(root, "previous_usd", "0.000777");
	json_decref(root);
	strcpy(q.month, "2026-12");
	root = report_json(report_cost, &q);
	assert_json(root, "total_usd", "0");
	assert_json(root, "forecast_usd", "0");
	assert_json(root, "previous_usd", "6");
	assert_json(root, "change_ratio", "-1");
	assert_int_equal(json_array_size(json_object_get(root, "rows")), 0);
	json_decref(root);
}

static void nothing(void **state)
{
	struct report_query q = query();
	json_t *root;

	(void)state;
	root = report_json(report_cost, &q);
	assert_json(root, "total_usd", "0");
	assert_json(root, "forecast_usd", "0");
	assert_json(root, "change_ratio", "null");
	assert_json(root, "budget_usd", "null");
	assert_json(root, "budget_used_ratio", "null");
	assert_json(root, "days", "[]");
	assert_json(root, "rows", "[]");
	json_decref(root);
}

static void spans(void **state)
{
	struct report_query q = query();
	json_t *root;

	(void)state;
	spend_two_months();
	set_budget("12000000");
	q.from_us = SCENE_NOON - 6 * SCENE_DAY_US;
	root = report_json(report_cost, &q);
	assert_json(root, "begin", "\"2026-11-15\"");
	assert_json(root, "end", "\"2026-11-22\"");
	assert_json(root, "total_usd", "4");
	/* A month's budget is not used up by a week. */
	assert_json(root, "budget_usd", "12");
	assert_json(root, "budget_used_ratio", "null");
	json_decref(root);
	/* `to` alone: from the first of its month. Its midnight is not in it. */
	q.from_us = 0;
	q.to_us = SCENE_NOON - 20 * SCENE_DAY_US;
	root = report_json(report_cost, &q);
	assert_json(root, "begin", "\"2026-11-01\"");
	assert_json(root, "end", "\"2026-11-02\"");
	assert_json(root, "total_usd", "2");
	json_decref(root);
	q.to_us -= SCENE_DAY_US / 2;
	root = report_json(report_cost, &q);
	assert_json(root, "begin", "\"2026-10-01\"");
	assert_json(root, "end", "\"2026-11-01\"");
	json_decref(root);
}

static void budget(void **state)
{
	struct report_query q = query();
	json_t *root;

	(void)state;
	spend_two_months();
	q.monthly_budget = 24000000;
	root = report_json(report_cost, &q);
	assert_json(root, "budget_usd", "24");
	assert_json(root, "budget_used_ratio", "0.25");
	json_decref(root);
	set_budget("12000000");
	root = report_json(report_cost, &q);
	assert_json(root, "budget_usd", "12");
	assert_json(root, "budget_used_ratio", "0.5");
	json_decref(root);
	/* One that was removed leaves the configured one. */
	set_budget("0");
	root = report_json(report_cost, &q);
	assert_json(root, "budget_usd", "24");
	json_decref(root);
}

static void refused(void **state)
{
	struct report_query q = query();
	struct text text = {0};

	(void)state;
	report_commit();
	strcpy(q.month, "2026-13");
	assert_int_equal(report_cost(scene_path(JOURNAL_FILE), &q, &text), -EINVAL);
	q = query();
	q.from_us = SCENE_NOON;
	q.to_us = SCENE_NOON;
	assert_int_equal(report_cost(scene_path(JOURNAL_FILE), &q, &text), -EINVAL);
	q = query();
	assert_int_equal(report_cost(scene_path("no.such"), &q, &text), -ENOENT);
	assert_int_equal(text.size, 0);
	text_release(&text);
}

/* Another program's table under the name. */
static void other_tables(void **state)
{
	struct report_query q = query();
	struct text text = {0};

	(void)state;
	report_commit();
	assert_int_equal(journal_commit(scene_journal), 0);
	assert_int_equal(scene_tamper("DROP TABLE costs"), 0);
	assert_int_equal(report_cost(scene_path(JOURNAL_FILE), &q, &text), -EIO);
	assert_int_equal(journal_begin(scene_journal), 0);
	text_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("a month is summed by model, the dearest first", by_model),
		TEST("so it is by agent, epic and story", by_others),
		TEST("a limit leaves rows out, not money", limit),
		TEST("each day has its sum", days),
		TEST("the forecast goes on as the last week went", forecast),
		TEST("a month that is over, and one to come", past_month),
		TEST("nothing costs nothing", nothing),
		TEST("any days can be asked for", spans),
		TEST("a budget that was set goes before the configured one", budget),
		TEST("what makes no sense is refused, nothing is written", refused),
		TEST("a journal without the table is an error", other_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
