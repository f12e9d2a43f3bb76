// SPDX-License-Identifier: Apache-2.0
/*
 * Any body becomes a batch in which every entry is an event or a refusal, each once and in the
 * request's order, and whose answer is JSON with numbers that add up. The first byte chooses the
 * Content-Type and what the recorder says.
 */
#include <errno.h>
#include <jansson.h>
#include <stdint.h>
#include <stdlib.h>

#include "batch.h"
#include "batch_split.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct event_origin origin = {
	.way = WAY_WEB,
	.wall_us = INT64_C(1769860800000000),
	.boot_ns = UINT64_C(1000000000),
};

static int submit(void *context, struct event **events, unsigned count, struct ticket *ticket)
{
	const unsigned *choice = context;
	unsigned i;

	for (i = 0; i < count; i++) {
		event_free(events[i]);
		ticket->events[i].result = (*choice + i) % 2 ? RECORD_STORED : RECORD_KNOWN;
	}
	return *choice & 2 ? -EIO : 0;
}

static void check_split(const char *body, size_t size, bool ndjson)
{
	static struct batch_slice slices[BATCH_EVENTS_MAX];
	const char *end = body;
	unsigned count, i;

	batch_split(batch_form(body, size, ndjson), body, size, slices, BATCH_EVENTS_MAX, &count);
	for (i = 0; i < count; i++) {
		if (slices[i].at < end || slices[i].size > (size_t)(body + size - slices[i].at))
			abort();
		end = slices[i].at + slices[i].size;
	}
}

static json_int_t number(const json_t *object, const char *name)
{
	return json_integer_value(json_object_get(object, name));
}

static void check_answer(const struct batch_answer *answer, unsigned entries, bool single)
{
	json_t *object = json_loadb(answer->text, answer->size, JSON_REJECT_DUPLICATES, NULL);
	json_t *errors;

	if (!object)
		abort();
	errors = json_object_get(object, "errors");
	if (json_array_size(errors) != (size_t)number(object, "refused"))
		abort();
	if (!single &&
	    number(object, "accepted") + number(object, "duplicates") + number(object, "refused") !=
		    entries)
		abort();
	if ((answer->status == 200) != (!errors && !json_object_get(object, "error")))
		abort();
	if ((answer->status >= 400) != !!json_object_get(object, "error"))
		abort();
	json_decref(object);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct reporting_settings limits = {.total_rate = 1, .total_burst = 20};
	const struct rate_sender sender = rate_sender_user(0);
	struct intake intake = {.ingest_sum = 0};
	struct batch_answer answer;
	struct rate_limit *limit;
	struct batch *batch;
	unsigned choice, entries;

	if (size == 0)
		return 0;
	choice = *data;
	check_split((const char *)data + 1, size - 1, choice & 1);
	if (rate_limit_create(&limits, &limit) ||
	    batch_parse((const char *)data + 1, size - 1, choice & 1, &origin, &batch))
		abort();
	batch_admit(batch, limit, &sender, &intake);
	entries = batch->count + batch->refused_count;
	batch_submit(batch, submit, &choice);
	if (batch_answer(batch, &intake, origin.boot_ns, &answer))
		abort();
	check_answer(&answer, entries, batch->single);
	free(answer.text);
	batch_free(batch);
	rate_limit_free(limit);
	return 0;
}
