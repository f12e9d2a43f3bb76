// SPDX-License-Identifier: Apache-2.0
/* JSON → event, by the tables of event_types.c. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "event_draft.h"
#include "event_time.h"

#define LABELS_MAX	4
#define LABEL_NAME_MAX	63 /* as REPORTING_NAME_SIZE */
#define LABEL_VALUE_MAX 128
#define QUOTE_SIZE	33 /* of the sender's text that an error shows, with the NUL */

struct reader {
	struct event_draft draft;
	const struct event_origin *origin;
	struct event_error *error;
	char labels[LABELS_MAX * (LABEL_NAME_MAX + 1 + LABEL_VALUE_MAX + 1)];
	char *details; /* malloc()ed */
};

/* The begin of a text from outside, fit for an error message. */
static const char *quote(const char *text, char out[QUOTE_SIZE])
{
	size_t i;

	for (i = 0; i < QUOTE_SIZE - 1 && text[i]; i++)
		out[i] = text[i] > ' ' && text[i] < 0x7f && text[i] != '"' && text[i] != '\\'
				 ? text[i]
				 : '?';
	out[i] = '\0';
	return out;
}

static int refuse_type(struct event_error *error, const char *field, const char *wanted,
		       const json_t *value)
{
	static const char *const kinds[] = {
		[JSON_OBJECT] = "an object",   [JSON_ARRAY] = "an array", [JSON_STRING] = "a text",
		[JSON_INTEGER] = "an integer", [JSON_REAL] = "a number",  [JSON_TRUE] = "a boolean",
		[JSON_FALSE] = "a boolean",    [JSON_NULL] = "null",
	};

	return event_refuse(error, "wrong_type", field, "%s must be %s, not %s",
			    *field ? field : "an event", wanted, kinds[json_typeof(value)]);
}

static bool is_hex(const char *text, size_t size)
{
	return strspn(text, "0123456789abcdef") == size && strspn(text, "0") < size;
}

/* Whether `text` is one of "a|b|c". */
static bool is_choice(const char *text, size_t size, const char *choices)
{
	const char *at = choices, *end;

	for (;; at = end + 1) {
		end = strchrnul(at, '|');
		if ((size_t)(end - at) == size && !memcmp(at, text, size))
			return true;
		if (!*end)
			return false;
	}
}

static int read_text(struct reader *reader, enum event_field field, const json_t *value)
{
	const struct field_row *row = &event_fields[field];
	const char *text = json_string_value(value);
	size_t size = json_string_length(value);

	if (!text)
		return refuse_type(reader->error, row->name, "a text", value);
	if (size == 0)
		return 0;
	if (size > row->size_max)
		return event_refuse(reader->error, "too_long", row->name,
				    "%s has %zu bytes, at most %zu are allowed", row->name, size,
				    row->size_max);
	if (row->kind == KIND_HEX && (size != row->size_max || !is_hex(text, size)))
		return event_refuse(reader->error, "wrong_type", row->name,
				    "%s must be %zu lower-case hexadecimal digits, not all 0",
				    row->name, row->size_max);
	if (row->allowed && !is_choice(text, size, row->allowed))
		return event_refuse(reader->error, "out_of_range", row->name,
				    "%s must be one of %s", row->name, row->allowed);
	draft_text(&reader->draft, field, text, size);
	return 0;
}

static int read_number(struct reader *reader, enum event_field field, const json_t *value)
{
	const struct field_row *row = &event_fields[field];
	bool integer = row->kind == KIND_INTEGER;
	double number = json_number_value(value);

	/* Some languages write 5.0 where they mean 5. */
	if (!json_is_number(value) || (integer && number != trunc(number)))
		return refuse_type(reader->error, row->name, integer ? "an integer" : "a number",
				   value);
	if (number < row->min || number > row->max)
		return event_refuse(reader->error, "out_of_range", row->name,
				    "%s must be from %.16g to %.16g", row->name, row->min,
				    row->max);
	draft_number(&reader->draft, field, number);
	return 0;
}

static int read_bool(struct reader *reader, enum event_field field, const json_t *value)
{
	if (!json_is_boolean(value))
		return refuse_type(reader->error, event_fields[field].name, "true or false", value);
	draft_number(&reader->draft, field, json_is_true(value));
	return 0;
}

