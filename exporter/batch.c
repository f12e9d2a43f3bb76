// SPDX-License-Identifier: Apache-2.0
#include "batch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "batch_split.h"

/* Room for one more refusal; they are rare, and many in a bad batch. */
static int grow_refused(struct batch *batch)
{
	unsigned room = batch->refused_room ? 2 * batch->refused_room : 4;
	struct batch_refusal *grown;

	if (batch->refused_count < batch->refused_room)
		return 0;
	grown = realloc(batch->refused, room * sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	batch->refused = grown;
	batch->refused_room = room;
	return 0;
}

static int add_refusal(struct batch *batch, unsigned index, const struct event_error *error)
{
	int err = grow_refused(batch);

	if (!err)
		batch->refused[batch->refused_count++] = (struct batch_refusal){index, *error};
	return err;
}

static struct event_error make_error(const char *code, const char *message)
{
	struct event_error error = {.code = code};

	snprintf(error.message, sizeof(error.message), "%s", message);
	return error;
}

static int parse_entries(struct batch *batch, const struct batch_slice *slices, unsigned count)
{
	struct event_error error;
	unsigned i;
	int err;

	batch->events = calloc(count ? count : 1, sizeof(struct event *));
	batch->indexes = calloc(count ? count : 1, sizeof(*batch->indexes));
	if (!batch->events || !batch->indexes)
		return -ENOMEM;
	for (i = 0; i < count; i++) {
		err = event_parse(slices[i].at, slices[i].size, &batch->origin,
				  &batch->events[batch->count], &error);
		if (!err)
			batch->indexes[batch->count++] = i;
		else if (err == -EINVAL)
			err = add_refusal(batch, i, &error);
		if (err)
			return err;
	}
	return 0;
}

static int parse_body(struct batch *batch, const char *body, size_t size, bool ndjson)
{
	struct batch_slice *slices = NULL;
	struct event_error error;
	enum batch_form form;
	unsigned count = 0;
	int err;

	batch->single = true; /* as far as the answer goes, until there are entries */
	if (size > BATCH_SIZE_MAX) {
		error = make_error("too_large", "the request has more than 1048576 bytes");
		return add_refusal(batch, 0, &error);
	}
	form = batch_form(body, size, ndjson);
	err = batch_split(form, body, size, NULL, BATCH_EVENTS_MAX, &count);
	if (err == -E2BIG)
		error = make_error("too_large", "the request has more than 10000 events");
	else if (err)
		error = make_error("invalid_json",
				   "the array does not end, or something follows it");
	else if (form == FORM_LINES && count == 0)
		error = make_error("invalid_json", "the request has no event");
	if (err || (form == FORM_LINES && count == 0))
		return add_refusal(batch, count, &error);
	batch->single = form == FORM_SINGLE;
	slices = calloc(count ? count : 1, sizeof(*slices));
	if (!slices)
		return -ENOMEM;
	batch_split(form, body, size, slices, count, &count);
	err = parse_entries(batch, slices, count);
	free(slices);
	return err;
}

int batch_parse(const char *body, size_t size, bool ndjson, const struct event_origin *origin,
		struct batch **ret_batch)
{
	struct batch *batch = calloc(1, sizeof(*batch));
	int err;

	if (!batch)
		return -ENOMEM;
	batch->origin = *origin;
	err = parse_body(batch, body, size, ndjson);
	/* What waits for an answer has a place for it, whatever memory there is later. */
	if (!err && batch->count > 0) {
		batch->ticket.events = calloc(batch->count, sizeof(*batch->ticket.events));
		if (!batch->ticket.events)
			err = -ENOMEM;
	}
	if (err) {
		batch_free(batch);
		return err;
	}
	*ret_batch = batch;
	return 0;
}

void batch_free(struct batch *batch)
{
	unsigned i;

	if (!batch)
		return;
	for (i = 0; batch->events && i < batch->count; i++)
		event_free(batch->events[i]);
	free(batch->ticket.events);
	free(batch->refused);
	free(batch->indexes);
	free(batch->events);
	free(batch);
}

void batch_admit(struct batch *batch, struct rate_limit *limit, const struct rate_sender *sender,
		 struct intake *intake)
{
	struct event_error error =
		make_error("rate_limited", "more events than the limit allows: come again later");
	unsigned i, allowed;

	for (i = 0; i < batch->count; i++)
		intake->received[event_type(batch->events[i])]++;
	allowed = batch->count == 0 ? 0
				    : rate_limit_take(limit, sender, batch->count,
						      batch->origin.boot_ns, &batch->retry_after);
	while (batch->count > allowed) {
		i = --batch->count;
		event_free(batch->events[i]);
		/* Without memory for the error the entry is only missing from the numbers. */
		if (add_refusal(batch, batch->indexes[i], &error))
			intake->refused[INTAKE_RATE_LIMITED]++;
	}
}

bool batch_submit(struct batch *batch, batch_submit_function *submit, void *context)
{
	bool full;
	unsigned i;
	int err;

	if (batch->count == 0)
		return false;
	batch->ticket.count = batch->count;
	err = submit(context, batch->events, batch->count, &batch->ticket);
	free(batch->events);
	batch->events = NULL;
	if (!err)
		return true;
	full = err == -ENOBUFS || err == -ENOMEM;
	for (i = 0; i < batch->count; i++) {
		batch->ticket.events[i].result = RECORD_REFUSED;
		batch->ticket.events[i].why =
			full ? make_error("queue_full", "too many events wait for the disk: come "
							"again later")
			     : make_error("journal_failed", "the journal cannot write: see "
							    "/health");
	}
	return false;
}
