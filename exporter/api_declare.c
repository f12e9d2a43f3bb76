// SPDX-License-Identifier: Apache-2.0
/*
 * POST /api/v1/metrics: declares a custom metric. 201 when it is new, 200 when it is declared just so
 * already, 409 when its name means something else.
 */
#include "api.h"

#include <errno.h>
#include <string.h>

#include "api_note.h"
#include "custom_metrics.h"
#include "json_writer.h"

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

static int parse(struct web_request *request, struct reporting_custom *ret_metric,
		 struct event_error *ret_error)
{
	const struct text *body = &request->body;

	if (!body->size || memchr(body->data, '\0', body->size))
		return event_refuse(ret_error, "invalid_json", "", "not a JSON object");
	return custom_metric_parse(body->data, ret_metric, ret_error);
}

/* The body is still there: what was good when it was submitted is good now. */
static enum MHD_Result reply_declared(struct web_request *request)
{
	const struct api_note *note = request->state;
	enum record_result result = note->ticket.events[0].result;
	struct reporting_custom metric;
	struct event_error error;
	struct text text = {0};

	if (result != RECORD_STORED && result != RECORD_KNOWN)
		return api_note_refuse(request);
	if (parse(request, &metric, &error) || write_declaration(&metric, &text)) {
		text_release(&text);
		return MHD_NO;
	}
	return web_reply_json(request, note->amount ? MHD_HTTP_OK : MHD_HTTP_CREATED, &text);
}

/* `found`: it is declared already. */
static enum MHD_Result submit(struct web_request *request, const struct reporting_custom *metric,
			      int found)
{
	struct event_field_value value = {.field = FIELD_DETAILS};
	enum MHD_Result result = MHD_NO;
	struct text text = {0};

	if (!write_declaration(metric, &text) && !text_reserve(&text, 1)) {
		text.data[text.size] = '\0';
		value.text = text.data;
		result = api_note_submit(request, EVENT_METRIC_DECLARED, &value, (uint64_t)found,
					 reply_declared);
	}
	text_release(&text);
	return result;
}

enum MHD_Result api_declare(struct web_request *request)
{
	static const char *const names[] = {NULL};
	struct reporting_custom metric;
	enum MHD_Result result;
	struct event_error error;
	struct web_query query;
	bool ndjson;
	int found;

	if (!api_query(request, names, &query, &result) ||
	    !api_is_json(request, &ndjson, &result) || !api_may_report(request, 0, &result))
		return result;
	if (parse(request, &metric, &error))
		return api_refuse(request,
				  strcmp(error.code, "reserved_name") ? MHD_HTTP_BAD_REQUEST
								      : MHD_HTTP_CONFLICT,
				  &error);
	found = look_up(request, &metric);
	return found < 0 ? refuse_taken(request) : submit(request, &metric, found);
}
