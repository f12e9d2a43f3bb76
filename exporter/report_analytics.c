// SPDX-License-Identifier: Apache-2.0
/*
 * How agents do, by type and model: what tasks reported, what the kernel saw, against the period
 * before. Rows of the table `runs` with a model are reported; those without one hold what the kernel
 * knows, which is the agent's type and nothing of models, and tasks that named no model.
 */
#include <errno.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "journal_schema.h"
#include "journal_sketch.h"
#include "json_writer.h"
#include "report.h"
#include "report_period.h"

#define DEFAULT_DAYS 7
#define DAY_US	     (INT64_C(86400) * 1000000)
#define NAME_SIZE    65

/* When an agent is marked: it has run often enough to tell, and one of these is so. */
#define MARK_RUNS_MIN	   5	/* tasks in the period */
#define MARK_SUCCESS_BELOW 0.10 /* success rate under that of all agents by more than so much */
#define MARK_SUCCESS_FELL  0.10 /* or under its own of the period before */
#define MARK_SLOWER_BY	   1.5	/* mean time over its own of the period before, times */

/* Sums of one agent in one period. */
struct sums {
	int64_t runs, successes, duration_ns, tokens;
	int64_t exits, failed_exits, cpu_ns, blocked_ns, tool_runs, tool_failures;
	int64_t timed; /* tasks that said how long they took */
};

struct agent {
	char type[NAME_SIZE], model[NAME_SIZE]; /* model "": the type as a whole */
	struct sums now, before;
	struct sketch times; /* of the present period */
};

struct analytics {
	sqlite3 *db;
	struct report_period period, before;
	struct agent *agents;
	size_t count, limit;
	struct agent *whole, *part; /* what rows are added to; NULL: there is no room */
	struct sums all;	    /* of the present period */
	struct json_writer json;
};

/* In the order of the report. */
static const char query[] =
	"SELECT agent_type, model, runs, successes, duration, tokens, exits, failed_exits, cpu,"
	" blocked, tool_runs, tool_failures, buckets, day >= ?2 FROM runs"
	" WHERE day >= ?1 AND day < ?3 ORDER BY agent_type, model";

enum column {
	COLUMN_TYPE,
	COLUMN_MODEL,
	COLUMN_RUNS, /* and the others of struct sums */
	COLUMN_BUCKETS = COLUMN_RUNS + 10,
	COLUMN_PRESENT
};

static void add_sums(struct sums *sums, sqlite3_stmt *statement, int64_t timed)
{
	int64_t *const members[] = {&sums->runs,	 &sums->successes,  &sums->duration_ns,
				    &sums->tokens,	 &sums->exits,	    &sums->failed_exits,
				    &sums->cpu_ns,	 &sums->blocked_ns, &sums->tool_runs,
				    &sums->tool_failures};
	size_t i;

	for (i = 0; i < sizeof(members) / sizeof(members[0]); i++)
		*members[i] += sqlite3_column_int64(statement, COLUMN_RUNS + (int)i);
	sums->timed += timed;
}

/* `last` when it is this agent's; else a new one, NULL when there are as many as the query wants. */
static struct agent *find(struct analytics *analytics, struct agent *last, const char *type,
			  const char *model)
{
	struct agent *agent;

	if (last && !strcmp(last->type, type) && !strcmp(last->model, model))
		return last;
	if (analytics->count == analytics->limit)
		return NULL;
	agent = &analytics->agents[analytics->count++];
	strncpy(agent->type, type, NAME_SIZE - 1);
	strncpy(agent->model, model, NAME_SIZE - 1);
	return agent;
}

