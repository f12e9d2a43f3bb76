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

static void add(const struct run_row *row)
{
	assert_int_equal(scene_store.add_run(scene_store.context, row), 0);
}

static void task(int days_ago, const char *agent, const char *model, bool good, uint64_t seconds)
{
	add(&(struct run_row){.time_us = SCENE_NOON - days_ago * SCENE_DAY_US,
			      .agent_type = agent,
			      .model = model,
			      .runs = 1,
			      .successes = good,
			      .duration_ns = seconds * SCENE_SECOND});
}

static void tasks(int count, int days_ago, const char *agent, const char *model, bool good,
		  uint64_t seconds)
{
	while (count--)
		task(days_ago, agent, model, good, seconds);
}

static void used(const char *agent, const char *model, uint64_t tokens)
{
	add(&(struct run_row){
		.time_us = SCENE_NOON, .agent_type = agent, .model = model, .tokens = tokens});
}

static void kernel_facts(int days_ago, const char *agent)
{
	add(&(struct run_row){.time_us = SCENE_NOON - days_ago * SCENE_DAY_US,
			      .agent_type = agent,
			      .model = "",
			      .exits = 5,
			      .failed_exits = 2,
			      .cpu_ns = 1500000000,
			      .blocked_ns = 250000000,
			      .tool_runs = 40,
			      .tool_failures = 3});
}

/* The row of this agent and model. */
static json_t *row_of(json_t *root, const char *agent, const char *model)
{
	json_t *row;
	size_t i;

	json_array_foreach(json_object_get(root, "agents"), i, row)
	{
		if (!strcmp(json_string_value(json_object_get(row, "agent_type")), agent) &&
		    !strcmp(json_string_value(json_object_get(row, "model")), model))
			return row;
	}
	fail_msg("no row of %s %s", agent, model);
	return NULL;
}

static json_t *part(json_t *root, const char *agent, const char *model, const char *name)
{
	return json_object_get(row_of(root, agent, model), name);
}

static void means(void **state)
{
	struct report_query q = query();
	json_t *root, *reported;

	(void)state;
	tasks(19, 0, "claude-code", "opus", true, 2);
	task(6, "claude-code", "opus", false, 102);
	/* One that does not say how long it took changes no mean. */
	task(0, "claude-code", "opus", false, 0);
	used("claude-code", "opus", 4200);
	root = report_json(report_analytics, &q);
	assert_json(root, "begin", "\"2026-11-15\"");
	assert_json(root, "end", "\"2026-11-22\"");
	assert_json(root, "previous_begin", "\"2026-11-08\"");
	reported = part(root, "claude-code", "opus", "reported");
	assert_json(reported, "runs", "21");
	assert_json(reported, "success_rate", "0.904761904762");
	assert_json(reported, "mean_seconds", "7");
	assert_json(reported, "tokens_per_task", "200");
	assert_json(reported, "blocked_seconds", "null");
	/* 2 s is in the bucket from 1.8 to 2.0 s. */
	assert_true(json_number_value(json_object_get(reported, "p95_seconds")) > 1.8);
	assert_true(json_number_value(json_object_get(reported, "p95_seconds")) < 2.15);
	json_decref(root);
}

static void p95(void **state)
{
	struct report_query q = query();
	json_t *root, *reported;
	double seconds;

	(void)state;
	tasks(94, 0, "codex", "o3", true, 1);
	tasks(6, 3, "codex", "o3", true, 60);
	root = report_json(report_analytics, &q);
	reported = part(root, "codex", "o3", "reported");
	assert_json(reported, "mean_seconds", "4.54");
	seconds = json_number_value(json_object_get(reported, "p95_seconds"));
	assert_true(seconds > 60 / 1.07 && seconds < 60 * 1.07);
	json_decref(root);
}

static void side_by_side(void **state)
{
	struct report_query q = query();
	json_t *root, *agents, *whole;

	(void)state;
	tasks(3, 0, "codex", "o3", true, 4);
	tasks(1, 0, "codex", "gpt", false, 8);
	tasks(1, 0, "codex", "", true, 8);
	kernel_facts(0, "codex");
	kernel_facts(6, "codex");
	kernel_facts(7, "codex");
	kernel_facts(0, "aider");
	/* Only of the period before: still in the order. */
	tasks(1, 8, "codex", "a1", true, 4);
	root = report_json(report_analytics, &q);
	agents = json_object_get(root, "agents");
	assert_int_equal(json_array_size(agents), 5);
	assert_json(json_array_get(agents, 0), "agent_type", "\"aider\"");
	assert_json(json_array_get(agents, 1), "agent_type", "\"codex\"");
	assert_json(json_array_get(agents, 1), "model", "\"\"");
	assert_json(json_array_get(agents, 2), "model", "\"a1\"");
	assert_json(json_array_get(agents, 3), "model", "\"gpt\"");
	assert_json(json_array_get(agents, 4), "model", "\"o3\"");
	whole = json_array_get(agents, 1);
	assert_json(whole, "kernel",
		    "{\"exits\":10,\"failed_exits\":4,\"cpu_seconds\":3,\"tool_runs\":80,"
		    "\"tool_failures\":6}");
	assert_json(json_object_get(whole, "reported"), "runs", "5");
	assert_json(json_object_get(whole, "reported"), "success_rate", "0.8");
	assert_json(json_object_get(whole, "reported"), "mean_seconds", "5.6");
	assert_json(json_object_get(whole, "reported"), "blocked_seconds", "0.5");
	assert_json(row_of(root, "codex", "o3"), "kernel", "null");
	assert_json(part(root, "aider", "", "reported"), "success_rate", "null");
	assert_json(part(root, "aider", "", "reported"), "p95_seconds", "null");
	assert_json(part(root, "aider", "", "reported"), "tokens_per_task", "null");
	json_decref(root);
}

