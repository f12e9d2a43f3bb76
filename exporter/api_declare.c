// SPDX-License-Identifier: Apache-2.0
/*
 * POST /api/v1/metrics: declares a custom metric. 201 when it is new, 200 when it is declared just so
 * already, 409 when its name means something else.
 */
#include "api.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "custom_metrics.h"
#include "intake.h"
#include "json_writer.h"

/* One event of one ticket, and what is asked for. */
struct declaration {
	struct ticket ticket;
	struct reporting_custom metric;
	bool known; /* it is in the model already, and the same as far as that tells */
};

static void release_declaration(struct web_request *request)
{
	struct declaration *declaration = request->state;

	free(declaration->ticket.events);
	free(declaration);
	request->state = NULL;
}

/* One line, in a fixed order; 0 or -ENOMEM. */
static int write_declaration(const struct reporting_custom *metric, struct text *out)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	struct json_writer writer = {.text = out};
	uint32_t i;

	write_open(&writer, NULL, '{');
	write_text(&writer, "name", metric->name);
	write_text(&writer, "type", types[metric->type]);
	write_text(&writer, "help", metric->help);
	write_open(&writer, "labels", '[');
	for (i = 0; i < REPORTING_CUSTOM_LABELS && metric->labels[i][0]; i++)
		write_text(&writer, NULL, metric->labels[i]);
	write_close(&writer);
	if (metric->type == CUSTOM_HISTOGRAM) {
		write_open(&writer, "buckets", '[');
		for (i = 0; i < metric->bound_count; i++)
			write_real(&writer, NULL, metric->bounds[i]);
		write_close(&writer);
	}
	write_close(&writer);
	return writer.err;
}

static bool same_labels(const struct family_row *row, const struct reporting_custom *metric)
{
	unsigned i;

	for (i = 0; i < REPORTING_CUSTOM_LABELS; i++) {
		if (!row->labels[i] || !metric->labels[i][0])
			break;
		if (strcmp(row->labels[i], metric->labels[i]) != 0)
			return false;
	}
	return !row->labels[i] && (i == REPORTING_CUSTOM_LABELS || !metric->labels[i][0]);
}

/* 0; 1: it is there, and the same; -EEXIST: the name is taken. Buckets are left to the accounts. */
static int look_up(struct web_request *request, const struct reporting_custom *metric)
{
	static const enum family_type types[] = {TYPE_COUNTER, TYPE_GAUGE, TYPE_HISTOGRAM};
	const struct web_site *site = &request->shared->site;
	const struct model *model = site->collect ? site->collect(site->context) : NULL;
	const struct family_row *row;
	unsigned family;

	for (family = FAMILY_COUNT; model && family < model_family_count(model); family++) {
		row = model_family_row(model, family);
		if (strcmp(row->name, metric->name) != 0)
			continue;
		return row->type == types[metric->type] && same_labels(row, metric) ? 1 : -EEXIST;
	}
	return 0;
}

static enum MHD_Result refuse_taken(struct web_request *request)
{
	static const struct web_problem taken = {
		"conflict", "name", "the name is declared already, with another meaning"};

	return web_refuse(request, MHD_HTTP_CONFLICT, &taken, web_no_headers);
}

static enum MHD_Result refuse_unwritten(struct web_request *request)
{
	static const struct web_problem unwritten = {"journal", "",
						     "the journal cannot write: see /health"};

	return web_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, &unwritten, web_busy_headers);
}

static enum MHD_Result reply_declared(struct web_request *request)
{
	struct declaration *declaration = request->state;
	struct text text = {0};
	unsigned status = declaration->known ? MHD_HTTP_OK : MHD_HTTP_CREATED;

	switch (declaration->ticket.events[0].result) {
	case RECORD_FAILED:
		return refuse_unwritten(request);
	case RECORD_REFUSED:
		return api_refuse(request, MHD_HTTP_CONFLICT, &declaration->ticket.events[0].why);
	case RECORD_KNOWN:
		status = MHD_HTTP_OK;
		break;
	case RECORD_STORED:
		break;
	}
	if (write_declaration(&declaration->metric, &text)) {
		text_release(&text);
		return MHD_NO;
	}
	return web_reply_json(request, status, &text);
}

static void done(struct ticket *ticket)
{
	web_resume(ticket->context);
}

/* FNV-1a: the same declaration is the same event. */
static uint64_t hash_of(const struct text *text)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	size_t i;

	for (i = 0; i < text->size; i++)
		hash = (hash ^ (unsigned char)text->data[i]) * UINT64_C(1099511628211);
	return hash;
}

static int make_event(struct web_request *request, const struct reporting_custom *metric,
		      struct event **ret_event)
{
	const struct event_origin origin = api_event_origin(request);
	struct text text = {0};
	char id[40], actor[64];
	int err;

	err = write_declaration(metric, &text);
	if (!err)
		err = text_reserve(&text, 1);
	if (!err) {
		const struct event_field_value values[] = {
			{.field = FIELD_ID, .text = id},
			{.field = FIELD_ACTOR, .text = actor},
			{.field = FIELD_DETAILS, .text = text.data},
		};

		snprintf(id, sizeof(id), "metric-%016" PRIx64, hash_of(&text));
		if (request->origin->way == WAY_STREAM)
			snprintf(actor, sizeof(actor), "uid %u", request->origin->uid);
		else
			snprintf(actor, sizeof(actor), "%s", request->origin->address);
		text.data[text.size] = '\0';
		err = event_make(EVENT_METRIC_DECLARED, &origin, values, 3, ret_event);
	}
	text_release(&text);
	return err;
}

static enum MHD_Result submit(struct web_request *request, struct declaration *declaration)
{
	struct ticket *ticket = &declaration->ticket;
	struct event *event;

	ticket->events = calloc(1, sizeof(*ticket->events));
	if (!ticket->events || make_event(request, &declaration->metric, &event))
		return MHD_NO;
	ticket->count = 1;
	ticket->done = done;
	ticket->context = request;
	if (recorder_submit(request->shared->reporting.recorder, &event, 1, ticket))
		return refuse_unwritten(request);
	web_suspend(request, reply_declared);
	return MHD_YES;
}

static int parse(struct web_request *request, struct reporting_custom *ret_metric,
		 struct event_error *ret_error)
{
	const struct text *body = &request->body;

	if (!body->size || memchr(body->data, '\0', body->size))
		return web_query_refuse(ret_error, "invalid_json", "", "not a JSON object");
	return custom_metric_parse(body->data, ret_metric, ret_error);
}

enum MHD_Result api_declare(struct web_request *request)
{
	static const char *const names[] = {NULL};
	struct declaration *declaration;
	enum MHD_Result result;
	struct event_error error;
	struct web_query query;
	bool ndjson;
	int found;

	if (!api_query(request, names, &query, &result) ||
	    !api_is_json(request, &ndjson, &result) || !api_may_report(request, 0, &result))
		return result;
	declaration = calloc(1, sizeof(*declaration));
	if (!declaration)
		return MHD_NO;
	request->state = declaration;
	request->release = release_declaration;
	if (parse(request, &declaration->metric, &error))
		return api_refuse(request,
				  strcmp(error.code, "reserved_name") ? MHD_HTTP_BAD_REQUEST
								      : MHD_HTTP_CONFLICT,
				  &error);
	found = look_up(request, &declaration->metric);
	if (found < 0)
		return refuse_taken(request);
	declaration->known = found;
	return submit(request, declaration);
}
