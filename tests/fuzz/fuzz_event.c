// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes are an event or are refused in one printable line that names a code; what is an event
 * is written as JSON that reads back as the same event.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct event_origin origin = {
	.way = WAY_STREAM,
	.pid = 42,
	.wall_us = INT64_C(1769860800000000),
	.boot_ns = UINT64_C(1000000000),
};

static void check_error(const struct event_error *error)
{
	const char *at;

	if (!error->code || !memchr(error->field, '\0', sizeof(error->field)) ||
	    !memchr(error->message, '\0', sizeof(error->message)) || !error->message[0])
		abort();
	for (at = error->message; *at; at++)
		if (*at < ' ' || *at > '~')
			abort();
	for (at = error->field; *at; at++)
		if (*at <= ' ' || *at > '~')
			abort();
}

static void check_reads_back(const struct event *event)
{
	static char first[EVENT_JSON_MAX], second[EVENT_JSON_MAX], again[EVENT_JSON_MAX + 64];
	ssize_t size = event_write_json(event, first, sizeof(first));
	struct event_error error;
	struct event *copy;
	int length;

	if (size < 2)
		abort();
	/* There is a pid at least, so a comma is right. */
	length = snprintf(again, sizeof(again), "{\"type\":\"%s\",%s",
			  event_types[event_type(event)].name, first + 1);
	if (length > EVENT_SIZE_MAX)
		return;
	if (event_parse(again, (size_t)length, &origin, &copy, &error))
		abort();
	if (event_write_json(copy, second, sizeof(second)) != size || strcmp(first, second) != 0)
		abort();
	event_free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct event_error error = {.code = NULL};
	const char *name, *value;
	struct event *event;
	unsigned i;

	if (event_parse((const char *)data, size, &origin, &event, &error)) {
		check_error(&error);
		return 0;
	}
	for (i = 0; event_label(event, i, &name, &value); i++)
		if (!*name)
			abort();
	if (llabs(event_wall_us(event) - origin.wall_us) > EVENT_SKEW_MAX_US)
		abort();
	check_reads_back(event);
	event_free(event);
	return 0;
}