static int read_labels(struct reader *reader, enum event_field field, const json_t *value)
{
	const char *row_name = event_fields[field].name, *name;
	char *at = reader->labels, quoted[QUOTE_SIZE];
	json_t *labels = (json_t *)(uintptr_t)value, *label;
	size_t size;
	void *each;

	if (!json_is_object(value))
		return refuse_type(reader->error, row_name, "an object of texts", value);
	if (json_object_size(value) > LABELS_MAX)
		return event_refuse(reader->error, "out_of_range", row_name,
				    "labels has %zu entries, at most %d are allowed",
				    json_object_size(value), LABELS_MAX);
	for (each = json_object_iter(labels); each; each = json_object_iter_next(labels, each)) {
		name = json_object_iter_key(each);
		label = json_object_iter_value(each);
		size = json_string_length(label);
		if (!json_is_string(label))
			return event_refuse(reader->error, "wrong_type", row_name,
					    "the label '%s' must be a text", quote(name, quoted));
		if (!*name || strlen(name) > LABEL_NAME_MAX || size > LABEL_VALUE_MAX)
			return event_refuse(
				reader->error, "too_long", row_name,
				"the label '%s' has %zu bytes and a name of %zu, at most %d "
				"and from 1 to %d are allowed",
				quote(name, quoted), size, strlen(name), LABEL_VALUE_MAX,
				LABEL_NAME_MAX);
		at = stpcpy(at, name) + 1;
		at = stpcpy(at, json_string_value(label)) + 1;
	}
	if (at > reader->labels)
		draft_text(&reader->draft, field, reader->labels, (size_t)(at - reader->labels));
	return 0;
}

static int read_any(struct reader *reader, enum event_field field, const json_t *value)
{
	const struct field_row *row = &event_fields[field];
	size_t size;

	reader->details = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
	if (!reader->details)
		return -ENOMEM;
	size = strlen(reader->details);
	if (size > row->size_max)
		return event_refuse(reader->error, "too_long", row->name,
				    "%s has %zu bytes, at most %zu are allowed", row->name, size,
				    row->size_max);
	draft_text(&reader->draft, field, reader->details, size);
	return 0;
}

static int (*const read_kind[])(struct reader *reader, enum event_field field,
				const json_t *value) = {
	[KIND_TEXT] = read_text, [KIND_INTEGER] = read_number, [KIND_NUMBER] = read_number,
	[KIND_BOOL] = read_bool, [KIND_LABELS] = read_labels,  [KIND_ANY] = read_any,
	[KIND_HEX] = read_text,
};

static int read_time(struct reader *reader, const json_t *value)
{
	int64_t arrival = reader->origin->wall_us, us;
	double seconds;

	if (json_is_string(value)) {
		if (event_time_parse(json_string_value(value), json_string_length(value), &us))
			return event_refuse(
				reader->error, "wrong_type", "time",
				"time must be RFC 3339, as 2026-01-31T12:00:00Z, or Unix "
				"seconds");
	} else if (json_is_number(value)) {
		seconds = json_number_value(value);
		us = seconds < 0 ? -1 : seconds > 1e12 ? INT64_MAX : llrint(seconds * 1e6);
	} else {
		return refuse_type(reader->error, "time", "a text or a number", value);
	}
	if (us < arrival - EVENT_SKEW_MAX_US || us > arrival + EVENT_SKEW_MAX_US)
		return event_refuse(reader->error, "out_of_range", "time",
				    "time is more than 24 hours away from the arrival");
	reader->draft.wall_us = us;
	return 0;
}

static int read_type(struct reader *reader, const json_t *object)
{
	const json_t *value = json_object_get(object, "type");
	char quoted[QUOTE_SIZE];
	int type;

	if (!value || (json_is_string(value) && json_string_length(value) == 0))
		return event_refuse(reader->error, "missing_field", "type",
				    "type is missing: every event needs it");
	if (!json_is_string(value))
		return refuse_type(reader->error, "type", "a text", value);
	type = event_type_find(json_string_value(value));
	if (type < 0 || event_types[type].internal)
		return event_refuse(reader->error, "unknown_type", "type",
				    "there is no event type '%s'",
				    quote(json_string_value(value), quoted));
	reader->draft.type = (enum event_type)type;
	return 0;
}

