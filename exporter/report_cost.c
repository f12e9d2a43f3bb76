// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>

#include "journal.h"
#include "journal_schema.h"
#include "json_writer.h"
#include "report.h"
#include "report_period.h"

/* A forecast goes on as the last week went. */
#define TREND_DAYS 7
#define DAY_US	   (INT64_C(86400) * 1000000)

const char *const report_by_names[REPORT_BYS + 1] = {"model", "agent", "epic", "story", NULL};

/* What was spent, summed by one of the columns, the dearest first. */
static const char *const row_queries[REPORT_BYS] = {
#define ROWS_BY(column)                                                             \
	"SELECT " column ", sum(events), sum(input), sum(output), sum(cache_read)," \
	" sum(cache_write), sum(microdollars), sum(unpriced) FROM costs"            \
	" WHERE day >= ?1 AND day < ?2 GROUP BY 1 ORDER BY 7 DESC, 1 LIMIT ?3"
	[REPORT_BY_MODEL] = ROWS_BY("model"),
	[REPORT_BY_AGENT] = ROWS_BY("agent_type"),
	[REPORT_BY_EPIC] = ROWS_BY("epic"),
	[REPORT_BY_STORY] = ROWS_BY("story"),
};

struct cost_report {
	sqlite3 *db;
	const struct report_query *query;
	struct report_period period, before;
	int64_t now_us;
	int64_t total; /* micro-dollars */
	bool is_month;
	struct json_writer json;
};

static int prepare(const struct cost_report *report, const char *sql,
		   const struct report_period *period, sqlite3_stmt **ret_statement)
{
	int result = sqlite3_prepare_v2(report->db, sql, -1, ret_statement, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_bind_text(*ret_statement, 1, period->begin, -1, SQLITE_TRANSIENT);
	if (result == SQLITE_OK)
		result = sqlite3_bind_text(*ret_statement, 2, period->end, -1, SQLITE_TRANSIENT);
	return journal_errno(result);
}

static int read_total(const struct cost_report *report, const struct report_period *period,
		      int64_t *ret_total)
{
	sqlite3_stmt *statement = NULL;
	int err = prepare(
		report,
		"SELECT coalesce(sum(microdollars), 0) FROM costs WHERE day >= ?1 AND day < ?2",
		period, &statement);

	if (!err)
		err = journal_errno(sqlite3_step(statement));
	if (!err)
		*ret_total = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return err;
}

static void write_dollars(struct json_writer *json, const char *key, int64_t microdollars)
{
	write_decimal(json, key, microdollars > 0 ? (uint64_t)microdollars : 0, 6);
}

/* What the whole period will have cost if the days to come are like the last week. */
static int read_forecast(const struct cost_report *report, int64_t *ret_forecast)
{
	double elapsed = report_elapsed(&report->period, report->now_us);
	double left = report->period.days - elapsed;
	struct report_period week;
	int64_t spent = 0;
	int err = 0;

	if (left > 0 && elapsed > 0) {
		err = report_days(report->now_us - (TREND_DAYS - 1) * DAY_US, report->now_us + 1,
				  &week);
		if (!err)
			err = read_total(report, &week, &spent);
		if (err)
			return err;
		left /= report_elapsed(&week, report->now_us);
	}
	*ret_forecast = report->total + (int64_t)((double)spent * left);
	return 0;
}

/* Set by `operaglass cost budget set`; 0: none. */
static int read_budget(const struct cost_report *report, int64_t *ret_budget)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(
		report->db, "SELECT value FROM named_values WHERE name = 'monthly_budget'", -1,
		&statement, NULL);

	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	*ret_budget = result == SQLITE_ROW ? sqlite3_column_int64(statement, 0) : 0;
	sqlite3_finalize(statement);
	return journal_errno(result);
}

/* A month's budget says nothing about other spans. */
static int write_budget(struct cost_report *report)
{
	int64_t budget = 0;
	int err = read_budget(report, &budget);

	if (err)
		return err;
	if (budget <= 0)
		budget = (int64_t)report->query->monthly_budget;
	if (budget > 0)
		write_dollars(&report->json, "budget_usd", budget);
	else
		write_null(&report->json, "budget_usd");
	if (budget > 0 && report->is_month)
		write_real(&report->json, "budget_used_ratio",
			   (double)report->total / (double)budget);
	else
		write_null(&report->json, "budget_used_ratio");
	return 0;
}

