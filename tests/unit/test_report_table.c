// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "report_table.h"

#define COST_HEAD "    events          input         output         cost $   share %   unpriced\n"
#define COST_NONE "         -              -              -              -         -          -\n"
#define AGENTS_HEAD                                                                          \
	"agent               model                     tasks  success %   change     mean s" \
	"      p95 s     tokens  blocked s   exits  failed      cpu s    tools  failed  under\n"

typedef int table_of(const struct text *json, FILE *out);

static void assert_table(table_of *table, const char *json, const char *expected)
{
	struct text text = {.data = (char *)(uintptr_t)json, .size = strlen(json)};
	char *shown = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&shown, &size);

	assert_non_null(out);
	assert_int_equal(table(&text, out), 0);
	fclose(out);
	assert_string_equal(shown, expected);
	free(shown);
}

static void cost(void **state)
{
	(void)state;
	assert_table(
		report_table_cost,
		"{\"begin\":\"2026-11-01\",\"end\":\"2026-12-01\",\"by\":\"model\",\"total_usd\":3.5,"
		"\"previous_usd\":4,\"change_ratio\":0.25,\"forecast_usd\":5,\"budget_usd\":7,"
		"\"budget_used_ratio\":0.5,\"days\":[],\"rows\":["
		"{\"model\":\"opus\",\"events\":2,\"input_tokens\":1200000,\"output_tokens\":34,"
		"\"cost_usd\":3.499999,\"share\":1,\"unpriced_events\":0},"
		"{\"model\":\"\",\"events\":1,\"input_tokens\":0,\"output_tokens\":0,"
		"\"cost_usd\":0,\"share\":0,\"unpriced_events\":1}]}",
		"cost from 2026-11-01 to 2026-11-30\n\n"
		"model                            " COST_HEAD "opus                             "
		"         2        1200000             34           3.50     100.0          0\n"
		"-                                "
		"         1              0              0           0.00       0.0          1\n"
		"\ntotal $3.50, forecast $5.00; the period before $4.00 (+25.0 %)\n"
		"budget $7.00 a month, 50.0 % of it used\n");
}

static void cost_of_nothing(void **state)
{
	(void)state;
	assert_table(report_table_cost,
		     "{\"begin\":\"2026-03-01\",\"end\":\"2026-03-02\",\"by\":\"epic\","
		     "\"total_usd\":0,\"previous_usd\":0,\"change_ratio\":null,\"forecast_usd\":0,"
		     "\"budget_usd\":10,\"budget_used_ratio\":null,\"rows\":[]}",
		     "cost from 2026-03-01 to 2026-03-01\n\n"
		     "epic                             " COST_HEAD
		     "\ntotal $0.00, forecast $0.00; the period before $0.00\n"
		     "budget $10.00 a month\n");
}

static void agents(void **state)
{
	(void)state;
	assert_table(
		report_table_analytics,
		"{\"begin\":\"2026-11-15\",\"end\":\"2026-11-22\",\"previous_begin\":\"2026-11-08\","
		"\"agents\":[{\"agent_type\":\"codex\",\"model\":\"\",\"reported\":{\"runs\":21,"
		"\"success_rate\":0.5,\"mean_seconds\":7,\"p95_seconds\":9.96,"
		"\"tokens_per_task\":200.4,\"blocked_seconds\":0.25},\"trend\":{"
		"\"success_rate\":-0.125},\"kernel\":{\"exits\":5,\"failed_exits\":2,"
		"\"cpu_seconds\":1.5,\"tool_runs\":40,\"tool_failures\":3},"
		"\"marks\":[\"success rate fell\",\"slower than before\"],"
		"\"under_performing\":true},"
		"{\"agent_type\":\"codex\",\"model\":\"o3\",\"reported\":{\"runs\":0,"
		"\"success_rate\":null,\"mean_seconds\":null,\"p95_seconds\":null,"
		"\"tokens_per_task\":null,\"blocked_seconds\":null},\"trend\":{"
		"\"success_rate\":null},\"kernel\":null,\"marks\":[],"
		"\"under_performing\":false}]}",
		"agents from 2026-11-15 to 2026-11-21, compared with the days from 2026-11-08\n\n" AGENTS_HEAD
		"codex               -                            21       50.0    -12.5        7.0"
		"       10.0        200        0.2       5       2        1.5       40       3    yes\n"
		"codex               o3                            0          -        -          -"
		"          -          -          -       -       -          -        -       -       \n"
		"\ncodex -: success rate fell\ncodex -: slower than before\n");
}

/* Names with control characters, with more bytes than letters, and too long. */
static void names(void **state)
{
	char json[2048], expected[2048], wide[64 * 3 + 1] = "", shown[42 * 3 + 1] = "";
	int i;

	(void)state;
	for (i = 0; i < 64; i++)
		strcat(wide, "\xe2\x82\xac");
	for (i = 0; i < 42; i++)
		strcat(shown, "\xe2\x82\xac");
	snprintf(json, sizeof(json),
		 "{\"begin\":\"2026-11-01\",\"end\":\"2026-12-01\",\"by\":\"story\",\"rows\":["
		 "{\"story\":\"a\\u001b[2Jb\\u009bc\\u007f\"},{\"story\":\"Stra\xc3\x9f"
		 "e\"},{\"story\":\"%s\"}]}",
		 wide);
	snprintf(expected, sizeof(expected),
		 "cost from 2026-11-01 to 2026-11-30\n\n"
		 "%s%s%s%s%s%s%s%s"
		 "\ntotal $0.00, forecast $0.00; the period before $0.00\n",
		 "story                            ", COST_HEAD,
		 "a?[2Jb?c?                        ", COST_NONE,
		 "Stra\xc3\x9f"
		 "e                           ",
		 COST_NONE, shown, " " COST_NONE);
	assert_table(report_table_cost, json, expected);
}

static void no_reports(void **state)
{
	static const char *const texts[] = {
		"", "{", "[]", "7", "{}", "{\"begin\":\"2026-11-01\"}", "{\"begin\":1,\"end\":2}"};
	struct text text;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		text = (struct text){.data = (char *)(uintptr_t)texts[i], .size = strlen(texts[i])};
		assert_int_equal(report_table_cost(&text, stdout), -EINVAL);
		assert_int_equal(report_table_analytics(&text, stdout), -EINVAL);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"a cost report is a table with its totals", cost, NULL, NULL, NULL},
		{"one of nothing says so", cost_of_nothing, NULL, NULL, NULL},
		{"an analytics report is a table with its marks", agents, NULL, NULL, NULL},
		{"names do nothing to a terminal and keep the columns", names, NULL, NULL, NULL},
		{"what is no report is refused", no_reports, NULL, NULL, NULL},
	};

	setenv("TZ", "UTC", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
