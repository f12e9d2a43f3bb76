// SPDX-License-Identifier: Apache-2.0
/* An event from text and back; include it after cmocka. */
#ifndef TESTS_EVENT_TEXT_H
#define TESTS_EVENT_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "event.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* 2026-01-31T12:00:00Z */
#define NOON INT64_C(1769860800)

static const struct event_origin origin = {
	.way = WAY_DATAGRAM,
	.uid = 1000,
	.pid = 4711,
	.wall_us = NOON * 1000000,
	.boot_ns = UINT64_C(3600000000000),
};

/* The event of `json`, which must be good; a copy of just its size, so that reading beyond is seen. */
static inline struct event *parse_from(const char *json, const struct event_origin *from)
{
	size_t size = strlen(json);
	struct event_error error = {.code = NULL};
	struct event *event = NULL;
	char *copy = malloc(size);

	assert_non_null(copy);
	memcpy(copy, json, size);
	if (event_parse(copy, size, from, &event, &error))
		fail_msg("%s: %s: %s", json, error.code, error.message);
	free(copy);
	return event;
}

static inline struct event *parse(const char *json)
{
	return parse_from(json, &origin);
}

static inline void assert_written(const struct event *event, const char *expected)
{
	char line[1024];

	assert_int_equal(event_write_json(event, line, sizeof(line)), strlen(expected));
	assert_string_equal(line, expected);
}

#endif
