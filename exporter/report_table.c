// SPDX-License-Identifier: Apache-2.0
#include "report_table.h"

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <string.h>

#include "report_period.h"

#define TEXT_SIZE 128 /* bytes that are shown of a name: 31 of the longest characters */

struct column {
	const char *title;
	const char *path[2]; /* of the value in a row; the second may be NULL */
	int width;	     /* negative: to the left */
	int decimals;	     /* -1: text or whole number */
	double factor;
};

static json_t *value_at(const json_t *row, const struct column *column)
{
	json_t *value = json_object_get(row, column->path[0]);

	return column->path[1] ? json_object_get(value, column->path[1]) : value;
}

/* Whether a control character begins here: those of ASCII, and U+0080 to U+009F. */
static bool is_control(const unsigned char *text)
{
	return *text < ' ' || *text == 0x7f || (*text == 0xc2 && text[1] >= 0x80 && text[1] < 0xa0);
}

static bool is_first(unsigned char byte)
{
	return (byte & 0xc0) != 0x80;
}

/*
 * Names come from applications: what a terminal would act upon is not printed. Columns are counted in
 * characters; a negative width is to the left.
 */
static void print_text(FILE *out, const char *text, int width)
{
	const unsigned char *at = (const unsigned char *)text;
	char shown[TEXT_SIZE];
	int used = 0, hidden = 0;

	for (; *at && used < TEXT_SIZE - 4; at++) {
		if (is_control(at)) {
			at += *at == 0xc2;
			shown[used++] = '?';
		} else {
			hidden += !is_first(*at);
			shown[used++] = (char)*at;
		}
	}
	/* No part of a character. */
	for (; !is_first(*at); at++, hidden++)
		shown[used++] = (char)*at;
	shown[used] = '\0';
	fprintf(out, "%*s", width < 0 ? width - hidden : width + hidden, used ? shown : "-");
}

static void print_cell(FILE *out, const json_t *row, const struct column *column)
{
	const json_t *value = value_at(row, column);

	if (json_is_string(value))
		print_text(out, json_string_value(value), column->width);
	else if (json_is_boolean(value))
		fprintf(out, "%*s", column->width, json_is_true(value) ? "yes" : "");
	else if (json_is_number(value))
		fprintf(out, "%*.*f", column->width, column->decimals < 0 ? 0 : column->decimals,
			json_number_value(value) * column->factor);
	else
		fprintf(out, "%*s", column->width, "-");
}

static void print_rows(FILE *out, const json_t *rows, const struct column *columns, size_t count)
{
	size_t row, i;

	for (i = 0; i < count; i++)
		fprintf(out, "%s%*s", i ? "  " : "", columns[i].width, columns[i].title);
	fputc('\n', out);
	for (row = 0; row < json_array_size(rows); row++) {
		for (i = 0; i < count; i++) {
			fputs(i ? "  " : "", out);
			print_cell(out, json_array_get(rows, row), &columns[i]);
		}
		fputc('\n', out);
	}
}

static int parse(const struct text *json, json_t **ret_root)
{
	json_t *root = json_loadb(json->data, json->size, 0, NULL);

	if (!json_is_string(json_object_get(root, "begin")) ||
	    !json_is_string(json_object_get(root, "end"))) {
		json_decref(root);
		return -EINVAL;
	}
	*ret_root = root;
	return 0;
}

static double number_of(const json_t *root, const char *key)
{
	return json_number_value(json_object_get(root, key));
}

/* "2026-11-01 to 2026-11-30" */
static void print_period(FILE *out, const json_t *root)
{
	struct report_period period = {.days = 0};
	char last[REPORT_DAY_SIZE];

	snprintf(period.end, sizeof(period.end), "%s",
		 json_string_value(json_object_get(root, "end")));
	report_last_day(&period, last);
	fprintf(out, "%s to %s", json_string_value(json_object_get(root, "begin")), last);
}

