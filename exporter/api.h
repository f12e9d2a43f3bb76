// SPDX-License-Identifier: Apache-2.0
/*
 * The JSON interface: what every path under /api and /orchestrate, and /health, answers. The
 * contract is openapi.json, which is served at /api/openapi.json.
 *
 * What only looks into memory is answered at once. What reads the journal is a job of the worker,
 * and its request sleeps meanwhile (struct api_job). What is written is answered after the journal
 * has it on disk.
 */
#ifndef EXPORTER_API_H
#define EXPORTER_API_H

#include "health.h"
#include "report.h"
#include "web_request.h"
#include "worker.h"

#define API_CACHE_MILLISECONDS 1000
#define API_CACHED_MAX	       4 /* different queries whose answers are kept */

struct api_cached {
	char *query; /* "" without one; NULL: unused */
	uint64_t made_ms;
	struct text text;
};

struct web_api {
	struct health health;
	struct api_cached cached[API_CACHED_MAX];
};

/* 0 or -ENOMEM. */
int api_create(struct web_api **ret_api);
void api_free(struct web_api *api);

web_answer api_health, api_diagnostics, api_approvals, api_openapi; /* from memory */
web_answer api_orchestrate, api_audit, api_cost, api_analytics;	    /* from the journal */
web_answer api_events, api_declare, api_budget;			    /* POST */

/* Parses the request's query; false: it was refused with 400, and *ret_result says how. */
bool api_query(struct web_request *request, const char *const *names, struct web_query *ret_query,
	       enum MHD_Result *ret_result);
enum MHD_Result api_refuse(struct web_request *request, unsigned status,
			   const struct event_error *error);

/* Whether the body is JSON or NDJSON and not compressed; false: it was refused with 415. */
bool api_is_json(struct web_request *request, bool *ret_ndjson, enum MHD_Result *ret_result);
/* Whether the sender may report; false: it was refused with 403 or 503, `entries` were counted. */
bool api_may_report(struct web_request *request, unsigned entries, enum MHD_Result *ret_result);
/* Who says it, and that it is now. */
struct event_origin api_event_origin(const struct web_request *request);

/* 503: events are not taken, so there is nothing to read either. */
enum MHD_Result api_refuse_off(struct web_request *request);

/* One report, made in the worker's thread. */
struct api_job {
	struct job job;
	struct web_request *request;
	/* 0, -EINVAL with `why`, or -errno; reads the fields below and fills `out`. */
	int (*make)(struct api_job *job);
	void (*made)(struct api_job *job); /* in the loop's thread, after success; may be NULL */
	char *journal;			   /* path */
	int64_t now_us;
	struct web_query query;
	struct report_query report;
	int err;
	struct event_error why;
	struct text out;
};

/*
 * A job with the query parsed, owned by its request; NULL: the request was answered, and
 * *ret_result says how.
 */
struct api_job *api_job_create(struct web_request *request, const char *const *names,
			       enum MHD_Result *ret_result);
/* Suspends the request until the report is made. */
enum MHD_Result api_job_start(struct api_job *job);

int64_t api_now_us(void);

#endif
