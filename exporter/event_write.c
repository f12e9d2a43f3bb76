// SPDX-License-Identifier: Apache-2.0
/* An event as JSON. Its texts are UTF-8 (event.c), so only what JSON asks for is escaped. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_draft.h"

/* One byte is always left for the NUL; once something found no room, nothing more is written. */
struct line {
	char *at, *end;
	bool full;
};

static void put(struct line *line, const char *bytes, size_t size)
{
	if (line->full || (size_t)(line->end - line->at) <= size) {
		line->full = true;
		return;
	}
	memcpy(line->at, bytes, size);
	line->at += size;
}

static void put_text(struct line *line, const char *text)
{
	const char *from = text;
	char escape[8];

	put(line, "\"", 1);
	for (; *text; text++) {
		if ((unsigned char)*text >= 0x20 && *text != '"' && *text != '\\')
			continue;
		put(line, from, (size_t)(text - from));
		if ((unsigned char)*text < 0x20)
			snprintf(escape, sizeof(escape), "\\u%04x", (unsigned char)*text);
		else
			snprintf(escape, sizeof(escape), "\\%c", *text);
		put(line, escape, strlen(escape));
		from = text + 1;
	}
	put(line, from, (size_t)(text - from));
	put(line, "\"", 1);
}

static void put_number(struct line *line, double number)
{
	char digits[40];

	if (number == trunc(number) && fabs(number) < 1e15) {
		snprintf(digits, sizeof(digits), "%lld", (long long)number);
	} else {
		/* 15 digits where they say it all: 0.1 instead of 0.10000000000000001. */
		snprintf(digits, sizeof(digits), "%.15g", number);
		if (strtod(digits, NULL) != number)
			snprintf(digits, sizeof(digits), "%.17g", number);
	}
	put(line, digits, strlen(digits));
}

static void put_labels(struct line *line, const struct event *event)
{
	const char *name, *value;
	unsigned i;

	for (i = 0; event_label(event, i, &name, &value); i++) {
		put(line, i ? "," : "{", 1);
		put_text(line, name);
		put(line, ":", 1);
		put_text(line, value);
	}
	put(line, i ? "}" : "{}", i ? 1 : 2);
}

static void put_field(struct line *line, const struct event *event, enum event_field field)
{
	switch (event_fields[field].kind) {
	case KIND_INTEGER:
	case KIND_NUMBER:
		put_number(line, event_number(event, field, 0));
		break;
	case KIND_BOOL:
		if (event_number(event, field, 0) != 0)
			put(line, "true", 4);
		else
			put(line, "false", 5);
		break;
	case KIND_LABELS:
		put_labels(line, event);
		break;
	case KIND_ANY:
		put(line, event_text(event, field), strlen(event_text(event, field)));
		break;
	case KIND_TEXT:
	case KIND_HEX:
		put_text(line, event_text(event, field));
		break;
	}
}

ssize_t event_write_json(const struct event *event, char *out, size_t size)
{
	struct line line = {out, out + size, size == 0};
	const char *separator = "{";
	int field;

	for (field = 0; field < EVENT_FIELDS; field++) {
		if (field == FIELD_ID || !event_has(event, field))
			continue;
		put(&line, separator, 1);
		put_text(&line, event_fields[field].name);
		put(&line, ":", 1);
		put_field(&line, event, field);
		separator = ",";
	}
	if (*separator == '{')
		put(&line, "{", 1);
	put(&line, "}", 1);
	if (line.full)
		return -ENOSPC;
	*line.at = '\0';
	return line.at - out;
}
