// SPDX-License-Identifier: Apache-2.0
#include "api_figures.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <string.h>

#include "journal_schema.h"
#include "journal_sketch.h"
#include "json_writer.h"

#define DEFAULT_WINDOWS 60
#define HOUR_MINUTES	60
/* Spans of more than two days are summed from hours, of more than two months from days. */
#define MINUTES_SPAN (INT64_C(2) * 86400)
#define HOURS_SPAN   (INT64_C(62) * 86400)

enum figure {
	SMS_RECEIVED,
	AI_RESPONSES,
	APPROVALS,
	AUTO_APPROVALS,
	RESPONSE_TIME,
	MESSAGES,
	ESCALATIONS,
	PAYMENT_PLANS,
	FIGURES
};

/* As the journal names them. */
static const char *const series_names[FIGURES] = {
	"sms_received",	 "ai_responses", "approvals",	"auto_approvals",
	"response_time", "messages",	 "escalations", "payment_plans",
};

/* What was counted in one span of time. */
struct figures {
	uint64_t counts[FIGURES];
	uint64_t response_ns;
	struct sketch responses;
};

struct reader {
	sqlite3 *db;
	sqlite3_stmt *rows;
	struct calendar calendar;
	struct json_writer writer;
};

static void add_row(struct figures *figures, sqlite3_stmt *row)
{
	const char *name = (const char *)sqlite3_column_text(row, 1);
	enum figure figure = 0;

	while (figure < FIGURES && name && strcmp(name, series_names[figure]))
		figure++;
	if (!name || figure == FIGURES)
		return;
	figures->counts[figure] += (uint64_t)sqlite3_column_int64(row, 2);
	if (figure != RESPONSE_TIME)
		return;
	figures->response_ns += (uint64_t)sqlite3_column_int64(row, 3);
	/* A distribution that cannot be read leaves the mean right. */
	(void)sketch_merge(&figures->responses, sqlite3_column_blob(row, 4),
			   (size_t)sqlite3_column_bytes(row, 4));
}

static int bind_span(struct reader *reader, enum calendar_window window, int64_t from, int64_t to)
{
	sqlite3_reset(reader->rows);
	sqlite3_bind_int64(reader->rows, 1, calendar_seconds[window]);
	sqlite3_bind_int64(reader->rows, 2, from);
	return journal_errno(sqlite3_bind_int64(reader->rows, 3, to));
}

static int read_span(struct reader *reader, enum calendar_window window, int64_t from, int64_t to,
		     struct figures *figures)
{
	int result, err = bind_span(reader, window, from, to);

	memset(figures, 0, sizeof(*figures));
	if (err)
		return err;
	while ((result = sqlite3_step(reader->rows)) == SQLITE_ROW)
		add_row(figures, reader->rows);
	return journal_errno(result);
}

static double automatic_share(const struct figures *figures)
{
	uint64_t all = figures->counts[APPROVALS];

	return all ? (double)figures->counts[AUTO_APPROVALS] / (double)all : 0;
}

static int64_t mean_milliseconds(const struct figures *figures)
{
	uint64_t count = figures->counts[RESPONSE_TIME];

	return count ? llround((double)figures->response_ns / (double)count / 1e6) : 0;
}

static void write_hour(struct json_writer *writer, const struct figures *figures)
{
	write_unsigned(writer, "sms_received", figures->counts[SMS_RECEIVED]);
	write_unsigned(writer, "ai_responses", figures->counts[AI_RESPONSES]);
	write_real(writer, "auto_approval_rate", automatic_share(figures));
	write_integer(writer, "avg_response_time_ms", mean_milliseconds(figures));
}

static void write_day(struct json_writer *writer, const struct figures *figures)
{
	write_unsigned(writer, "total_messages", figures->counts[MESSAGES]);
	write_unsigned(writer, "escalations", figures->counts[ESCALATIONS]);
	write_unsigned(writer, "payment_plans", figures->counts[PAYMENT_PLANS]);
}

static void write_all(struct json_writer *writer, const struct figures *figures)
{
	static const struct {
		const char *name;
		double quantile;
	} quantiles[] = {{"p50_response_time_ms", 0.5},
			 {"p90_response_time_ms", 0.9},
			 {"p99_response_time_ms", 0.99}};
	size_t i;

	write_hour(writer, figures);
	write_day(writer, figures);
	write_unsigned(writer, "approvals", figures->counts[APPROVALS]);
	for (i = 0; i < sizeof(quantiles) / sizeof(*quantiles); i++)
		write_integer(
			writer, quantiles[i].name,
			(int64_t)(sketch_quantile(&figures->responses, quantiles[i].quantile) +
				  500000) /
				1000000);
}