static int read_field(struct reader *reader, const char *name, const json_t *value)
{
	const struct type_row *type = &event_types[reader->draft.type];
	uint64_t known = type->required | type->optional | EVENT_COMMON_FIELDS;
	char quoted[QUOTE_SIZE];
	int field;

	if (!strcmp(name, "type"))
		return 0;
	if (!strcmp(name, "time"))
		return read_time(reader, value);
	field = event_field_find(name);
	if (field < 0 || !(known >> field & 1))
		return event_refuse(reader->error, "unknown_field", quote(name, quoted),
				    "%s has no field '%s'", type->name, quoted);
	return read_kind[event_fields[field].kind](reader, (enum event_field)field, value);
}

static int read_object(struct reader *reader, json_t *object)
{
	uint64_t missing;
	const char *name;
	void *each;
	int err;

	err = read_type(reader, object);
	for (each = json_object_iter(object); each && !err;
	     each = json_object_iter_next(object, each))
		err = read_field(reader, json_object_iter_key(each), json_object_iter_value(each));
	if (err)
		return err;
	missing = event_types[reader->draft.type].required & ~reader->draft.present;
	if (missing) {
		name = event_fields[__builtin_ctzll(missing)].name;
		return event_refuse(reader->error, "missing_field", name,
				    "%s is missing: %s needs it", name,
				    event_types[reader->draft.type].name);
	}
	return 0;
}

static bool over_unix_socket(const struct event_origin *origin)
{
	return origin->way == WAY_DATAGRAM || origin->way == WAY_STREAM;
}

static int parse_object(json_t *object, const struct event_origin *origin, struct event **ret_event,
			struct event_error *ret_error)
{
	struct reader reader;
	int err;

	if (!json_is_object(object))
		return refuse_type(ret_error, "", "an object", object);
	/* The labels are large and need no zeros. */
	reader.draft.present = 0;
	reader.draft.wall_us = origin->wall_us;
	reader.origin = origin;
	reader.error = ret_error;
	reader.details = NULL;
	err = read_object(&reader, object);
	if (!err) {
		if (!(reader.draft.present >> FIELD_PID & 1) && origin->pid &&
		    over_unix_socket(origin))
			draft_number(&reader.draft, FIELD_PID, origin->pid);
		err = draft_build(&reader.draft, origin, ret_event);
	}
	free(reader.details);
	return err;
}

/* In own words: those of the library quote the input. */
static int refuse_json(struct event_error *error, const json_error_t *json)
{
	int position = json->position;

	switch (json_error_code(json)) {
	case json_error_out_of_memory:
		return -ENOMEM;
	case json_error_duplicate_key:
		return event_refuse(error, "invalid_json", "",
				    "a field is there twice, before byte %d", position);
	case json_error_numeric_overflow:
		return event_refuse(error, "out_of_range", "",
				    "a number is too large, before byte %d", position);
	case json_error_invalid_utf8:
		return event_refuse(error, "invalid_json", "", "not UTF-8, before byte %d",
				    position);
	case json_error_premature_end_of_input:
		return event_refuse(error, "invalid_json", "",
				    "the JSON ends too early, at byte %d", position);
	case json_error_end_of_input_expected:
		return event_refuse(error, "invalid_json", "",
				    "something follows the object, at byte %d", position);
	case json_error_null_character:
	case json_error_null_byte_in_key:
		return event_refuse(error, "invalid_json", "", "a text holds a NUL, before byte %d",
				    position);
	default:
		return event_refuse(error, "invalid_json", "", "not a JSON object, before byte %d",
				    position);
	}
}

int event_parse(const char *json, size_t size, const struct event_origin *origin,
		struct event **ret_event, struct event_error *ret_error)
{
	json_error_t error;
	json_t *object;
	int err;

	if (size > EVENT_SIZE_MAX)
		return event_refuse(ret_error, "too_large", "",
				    "the event has %zu bytes, at most %d are "
				    "allowed",
				    size, EVENT_SIZE_MAX);
	object = json_loadb(json, size, JSON_REJECT_DUPLICATES, &error);
	if (!object)
		return refuse_json(ret_error, &error);
	err = parse_object(object, origin, ret_event, ret_error);
	json_decref(object);
	return err;
}
