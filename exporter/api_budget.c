// SPDX-License-Identifier: Apache-2.0
/* POST /api/v1/budget: {"monthly_usd": 100}, what a month may cost; 0 removes it. 200 when it is on disk. */
#include "api.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "api_note.h"
#include "json_writer.h"

#define BUDGET_MAX 1e9 /* dollars a month: exact in micro-dollars as a double */

static enum MHD_Result reply_set(struct web_request *request)
{
	struct api_note *note = request->state;
	struct text text = {0};
	struct json_writer writer = {.text = &text};

	if (note->ticket.events[0].result != RECORD_STORED)
		return api_note_refuse(request);
	write_open(&writer, NULL, '{');
	write_decimal(&writer, "monthly_usd", note->amount, 6);
	write_close(&writer);
	if (writer.err) {
		text_release(&text);
		return MHD_NO;
	}
	return web_reply_json(request, MHD_HTTP_OK, &text);
}

/* {"monthly_usd": N} and nothing else. */
static int parse(const struct text *body, uint64_t *ret_microdollars, struct event_error *ret_error)
{
	json_t *root = body->size ? json_loadb(body->data, body->size, JSON_REJECT_DUPLICATES, NULL)
				  : NULL;
	const json_t *value = json_object_get(root, "monthly_usd");
	double dollars = json_number_value(value);
	int err = 0;

	if (!json_is_object(root))
		err = event_refuse(ret_error, "invalid_json", "", "not a JSON object");
	else if (!value)
		err = event_refuse(ret_error, "missing_field", "monthly_usd", "is missing");
	else if (json_object_size(root) != 1)
		err = event_refuse(ret_error, "unknown_field", "", "only monthly_usd may be given");
	else if (!json_is_number(value))
		err = event_refuse(ret_error, "wrong_type", "monthly_usd", "is not a number");
	else if (!(dollars >= 0 && dollars <= BUDGET_MAX))
		err = event_refuse(ret_error, "out_of_range", "monthly_usd",
				   "is not from 0 to 1000000000");
	else
		*ret_microdollars = (uint64_t)llround(dollars * 1e6);
	json_decref(root);
	return err;
}

enum MHD_Result api_budget(struct web_request *request)
{
	static const char *const names[] = {NULL};
	struct event_error error;
	enum MHD_Result result;
	struct web_query query;
	uint64_t microdollars = 0;
	bool ndjson;

	if (!api_query(request, names, &query, &result) ||
	    !api_is_json(request, &ndjson, &result) || !api_may_report(request, 0, &result))
		return result;
	if (parse(&request->body, &microdollars, &error))
		return api_refuse(request, MHD_HTTP_BAD_REQUEST, &error);
	return api_note_submit(
		request, EVENT_BUDGET_SET,
		&(struct event_field_value){.field = FIELD_AMOUNT, .number = (double)microdollars},
		microdollars, reply_set);
}