static void take_row(struct analytics *analytics, sqlite3_stmt *statement)
{
	const char *type = (const char *)sqlite3_column_text(statement, COLUMN_TYPE);
	const char *model = (const char *)sqlite3_column_text(statement, COLUMN_MODEL);
	const void *buckets = sqlite3_column_blob(statement, COLUMN_BUCKETS);
	size_t size = (size_t)sqlite3_column_bytes(statement, COLUMN_BUCKETS);
	bool present = sqlite3_column_int(statement, COLUMN_PRESENT) != 0;
	struct sketch times = {{0}};
	struct agent *agents[2];
	int64_t timed;
	int i;

	if (!type || !model)
		return;
	/* What is no sketch of ours changes no quantile. */
	sketch_merge(&times, buckets, size);
	timed = (int64_t)sketch_count(&times);
	if (present)
		add_sums(&analytics->all, statement, timed);
	agents[0] = analytics->whole = find(analytics, analytics->whole, type, "");
	agents[1] = NULL;
	if (*model)
		agents[1] = analytics->part = find(analytics, analytics->part, type, model);
	for (i = 0; i < 2; i++) {
		if (!agents[i])
			continue;
		add_sums(present ? &agents[i]->now : &agents[i]->before, statement, timed);
		if (present)
			sketch_merge(&agents[i]->times, buckets, size);
	}
}

static int read_rows(struct analytics *analytics)
{
	sqlite3_stmt *statement = NULL;
	int result = sqlite3_prepare_v2(analytics->db, query, -1, &statement, NULL);

	if (result == SQLITE_OK)
		result =
			sqlite3_bind_text(statement, 1, analytics->before.begin, -1, SQLITE_STATIC);
	if (result == SQLITE_OK)
		result =
			sqlite3_bind_text(statement, 2, analytics->period.begin, -1, SQLITE_STATIC);
	if (result == SQLITE_OK)
		result = sqlite3_bind_text(statement, 3, analytics->period.end, -1, SQLITE_STATIC);
	while (result == SQLITE_OK || result == SQLITE_ROW) {
		result = sqlite3_step(statement);
		if (result == SQLITE_ROW)
			take_row(analytics, statement);
	}
	sqlite3_finalize(statement);
	return journal_errno(result);
}

static double ratio(int64_t part, int64_t whole)
{
	return whole ? (double)part / (double)whole : 0;
}

static double mean_seconds(const struct sums *sums)
{
	return ratio(sums->duration_ns, sums->timed) / 1e9;
}

/* A share of nothing is not 0, it is unknown. */
static void write_known(struct json_writer *json, const char *key, bool known, double value)
{
	if (known)
		write_real(json, key, value);
	else
		write_null(json, key);
}

static void write_marks(struct analytics *analytics, const struct agent *agent)
{
	const struct sums *now = &agent->now, *before = &agent->before, *all = &analytics->all;
	bool enough = now->runs >= MARK_RUNS_MIN, comparable = before->runs >= MARK_RUNS_MIN;
	double success = ratio(now->successes, now->runs);
	const struct {
		bool is_so;
		const char *text;
	} marks[] = {
		{enough && success < ratio(all->successes, all->runs) - MARK_SUCCESS_BELOW,
		 "success rate below that of all agents"},
		{enough && comparable &&
			 success < ratio(before->successes, before->runs) - MARK_SUCCESS_FELL,
		 "success rate fell"},
		{now->timed >= MARK_RUNS_MIN && before->timed >= MARK_RUNS_MIN &&
			 mean_seconds(now) > MARK_SLOWER_BY * mean_seconds(before),
		 "slower than before"},
	};
	bool any = false;
	size_t i;

	write_open(&analytics->json, "marks", '[');
	for (i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		any |= marks[i].is_so;
		if (marks[i].is_so)
			write_text(&analytics->json, NULL, marks[i].text);
	}
	write_close(&analytics->json);
	write_bool(&analytics->json, "under_performing", any);
}

/* What both periods have. */
static void write_sums(struct json_writer *json, const struct sums *sums)
{
	write_integer(json, "runs", sums->runs);
	write_known(json, "success_rate", sums->runs, ratio(sums->successes, sums->runs));
	write_known(json, "mean_seconds", sums->timed, mean_seconds(sums));
}