static int write_days(struct cost_report *report)
{
	sqlite3_stmt *statement = NULL;
	int result = SQLITE_ROW, err;

	err = prepare(report,
		      "SELECT day, sum(microdollars) FROM costs WHERE day >= ?1 AND day < ?2"
		      " GROUP BY 1 ORDER BY 1",
		      &report->period, &statement);
	write_open(&report->json, "days", '[');
	while (!err && (result = sqlite3_step(statement)) == SQLITE_ROW) {
		write_open(&report->json, NULL, '{');
		write_text(&report->json, "day", (const char *)sqlite3_column_text(statement, 0));
		write_dollars(&report->json, "cost_usd", sqlite3_column_int64(statement, 1));
		write_close(&report->json);
	}
	write_close(&report->json);
	sqlite3_finalize(statement);
	return err ? err : journal_errno(result);
}

static void write_row(struct cost_report *report, sqlite3_stmt *statement)
{
	static const char *const counts[] = {"events", "input_tokens", "output_tokens",
					     "cache_read_tokens", "cache_write_tokens"};
	int64_t spent = sqlite3_column_int64(statement, 6);
	int i;

	write_open(&report->json, NULL, '{');
	write_text(&report->json, report_by_names[report->query->by],
		   (const char *)sqlite3_column_text(statement, 0));
	for (i = 0; i < 5; i++)
		write_integer(&report->json, counts[i], sqlite3_column_int64(statement, i + 1));
	write_dollars(&report->json, "cost_usd", spent);
	write_real(&report->json, "share",
		   report->total ? (double)spent / (double)report->total : 0);
	write_integer(&report->json, "unpriced_events", sqlite3_column_int64(statement, 7));
	write_close(&report->json);
}

static int write_rows(struct cost_report *report)
{
	sqlite3_stmt *statement = NULL;
	int result = SQLITE_ROW, err;

	err = prepare(report, row_queries[report->query->by], &report->period, &statement);
	if (!err)
		err = journal_errno(sqlite3_bind_int(statement, 3, (int)report->query->limit));
	write_open(&report->json, "rows", '[');
	while (!err && (result = sqlite3_step(statement)) == SQLITE_ROW)
		write_row(report, statement);
	write_close(&report->json);
	sqlite3_finalize(statement);
	return err ? err : journal_errno(result);
}

static void write_totals(struct cost_report *report, int64_t before, int64_t forecast)
{
	struct json_writer *json = &report->json;

	write_text(json, "begin", report->period.begin);
	write_text(json, "end", report->period.end);
	write_text(json, "by", report_by_names[report->query->by]);
	write_dollars(json, "total_usd", report->total);
	write_dollars(json, "previous_usd", before);
	/* Whole periods are compared: a month that has just begun is not a cheap one. */
	if (before)
		write_real(json, "change_ratio", (double)forecast / (double)before - 1);
	else
		write_null(json, "change_ratio");
	write_dollars(json, "forecast_usd", forecast);
}

static int write_report(struct cost_report *report)
{
	struct json_writer *json = &report->json;
	int64_t before = 0, forecast = 0;
	int err = read_total(report, &report->period, &report->total);

	if (!err)
		err = read_total(report, &report->before, &before);
	if (!err)
		err = read_forecast(report, &forecast);
	if (err)
		return err;
	write_open(json, NULL, '{');
	write_totals(report, before, forecast);
	err = write_budget(report);
	if (!err)
		err = write_days(report);
	if (!err)
		err = write_rows(report);
	write_close(json);
	return err ? err : json->err;
}

/* Without `from`, a span begins with the month that it ends in. */
static int choose_span(struct cost_report *report)
{
	int64_t from = report->query->from_us;
	int64_t to = report->query->to_us ? report->query->to_us : report->now_us + 1;
	struct report_period month;
	int err = 0;

	if (!from)
		err = report_month("", to - 1, &month);
	if (!err && !from)
		err = report_day_begin(month.begin, &from);
	if (!err)
		err = report_days(from, to, &report->period);
	if (!err)
		report_days_before(&report->period, &report->before);
	return err;
}

static int choose_period(struct cost_report *report)
{
	int err;

	report->is_month = !report->query->from_us && !report->query->to_us;
	if (!report->is_month)
		return choose_span(report);
	err = report_month(report->query->month, report->now_us, &report->period);
	if (!err)
		report_month_before(&report->period, &report->before);
	return err;
}

int report_cost(const char *journal_path, const struct report_query *query, struct text *out)
{
	struct cost_report report = {.query = query, .now_us = report_now(query), .json.text = out};
	int err = choose_period(&report);

	if (!err)
		err = journal_open_reader(journal_path, &report.db);
	if (err)
		return err;
	/* One state of the journal for all that is read. */
	err = journal_errno(sqlite3_exec(report.db, "BEGIN", NULL, NULL, NULL));
	if (!err)
		err = write_report(&report);
	sqlite3_close_v2(report.db);
	return err;
}
