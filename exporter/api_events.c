// SPDX-License-Identifier: Apache-2.0
/* POST /api/v1/events: the request sleeps until its events are on disk. */
#include "api.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "batch.h"
#include "senders.h"

enum content {
	CONTENT_JSON,
	CONTENT_NDJSON,
	CONTENT_OTHER
};

/* The media type without its parameters; what is not named is taken as one that nobody has. */
static enum content content_of(const struct web_request *request)
{
	static const char *const types[] = {"application/json", "application/x-ndjson", NULL};
	struct web_joined joined;
	const char *value = web_header(request, "Content-Type", &joined);
	size_t length = value ? strcspn(value, "; \t") : 0;
	int i;

	for (i = 0; types[i]; i++)
		if (length == strlen(types[i]) && !strncasecmp(value, types[i], length))
			break;
	return (enum content)i;
}

bool api_is_json(struct web_request *request, bool *ret_ndjson, enum MHD_Result *ret_result)
{
	static const struct web_problem type = {"unsupported_media_type", "Content-Type",
						"write application/json or application/x-ndjson"};
	static const struct web_problem coding = {"unsupported_media_type", "Content-Encoding",
						  "a body is taken as it is, not compressed"};
	enum content content = content_of(request);
	struct web_joined joined;
	const char *value = web_header(request, "Content-Encoding", &joined);

	if (content != CONTENT_OTHER && (!value || !strcasecmp(value, "identity"))) {
		*ret_ndjson = content == CONTENT_NDJSON;
		return true;
	}
	*ret_result = web_refuse(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
				 content == CONTENT_OTHER ? &type : &coding, web_no_headers);
	return false;
}

bool api_may_report(struct web_request *request, unsigned entries, enum MHD_Result *ret_result)
{
	static const struct web_problem stranger = {
		"not_allowed", "",
		"this user may not report; add its uid or gid to events.allow in the configuration"};
	const struct web_reporting *reporting = &request->shared->reporting;
	struct sender sender;

	if (!reporting->recorder || !reporting->intake || !reporting->settings) {
		*ret_result = api_refuse_off(request);
		return false;
	}
	if (request->origin->way == WAY_WEB || (!sender_of_stream(request->origin->fd, &sender) &&
						sender_may_report(reporting->settings, &sender)))
		return true;
	reporting->intake->refused[INTAKE_NOT_ALLOWED] += entries;
	*ret_result = web_refuse(request, MHD_HTTP_FORBIDDEN, &stranger, web_no_headers);
	return false;
}

static uint64_t boot_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void release_batch(struct web_request *request)
{
	batch_free(request->state);
	request->state = NULL;
}

static enum MHD_Result reply_batch(struct web_request *request)
{
	struct web_header headers[2] = {{NULL, NULL}};
	struct batch_answer answer;
	char seconds[16];
	struct text text;

	if (batch_answer(request->state, request->shared->reporting.intake, boot_now(), &answer))
		return MHD_NO;
	if (answer.retry_after) {
		snprintf(seconds, sizeof(seconds), "%u", answer.retry_after);
		headers[0].name = "Retry-After";
		headers[0].value = seconds;
		headers[1].name = NULL;
	}
	text = (struct text){.data = answer.text, .size = answer.size, .capacity = answer.size};
	return web_reply_text(request, answer.status, "application/json", &text, headers);
}

static void done(struct ticket *ticket)
{
	web_resume(ticket->context);
}

static int submit(void *context, struct event **events, unsigned count, struct ticket *ticket)
{
	return recorder_submit(context, events, count, ticket);
}

struct event_origin api_event_origin(const struct web_request *request)
{
	return (struct event_origin){
		.way = request->origin->way,
		.uid = request->origin->uid,
		.pid = request->origin->pid,
		.wall_us = api_now_us(),
		.boot_ns = boot_now(),
	};
}

static enum MHD_Result submit_batch(struct web_request *request, struct batch *batch)
{
	const struct web_reporting *reporting = &request->shared->reporting;
	unsigned i;

	request->state = batch;
	request->release = release_batch;
	batch_admit(batch, reporting->limit, &request->origin->sender, reporting->intake);
	for (i = 0; i < batch->count && reporting->join; i++)
		reporting->join(reporting->context, batch->events[i]);
	batch->ticket.done = done;
	batch->ticket.context = request;
	if (!batch_submit(batch, submit, reporting->recorder))
		return reply_batch(request);
	web_suspend(request, reply_batch);
	return MHD_YES;
}

enum MHD_Result api_events(struct web_request *request)
{
	static const char *const names[] = {NULL};
	struct event_origin origin = api_event_origin(request);
	enum MHD_Result result;
	struct web_query query;
	struct batch *batch;
	bool ndjson;

	if (!api_query(request, names, &query, &result) ||
	    !api_is_json(request, &ndjson, &result) || !api_may_report(request, 1, &result))
		return result;
	if (batch_parse(request->body.data ? request->body.data : "", request->body.size, ndjson,
			&origin, &batch))
		return MHD_NO;
	web_request_drop_body(request);
	return submit_batch(request, batch);
}
