// SPDX-License-Identifier: Apache-2.0
/* GET /api/audit, /api/cost/report, /api/analytics/agents: reports that the worker makes. */
#include "api.h"

#include <errno.h>
#include <jansson.h>
#include <sqlite3.h>
#include <string.h>

#include "audit.h"
#include "journal.h"
#include "json_writer.h"

#define AUDIT_LIMIT_DEFAULT 100
#define AUDIT_LIMIT	    1000
#define REPORT_LIMIT	    100

enum audit_name {
	AUDIT_SINCE,
	AUDIT_UNTIL,
	AUDIT_ACTOR,
	AUDIT_ACTION,
	AUDIT_RESOURCE,
	AUDIT_TEXT,
	AUDIT_BEFORE,
	AUDIT_LIMIT_NAME,
};

static const char *const audit_names[] = {"since", "until",  "actor", "action", "resource",
					  "text",  "before", "limit", NULL};

struct audit_page {
	struct json_writer writer;
	unsigned limit, count;
	int64_t last;
};

/* JSON as it is; what is none, as a text. */
static void write_details(struct json_writer *writer, const char *details)
{
	json_error_t problem;
	json_t *value;

	if (!details || !*details) {
		write_null(writer, "details");
		return;
	}
	value = json_loads(details, JSON_DECODE_ANY, &problem);
	if (value)
		write_json(writer, "details", details, strlen(details));
	else
		write_text(writer, "details", details);
	json_decref(value);
}

static int write_entry(void *context, const struct audit_entry *entry)
{
	struct audit_page *page = context;
	struct json_writer *writer = &page->writer;
	char hash[AUDIT_HEX_SIZE];

	audit_hex(entry->link.hash, hash);
	write_open(writer, NULL, '{');
	write_integer(writer, "seq", entry->link.seq);
	write_time(writer, "time", entry->row.time_us);
	write_text(writer, "actor", entry->row.actor);
	write_text(writer, "action", entry->row.action);
	write_text(writer, "resource", entry->row.resource);
	write_details(writer, entry->row.details);
	write_text(writer, "hash", hash);
	write_close(writer);
	page->last = entry->link.seq;
	page->count++;
	return writer->err;
}

static int read_audit_query(struct api_job *job, struct audit_query *ret_query)
{
	const struct web_query *query = &job->query;
	int64_t limit = AUDIT_LIMIT_DEFAULT;

	memset(ret_query, 0, sizeof(*ret_query));
	if (web_query_time(query, AUDIT_SINCE, &ret_query->since_us, &job->why) ||
	    web_query_time(query, AUDIT_UNTIL, &ret_query->until_us, &job->why) ||
	    web_query_number(query, AUDIT_BEFORE, 1, INT64_MAX, &ret_query->before_seq,
			     &job->why) ||
	    web_query_number(query, AUDIT_LIMIT_NAME, 1, AUDIT_LIMIT, &limit, &job->why))
		return -EINVAL;
	ret_query->actor = query->values[AUDIT_ACTOR];
	ret_query->action = query->values[AUDIT_ACTION];
	ret_query->resource = query->values[AUDIT_RESOURCE];
	ret_query->text = query->values[AUDIT_TEXT];
	ret_query->limit = (unsigned)limit;
	return 0;
}

static int make_audit(struct api_job *job)
{
	struct audit_page page = {.writer.text = &job->out};
	struct audit_query query;
	struct sqlite3 *db;
	int err;

	err = read_audit_query(job, &query);
	if (err)
		return err;
	err = journal_open_reader(job->journal, &db);
	if (err)
		return err;
	write_open(&page.writer, NULL, '{');
	write_open(&page.writer, "entries", '[');
	err = audit_search(db, &query, write_entry, &page);
	sqlite3_close_v2(db);
	if (err == -EINVAL || err == -E2BIG)
		return event_refuse(&job->why, "invalid_value", "text",
				    "no word that can be searched for, or too many");
	if (err)
		return err;
	write_close(&page.writer);
	if (page.count == query.limit)
		write_integer(&page.writer, "next_before", page.last);
	else
		write_null(&page.writer, "next_before");
	write_close(&page.writer);
	return page.writer.err;
}

