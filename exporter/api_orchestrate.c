// SPDX-License-Identifier: Apache-2.0
/* GET /orchestrate/metrics: the business figures; an answer is good for a second. */
#include "api.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_figures.h"
#include "journal.h"

enum name {
	NAME_FROM,
	NAME_TO,
	NAME_WINDOW
};

static uint64_t milliseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static const char *query_of(const struct web_request *request)
{
	return request->query ? request->query : "";
}

static struct api_cached *cached(struct web_api *api, const char *query)
{
	uint64_t now = milliseconds_now();
	int i;

	for (i = 0; i < API_CACHED_MAX; i++)
		if (api->cached[i].query && !strcmp(api->cached[i].query, query) &&
		    now - api->cached[i].made_ms < API_CACHE_MILLISECONDS)
			return &api->cached[i];
	return NULL;
}

/* In the place of the oldest one; without memory nothing is kept. */
static void keep(struct api_job *job)
{
	struct web_api *api = job->request->shared->api;
	struct api_cached *oldest = &api->cached[0];
	int i;

	for (i = 1; i < API_CACHED_MAX; i++)
		if (api->cached[i].made_ms < oldest->made_ms)
			oldest = &api->cached[i];
	free(oldest->query);
	oldest->query = NULL;
	oldest->text.size = 0;
	if (text_reserve(&oldest->text, job->out.size))
		return;
	memcpy(oldest->text.data, job->out.data, job->out.size);
	oldest->text.size = job->out.size;
	oldest->made_ms = milliseconds_now();
	oldest->query = strdup(query_of(job->request));
}

static enum MHD_Result reply_cached(struct web_request *request, const struct api_cached *cached)
{
	struct text copy = {0};

	if (text_reserve(&copy, cached->text.size))
		return MHD_NO;
	memcpy(copy.data, cached->text.data, cached->text.size);
	copy.size = cached->text.size;
	return web_reply_json(request, MHD_HTTP_OK, &copy);
}

static int read_query(struct api_job *job, struct figures_query *ret_query)
{
	/* In the order of enum calendar_window. */
	static const char *const windows[] = {"1min", "5min", "1hour", "1day", NULL};
	unsigned window = CALENDAR_WINDOWS;

	memset(ret_query, 0, sizeof(*ret_query));
	ret_query->now_us = job->now_us;
	if (web_query_time(&job->query, NAME_FROM, &ret_query->from_us, &job->why) ||
	    web_query_time(&job->query, NAME_TO, &ret_query->to_us, &job->why) ||
	    web_query_choice(&job->query, NAME_WINDOW, windows, &window, &job->why))
		return -EINVAL;
	ret_query->window = window == CALENDAR_WINDOWS ? -1 : (int)window;
	switch (figures_complete(ret_query)) {
	case 0:
		return 0;
	case -E2BIG:
		return event_refuse(&job->why, "out_of_range", "window",
				    "more than %d windows; ask for a shorter time",
				    FIGURES_WINDOWS_MAX);
	default:
		return event_refuse(&job->why, "out_of_range", "to", "not after `from`");
	}
}

static int make(struct api_job *job)
{
	bool has_span = job->query.values[NAME_FROM] || job->query.values[NAME_TO];
	struct figures_query query;
	struct sqlite3 *db;
	int err;

	err = read_query(job, &query);
	if (!err)
		err = journal_open_reader(job->journal, &db);
	if (err)
		return err;
	err = figures_render(db, &query, has_span, &job->out);
	sqlite3_close_v2(db);
	return err;
}

enum MHD_Result api_orchestrate(struct web_request *request)
{
	static const char *const names[] = {"from", "to", "window", NULL};
	struct api_cached *kept = cached(request->shared->api, query_of(request));
	struct figures_query checked;
	enum MHD_Result result;
	struct api_job *job;

	if (kept)
		return reply_cached(request, kept);
	job = api_job_create(request, names, &result);
	if (!job)
		return result;
	if (read_query(job, &checked))
		return api_refuse(request, MHD_HTTP_BAD_REQUEST, &job->why);
	job->make = make;
	job->made = keep;
	return api_job_start(job);
}