static int render_now(struct reader *reader, int64_t now_us)
{
	int64_t minute = calendar_start(&reader->calendar, WINDOW_MINUTE, now_us);
	int64_t day = calendar_start(&reader->calendar, WINDOW_DAY, now_us);
	struct figures figures;
	int err;

	err = read_span(reader, WINDOW_MINUTE, minute - (HOUR_MINUTES - 1) * INT64_C(60),
			minute + 60, &figures);
	if (err)
		return err;
	write_open(&reader->writer, "last_hour", '{');
	write_hour(&reader->writer, &figures);
	write_close(&reader->writer);
	err = read_span(reader, WINDOW_DAY, day, day + 1, &figures);
	if (err)
		return err;
	write_open(&reader->writer, "today", '{');
	write_day(&reader->writer, &figures);
	write_close(&reader->writer);
	return reader->writer.err;
}

/* The first whole second after the window that the time before `to` is in. */
static int64_t end_of(struct calendar *calendar, enum calendar_window window, int64_t to_us)
{
	return calendar_start(calendar, window, to_us - 1) + calendar_seconds[window];
}

static int render_period(struct reader *reader, const struct figures_query *query)
{
	int64_t seconds = (query->to_us - query->from_us) / 1000000, from, to;
	enum calendar_window window = seconds <= MINUTES_SPAN ? WINDOW_MINUTE
				      : seconds <= HOURS_SPAN ? WINDOW_HOUR
							      : WINDOW_DAY;
	struct figures figures;
	int err;

	from = calendar_start(&reader->calendar, window, query->from_us);
	to = end_of(&reader->calendar, window, query->to_us);
	err = read_span(reader, window, from, to, &figures);
	if (err)
		return err;
	write_open(&reader->writer, "period", '{');
	write_time(&reader->writer, "from", from * 1000000);
	write_time(&reader->writer, "to", to * 1000000);
	write_all(&reader->writer, &figures);
	write_close(&reader->writer);
	return reader->writer.err;
}

static void write_window(struct reader *reader, int64_t start, const struct figures *figures)
{
	write_open(&reader->writer, NULL, '{');
	write_time(&reader->writer, "start", start * 1000000);
	write_all(&reader->writer, figures);
	write_close(&reader->writer);
}

/* The rows come by start, so one set of figures is enough. */
static int render_windows(struct reader *reader, const struct figures_query *query)
{
	enum calendar_window window = (enum calendar_window)query->window;
	int64_t start = -1, next;
	struct figures figures = {0};
	int result, err;

	err = bind_span(reader, window, calendar_start(&reader->calendar, window, query->from_us),
			end_of(&reader->calendar, window, query->to_us));
	if (err)
		return err;
	write_integer(&reader->writer, "window_seconds", calendar_seconds[window]);
	write_open(&reader->writer, "windows", '[');
	while ((result = sqlite3_step(reader->rows)) == SQLITE_ROW) {
		next = sqlite3_column_int64(reader->rows, 0);
		if (start >= 0 && next != start) {
			write_window(reader, start, &figures);
			memset(&figures, 0, sizeof(figures));
		}
		start = next;
		add_row(&figures, reader->rows);
	}
	if (start >= 0)
		write_window(reader, start, &figures);
	write_close(&reader->writer);
	err = journal_errno(result);
	return err ? err : reader->writer.err;
}

int figures_complete(struct figures_query *query)
{
	int64_t span = query->window < 0 ? 3600 : DEFAULT_WINDOWS * calendar_seconds[query->window];

	if (!query->to_us)
		query->to_us = query->now_us;
	if (!query->from_us)
		query->from_us = query->to_us > span * 1000000 ? query->to_us - span * 1000000 : 0;
	if (query->to_us <= query->from_us)
		return -EINVAL;
	if (query->window >= 0 &&
	    (query->to_us - query->from_us) / 1000000 / calendar_seconds[query->window] >
		    FIGURES_WINDOWS_MAX)
		return -E2BIG;
	return 0;
}

int figures_render(struct sqlite3 *db, const struct figures_query *query, int has_span,
		   struct text *out)
{
	struct reader reader = {.db = db, .writer.text = out};
	int err = journal_errno(
		sqlite3_prepare_v2(db,
				   "SELECT start, series, count, sum, buckets FROM rollups"
				   " WHERE window = ? AND start >= ? AND start < ? ORDER BY start",
				   -1, &reader.rows, NULL));

	if (err)
		return err;
	write_open(&reader.writer, NULL, '{');
	err = render_now(&reader, query->now_us);
	if (!err && has_span)
		err = render_period(&reader, query);
	if (!err && query->window >= 0)
		err = render_windows(&reader, query);
	write_close(&reader.writer);
	sqlite3_finalize(reader.rows);
	return err ? err : reader.writer.err;
}