enum MHD_Result api_audit(struct web_request *request)
{
	enum MHD_Result result;
	struct audit_query checked;
	struct api_job *job = api_job_create(request, audit_names, &result);

	if (!job)
		return result;
	if (read_audit_query(job, &checked))
		return api_refuse(request, MHD_HTTP_BAD_REQUEST, &job->why);
	job->make = make_audit;
	return api_job_start(job);
}

/* The first two parameters of a report, and that they are in order. */
static int read_span(struct api_job *job)
{
	struct report_query *report = &job->report;

	if (web_query_time(&job->query, 0, &report->from_us, &job->why) ||
	    web_query_time(&job->query, 1, &report->to_us, &job->why))
		return -EINVAL;
	if (report->from_us && report->to_us && report->to_us <= report->from_us)
		return event_refuse(&job->why, "out_of_range", "to", "not after `from`");
	return 0;
}

static int read_limit(struct api_job *job, unsigned index)
{
	int64_t limit = REPORT_LIMIT;

	if (web_query_number(&job->query, index, 1, REPORT_LIMIT_MAX, &limit, &job->why))
		return -EINVAL;
	job->report.limit = (unsigned)limit;
	return 0;
}

static int refuse_report(struct api_job *job, int err)
{
	if (err == -EINVAL)
		event_refuse(&job->why, "invalid_value", "", "there is no such span of time");
	return err;
}

static int make_cost(struct api_job *job)
{
	return refuse_report(job, report_cost(job->journal, &job->report, &job->out));
}

static int make_analytics(struct api_job *job)
{
	return refuse_report(job, report_analytics(job->journal, &job->report, &job->out));
}

/* "2026-11", from 1970 on. */
static bool is_month(const char *text)
{
	static const char pattern[] = "dddd-dd";
	size_t i;

	for (i = 0; pattern[i]; i++)
		if (pattern[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != pattern[i])
			return false;
	return !text[i] && strcmp(text, "1970") > 0 && strcmp(text + 5, "01") >= 0 &&
	       strcmp(text + 5, "12") <= 0;
}

static int read_cost_query(struct api_job *job)
{
	const char *month = job->query.values[2];
	unsigned by = REPORT_BY_MODEL;

	if (read_span(job) || web_query_choice(&job->query, 3, report_by_names, &by, &job->why) ||
	    read_limit(job, 4))
		return -EINVAL;
	job->report.by = (enum report_by)by;
	if (!month)
		return 0;
	if (!is_month(month))
		return event_refuse(&job->why, "invalid_value", "month",
				    "not a month; write 2026-01");
	if (job->report.from_us || job->report.to_us)
		return event_refuse(&job->why, "invalid_value", "month",
				    "either a month, or from and to");
	memcpy(job->report.month, month, sizeof(job->report.month));
	return 0;
}

enum MHD_Result api_cost(struct web_request *request)
{
	static const char *const names[] = {"from", "to", "month", "by", "limit", NULL};
	enum MHD_Result result;
	struct api_job *job = api_job_create(request, names, &result);

	if (!job)
		return result;
	if (read_cost_query(job))
		return api_refuse(request, MHD_HTTP_BAD_REQUEST, &job->why);
	job->report.monthly_budget = request->shared->reporting.settings->monthly_budget;
	job->make = make_cost;
	return api_job_start(job);
}

enum MHD_Result api_analytics(struct web_request *request)
{
	static const char *const names[] = {"from", "to", "limit", NULL};
	enum MHD_Result result;
	struct api_job *job = api_job_create(request, names, &result);

	if (!job)
		return result;
	if (read_span(job) || read_limit(job, 2))
		return api_refuse(request, MHD_HTTP_BAD_REQUEST, &job->why);
	job->make = make_analytics;
	return api_job_start(job);
}