static void trend(void **state)
{
	struct report_query q = query();
	json_t *root;

	(void)state;
	tasks(3, 0, "codex", "o3", true, 6);
	tasks(1, 0, "codex", "o3", false, 6);
	tasks(2, 7, "codex", "o3", true, 4);
	tasks(2, 13, "codex", "o3", false, 4);
	tasks(9, 14, "codex", "o3", false, 400);
	task(0, "codex", "new", true, 1);
	root = report_json(report_analytics, &q);
	assert_json(row_of(root, "codex", "o3"), "previous",
		    "{\"runs\":4,\"success_rate\":0.5,\"mean_seconds\":4}");
	assert_json(row_of(root, "codex", "o3"), "trend",
		    "{\"success_rate\":0.25,\"mean_seconds_ratio\":1.5}");
	assert_json(row_of(root, "codex", "new"), "trend",
		    "{\"success_rate\":null,\"mean_seconds_ratio\":null}");
	assert_json(row_of(root, "codex", "new"), "previous",
		    "{\"runs\":0,\"success_rate\":null,\"mean_seconds\":null}");
	json_decref(root);
}

#define BELOW  "\"success rate below that of all agents\""
#define FELL   "\"success rate fell\""
#define SLOWER "\"slower than before\""

static void marks(void **state)
{
	struct report_query q = query();
	json_t *root;

	(void)state;
	/* 100 tasks, 90 of them good. */
	tasks(75, 0, "a-good", "m", true, 1);
	tasks(4, 0, "b-few", "m", false, 1);
	tasks(4, 7, "b-few", "m", true, 1);
	tasks(4, 0, "c-below", "m", true, 1);
	tasks(2, 0, "c-below", "m", false, 1);
	tasks(4, 0, "d-fell", "m", true, 16);
	tasks(1, 0, "d-fell", "m", false, 16);
	tasks(5, 7, "d-fell", "m", true, 10);
	tasks(7, 0, "e-same", "m", true, 15);
	tasks(3, 0, "e-same", "m", false, 15);
	tasks(5, 7, "e-same", "m", true, 10);
	root = report_json(report_analytics, &q);
	assert_json(row_of(root, "a-good", "m"), "marks", "[]");
	assert_json(row_of(root, "a-good", "m"), "under_performing", "false");
	assert_json(row_of(root, "b-few", "m"), "marks", "[]");
	assert_json(row_of(root, "c-below", "m"), "marks", "[" BELOW "]");
	assert_json(row_of(root, "c-below", ""), "marks", "[" BELOW "]");
	assert_json(row_of(root, "d-fell", "m"), "marks", "[" FELL "," SLOWER "]");
	assert_json(row_of(root, "d-fell", "m"), "under_performing", "true");
	/* One and a half times as slow is not more than that. */
	assert_json(row_of(root, "e-same", "m"), "marks", "[" BELOW "," FELL "]");
	json_decref(root);
}

static void limit(void **state)
{
	struct report_query q = query();
	json_t *root;

	(void)state;
	tasks(1, 0, "a", "m1", true, 1);
	tasks(1, 0, "a", "m2", true, 1);
	tasks(1, 0, "b", "m1", true, 1);
	q.limit = 2;
	root = report_json(report_analytics, &q);
	assert_int_equal(json_array_size(json_object_get(root, "agents")), 2);
	assert_json(part(root, "a", "", "reported"), "runs", "2");
	assert_json(part(root, "a", "m1", "reported"), "runs", "1");
	json_decref(root);
}

static void spans(void **state)
{
	struct report_query q = query();
	struct text text = {0};
	json_t *root;

	(void)state;
	q.from_us = SCENE_NOON - SCENE_DAY_US;
	q.to_us = SCENE_NOON;
	root = report_json(report_analytics, &q);
	assert_json(root, "begin", "\"2026-11-20\"");
	assert_json(root, "end", "\"2026-11-22\"");
	assert_json(root, "previous_begin", "\"2026-11-18\"");
	assert_json(root, "agents", "[]");
	json_decref(root);
	q.from_us = SCENE_NOON;
	assert_int_equal(report_analytics(scene_path(JOURNAL_FILE), &q, &text), -EINVAL);
	q = query();
	assert_int_equal(report_analytics(scene_path("no.such"), &q, &text), -ENOENT);
	assert_int_equal(text.size, 0);
	text_release(&text);
}

/* A distribution that is none leaves the sums. */
static void damaged(void **state)
{
	struct report_query q = query();
	json_t *root;

	(void)state;
	tasks(2, 0, "codex", "o3", true, 3);
	assert_int_equal(journal_commit(scene_journal), 0);
	assert_int_equal(scene_tamper("UPDATE runs SET buckets = x'ffffff'"), 0);
	assert_int_equal(journal_begin(scene_journal), 0);
	root = report_json(report_analytics, &q);
	assert_json(part(root, "codex", "o3", "reported"), "runs", "2");
	assert_json(part(root, "codex", "o3", "reported"), "mean_seconds", "null");
	assert_json(part(root, "codex", "o3", "reported"), "p95_seconds", "null");
	json_decref(root);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("means are of tasks that say how long they took", means),
		TEST("p95 is right to 7 %", p95),
		TEST("the kernel's facts stand beside all that was reported of a type",
		     side_by_side),
		TEST("a period is compared with the one before", trend),
		TEST("marks need five tasks, and more than a tenth or half", marks),
		TEST("a limit leaves rows out, not sums", limit),
		TEST("any days can be asked for", spans),
		TEST("a damaged distribution leaves the sums", damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
