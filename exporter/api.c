// SPDX-License-Identifier: Apache-2.0
#include "api.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json_model.h"
#include "web_routes.h"

int api_create(struct web_api **ret_api)
{
	struct web_api *api = calloc(1, sizeof(*api));

	if (!api)
		return -ENOMEM;
	*ret_api = api;
	return 0;
}

void api_free(struct web_api *api)
{
	int i;

	if (!api)
		return;
	for (i = 0; i < API_CACHED_MAX; i++) {
		free(api->cached[i].query);
		text_release(&api->cached[i].text);
	}
	free(api);
}

int64_t api_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

enum MHD_Result api_refuse(struct web_request *request, unsigned status,
			   const struct event_error *error)
{
	const struct web_problem problem = {error->code, error->field, error->message};

	return web_refuse(request, status, &problem,
			  status == MHD_HTTP_SERVICE_UNAVAILABLE ? web_busy_headers
								 : web_no_headers);
}

enum MHD_Result api_refuse_off(struct web_request *request)
{
	static const struct web_problem off = {"events_off", "",
					       "events are not taken: there is no journal to read"};

	return web_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, &off, web_no_headers);
}

bool api_query(struct web_request *request, const char *const *names, struct web_query *ret_query,
	       enum MHD_Result *ret_result)
{
	struct event_error error;

	if (!web_query_parse(request->query, names, ret_query, &error) && !request->query_cut)
		return true;
	if (request->query_cut)
		event_refuse(&error, "too_long", "", "the query is longer than %d bytes",
			     WEB_QUERY_MAX);
	*ret_result = api_refuse(request, MHD_HTTP_BAD_REQUEST, &error);
	return false;
}

/* --- from memory ------------------------------------------------------------------------------ */

static const char *const no_names[] = {NULL};

enum MHD_Result api_diagnostics(struct web_request *request)
{
	static const struct web_problem failed = {
		"scrape_failed", "", "the scrape failed; the log of the exporter says why"};
	const struct web_site *site = &request->shared->site;
	struct text text = {0};
	const struct model *model;
	enum MHD_Result result;
	struct web_query query;

	if (!api_query(request, no_names, &query, &result))
		return result;
	model = site->collect ? site->collect(site->context) : NULL;
	if (model && !json_model_render(model, &text))
		return web_reply_json(request, MHD_HTTP_OK, &text);
	text_release(&text);
	return web_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, &failed, web_no_headers);
}

/* Approvals that are looked at for the health: the oldest ones. */
#define PENDING_SEEN_MAX 1000

struct overdue {
	struct health_facts *facts;
	int64_t now_us;
};

static int see_pending(void *context, const struct pending_approval *approval)
{
	struct overdue *overdue = context;
	double seconds = (double)(overdue->now_us - approval->due_us) / 1e6;

	if (seconds > overdue->facts->overdue_seconds)
		overdue->facts->overdue_seconds = seconds;
	return ++overdue->facts->pending >= PENDING_SEEN_MAX;
}

enum MHD_Result api_health(struct web_request *request)
{
	const struct web_site *site = &request->shared->site;
	struct recorder *recorder = request->shared->reporting.recorder;
	struct health *health = &request->shared->api->health;
	struct health_facts facts = {.records = recorder != NULL};
	struct overdue overdue = {&facts, api_now_us()};
	struct text text = {0};
	enum MHD_Result result;
	struct web_query query;

	if (!api_query(request, no_names, &query, &result))
		return result;
	if (site->facts)
		site->facts(site->context, &facts);
	if (recorder) {
		recorder_health(recorder, &facts.journal);
		recorder_each_pending(recorder, see_pending, &overdue);
	}
	health_judge(health, &facts, overdue.now_us);
	if (health_render(health, overdue.now_us, &text)) {
		text_release(&text);
		return MHD_NO;
	}
	return web_reply_json(
		request, health_works(health) ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, &text);
}

/* --- from the journal ------------------------------------------------------------------------- */

static void release_job(struct web_request *request)
{
	struct api_job *job = request->state;

	free(job->journal);
	text_release(&job->out);
	free(job);
	request->state = NULL;
}

struct api_job *api_job_create(struct web_request *request, const char *const *names,
			       enum MHD_Result *ret_result)
{
	struct recorder *recorder = request->shared->reporting.recorder;
	const char *path = recorder ? recorder_path(recorder) : NULL;
	struct api_job *job;

	if (!path || !request->shared->reporting.worker) {
		*ret_result = api_refuse_off(request);
		return NULL;
	}
	job = calloc(1, sizeof(*job));
	*ret_result = MHD_NO;
	if (!job)
		return NULL;
	request->state = job;
	request->release = release_job;
	job->request = request;
	job->now_us = api_now_us();
	job->journal = strdup(path);
	if (!job->journal || !api_query(request, names, &job->query, ret_result))
		return NULL;
	return job;
}

static void run_job(struct job *job)
{
	struct api_job *own = (struct api_job *)((char *)job - offsetof(struct api_job, job));

	own->err = own->make(own);
}

static void done_job(struct job *job)
{
	struct api_job *own = (struct api_job *)((char *)job - offsetof(struct api_job, job));

	web_resume(own->request);
}

static enum MHD_Result reply_job(struct web_request *request)
{
	static const struct web_problem failed = {
		"journal_failed", "",
		"the journal cannot be read now; the log of the exporter says why"};
	struct api_job *job = request->state;

	if (job->err == -EINVAL && job->why.code)
		return api_refuse(request, MHD_HTTP_BAD_REQUEST, &job->why);
	if (job->err)
		return web_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, &failed, web_busy_headers);
	if (job->made)
		job->made(job);
	return web_reply_json(request, MHD_HTTP_OK, &job->out);
}

enum MHD_Result api_job_start(struct api_job *job)
{
	static const struct web_problem busy = {"busy", "",
						"too many reports are being made at once"};
	struct web_request *request = job->request;

	job->job.run = run_job;
	job->job.done = done_job;
	job->err = -ECANCELED; /* until it has run */
	if (worker_submit(request->shared->reporting.worker, &job->job))
		return web_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, &busy, web_busy_headers);
	web_suspend(request, reply_job);
	return MHD_YES;
}
