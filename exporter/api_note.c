// SPDX-License-Identifier: Apache-2.0
#include "api_note.h"

#include <stdio.h>
#include <stdlib.h>

#include "api.h"

static void release(struct web_request *request)
{
	struct api_note *note = request->state;

	free(note->ticket.events);
	free(note);
	request->state = NULL;
}

void api_actor(const struct web_request *request, char ret_actor[API_ACTOR_SIZE])
{
	if (request->origin->way == WAY_STREAM)
		snprintf(ret_actor, API_ACTOR_SIZE, "uid %u", request->origin->uid);
	else
		snprintf(ret_actor, API_ACTOR_SIZE, "%s", request->origin->address);
}

static enum MHD_Result refuse_unwritten(struct web_request *request)
{
	static const struct web_problem unwritten = {"journal", "",
						     "the journal cannot write: see /health"};

	return web_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, &unwritten, web_busy_headers);
}

enum MHD_Result api_note_refuse(struct web_request *request)
{
	const struct api_note *note = request->state;

	if (note->ticket.events[0].result == RECORD_REFUSED)
		return api_refuse(request, MHD_HTTP_CONFLICT, &note->ticket.events[0].why);
	return refuse_unwritten(request);
}

static void done(struct ticket *ticket)
{
	web_resume(ticket->context);
}

enum MHD_Result api_note_submit(struct web_request *request, enum event_type type,
				const struct event_field_value *value, uint64_t amount,
				web_answer *next)
{
	const struct event_origin origin = api_event_origin(request);
	struct api_note *note = calloc(1, sizeof(*note));
	char actor[API_ACTOR_SIZE];
	struct event *event;

	if (!note)
		return MHD_NO;
	request->state = note;
	request->release = release;
	note->amount = amount;
	note->ticket.events = calloc(1, sizeof(*note->ticket.events));
	api_actor(request, actor);
	if (!note->ticket.events ||
	    event_make(type, &origin,
		       (struct event_field_value[]){*value, {.field = FIELD_ACTOR, .text = actor}},
		       2, &event))
		return MHD_NO;
	note->ticket.count = 1;
	note->ticket.done = done;
	note->ticket.context = request;
	if (recorder_submit(request->shared->reporting.recorder, &event, 1, &note->ticket))
		return refuse_unwritten(request);
	web_suspend(request, next);
	return MHD_YES;
}