static void write_reported(struct analytics *analytics, const struct agent *agent)
{
	const struct sums *now = &agent->now;
	struct json_writer *json = &analytics->json;

	write_open(json, "reported", '{');
	write_sums(json, now);
	if (now->timed)
		write_decimal(json, "p95_seconds", sketch_quantile(&agent->times, 0.95), 9);
	else
		write_null(json, "p95_seconds");
	write_known(json, "tokens_per_task", now->runs, ratio(now->tokens, now->runs));
	/* Who waited is known by its process, and that has no model. */
	if (!*agent->model)
		write_decimal(json, "blocked_seconds", (uint64_t)now->blocked_ns, 9);
	else
		write_null(json, "blocked_seconds");
	write_close(json);
}

static void write_trend(struct analytics *analytics, const struct agent *agent)
{
	const struct sums *now = &agent->now, *before = &agent->before;
	struct json_writer *json = &analytics->json;

	write_open(json, "previous", '{');
	write_sums(json, before);
	write_close(json);
	write_open(json, "trend", '{');
	write_known(json, "success_rate", now->runs && before->runs,
		    ratio(now->successes, now->runs) - ratio(before->successes, before->runs));
	/* Not finite, and so unknown, when the period before took no time. */
	write_known(json, "mean_seconds_ratio", now->timed && before->timed,
		    mean_seconds(now) / mean_seconds(before));
	write_close(json);
}

static void write_kernel(struct analytics *analytics, const struct agent *agent)
{
	struct json_writer *json = &analytics->json;
	const struct sums *now = &agent->now;

	if (*agent->model) {
		write_null(json, "kernel");
		return;
	}
	write_open(json, "kernel", '{');
	write_integer(json, "exits", now->exits);
	write_integer(json, "failed_exits", now->failed_exits);
	write_decimal(json, "cpu_seconds", (uint64_t)now->cpu_ns, 9);
	write_integer(json, "tool_runs", now->tool_runs);
	write_integer(json, "tool_failures", now->tool_failures);
	write_close(json);
}

static void write_agent(struct analytics *analytics, const struct agent *agent)
{
	write_open(&analytics->json, NULL, '{');
	write_text(&analytics->json, "agent_type", agent->type);
	write_text(&analytics->json, "model", agent->model);
	write_reported(analytics, agent);
	write_trend(analytics, agent);
	write_kernel(analytics, agent);
	write_marks(analytics, agent);
	write_close(&analytics->json);
}

static int write_report(struct analytics *analytics)
{
	struct json_writer *json = &analytics->json;
	size_t i;

	write_open(json, NULL, '{');
	write_text(json, "begin", analytics->period.begin);
	write_text(json, "end", analytics->period.end);
	write_text(json, "previous_begin", analytics->before.begin);
	write_open(json, "agents", '[');
	for (i = 0; i < analytics->count; i++)
		write_agent(analytics, &analytics->agents[i]);
	write_close(json);
	write_close(json);
	return json->err;
}

static int choose_period(const struct report_query *report_query, struct analytics *analytics)
{
	int64_t to = report_query->to_us, from = report_query->from_us;
	int err;

	if (!to)
		to = report_now(report_query) + 1;
	if (!from)
		from = to - (DEFAULT_DAYS - 1) * DAY_US - 1;
	err = report_days(from, to, &analytics->period);
	if (!err)
		report_days_before(&analytics->period, &analytics->before);
	return err;
}

int report_analytics(const char *journal_path, const struct report_query *report_query,
		     struct text *out)
{
	struct analytics analytics = {.limit = report_query->limit, .json.text = out};
	int err = choose_period(report_query, &analytics);

	if (err)
		return err;
	analytics.agents = calloc(analytics.limit, sizeof(*analytics.agents));
	if (!analytics.agents)
		return -ENOMEM;
	err = journal_open_reader(journal_path, &analytics.db);
	if (!err)
		err = read_rows(&analytics);
	if (!err)
		err = write_report(&analytics);
	sqlite3_close_v2(analytics.db);
	free(analytics.agents);
	return err;
}