static void print_totals(FILE *out, const json_t *root)
{
	fprintf(out, "\ntotal $%.2f, forecast $%.2f; the period before $%.2f",
		number_of(root, "total_usd"), number_of(root, "forecast_usd"),
		number_of(root, "previous_usd"));
	if (json_is_number(json_object_get(root, "change_ratio")))
		fprintf(out, " (%+.1f %%)", 100 * number_of(root, "change_ratio"));
	fputc('\n', out);
	if (!json_is_number(json_object_get(root, "budget_usd")))
		return;
	fprintf(out, "budget $%.2f a month", number_of(root, "budget_usd"));
	if (json_is_number(json_object_get(root, "budget_used_ratio")))
		fprintf(out, ", %.1f %% of it used", 100 * number_of(root, "budget_used_ratio"));
	fputc('\n', out);
}

int report_table_cost(const struct text *json, FILE *out)
{
	struct column columns[] = {
		{"", {NULL, NULL}, -32, -1, 1},
		{"events", {"events", NULL}, 9, 0, 1},
		{"input", {"input_tokens", NULL}, 13, 0, 1},
		{"output", {"output_tokens", NULL}, 13, 0, 1},
		{"cost $", {"cost_usd", NULL}, 13, 2, 1},
		{"share %", {"share", NULL}, 8, 1, 100},
		{"unpriced", {"unpriced_events", NULL}, 9, 0, 1},
	};
	const char *by;
	json_t *root;
	int err = parse(json, &root);

	if (err)
		return err;
	by = json_string_value(json_object_get(root, "by"));
	columns[0].title = columns[0].path[0] = by ? by : "";
	fputs("cost from ", out);
	print_period(out, root);
	fputs("\n\n", out);
	print_rows(out, json_object_get(root, "rows"), columns,
		   sizeof(columns) / sizeof(columns[0]));
	print_totals(out, root);
	json_decref(root);
	return 0;
}

static void print_marks(FILE *out, const json_t *agents)
{
	const json_t *agent, *mark;
	size_t i, k;

	json_array_foreach(agents, i, agent)
	{
		json_array_foreach(json_object_get(agent, "marks"), k, mark)
		{
			print_text(out, json_string_value(json_object_get(agent, "agent_type")), 0);
			fputc(' ', out);
			print_text(out, json_string_value(json_object_get(agent, "model")), 0);
			fprintf(out, ": %s\n", json_string_value(mark));
		}
	}
}

int report_table_analytics(const struct text *json, FILE *out)
{
	static const struct column columns[] = {
		{"agent", {"agent_type", NULL}, -18, -1, 1},
		{"model", {"model", NULL}, -22, -1, 1},
		{"tasks", {"reported", "runs"}, 7, 0, 1},
		{"success %", {"reported", "success_rate"}, 9, 1, 100},
		{"change", {"trend", "success_rate"}, 7, 1, 100},
		{"mean s", {"reported", "mean_seconds"}, 9, 1, 1},
		{"p95 s", {"reported", "p95_seconds"}, 9, 1, 1},
		{"tokens", {"reported", "tokens_per_task"}, 9, 0, 1},
		{"blocked s", {"reported", "blocked_seconds"}, 9, 1, 1},
		{"exits", {"kernel", "exits"}, 6, 0, 1},
		{"failed", {"kernel", "failed_exits"}, 6, 0, 1},
		{"cpu s", {"kernel", "cpu_seconds"}, 9, 1, 1},
		{"tools", {"kernel", "tool_runs"}, 7, 0, 1},
		{"failed", {"kernel", "tool_failures"}, 6, 0, 1},
		{"under", {"under_performing", NULL}, 5, -1, 1},
	};
	json_t *root;
	int err = parse(json, &root);

	if (err)
		return err;
	fputs("agents from ", out);
	print_period(out, root);
	fprintf(out, ", compared with the days from %s\n\n",
		json_string_value(json_object_get(root, "previous_begin")));
	print_rows(out, json_object_get(root, "agents"), columns,
		   sizeof(columns) / sizeof(columns[0]));
	fputc('\n', out);
	print_marks(out, json_object_get(root, "agents"));
	json_decref(root);
	return 0;
}
