// SPDX-License-Identifier: Apache-2.0
#include "emit_event.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_types.h"

void emit_make_id(const uint8_t random[16], char ret_id[EMIT_ID_SIZE])
{
	uint8_t bytes[16];
	char *at = ret_id;
	unsigned i;

	memcpy(bytes, random, sizeof(bytes));
	bytes[6] = (uint8_t)((bytes[6] & 0x0f) | 0x40); /* version 4 */
	bytes[8] = (uint8_t)((bytes[8] & 0x3f) | 0x80); /* variant of RFC 9562 */
	for (i = 0; i < sizeof(bytes); i++)
		at += sprintf(at, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x",
			      bytes[i]);
}

static void add_defaults(json_t *object, const struct emit_defaults *defaults)
{
	if (defaults->id[0] && !json_object_get(object, "id"))
		json_object_set_new(object, "id", json_string(defaults->id));
	if (defaults->pid && !json_object_get(object, "pid"))
		json_object_set_new(object, "pid", json_integer(defaults->pid));
}

/* A number as it stands there; what is none stays a text, and is refused by name. */
static json_t *read_number(const char *text)
{
	char *end;
	double number = strtod(text, &end);

	if (!*text || *end || !isfinite(number))
		return json_string(text);
	return number == trunc(number) && fabs(number) < 1e15 ? json_integer((json_int_t)number)
							      : json_real(number);
}

static json_t *read_bool(const char *text)
{
	static const char *const words[2][4] = {{"false", "0", "no", "off"},
						{"true", "1", "yes", "on"}};
	unsigned i;

	for (i = 0; i < 8; i++)
		if (!strcmp(text, words[i / 4][i % 4]))
			return json_boolean(i / 4);
	return json_string(text);
}

static json_t *read_json(const char *text)
{
	return json_loads(text, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, NULL);
}

/* "region=eu,tier=1"; NULL when a part has no '='. */
static json_t *read_labels(const char *text)
{
	json_t *labels = json_object();
	const char *at, *end, *equals;
	char name[64];

	for (at = text; *at; at = *end ? end + 1 : end) {
		end = strchrnul(at, ',');
		equals = memchr(at, '=', (size_t)(end - at));
		if (!equals || equals - at >= (ptrdiff_t)sizeof(name)) {
			json_decref(labels);
			return NULL;
		}
		snprintf(name, sizeof(name), "%.*s", (int)(equals - at), at);
		json_object_set_new(labels, name,
				    json_stringn(equals + 1, (size_t)(end - equals - 1)));
	}
	return labels;
}

static json_t *read_any(const char *text)
{
	json_t *value = read_json(text);

	return value ? value : json_string(text);
}

/* By enum field_kind. */
static json_t *(*const read_kind[])(const char *text) = {
	[KIND_TEXT] = json_string, [KIND_INTEGER] = read_number, [KIND_NUMBER] = read_number,
	[KIND_BOOL] = read_bool,   [KIND_LABELS] = read_labels,	 [KIND_ANY] = read_any,
	[KIND_HEX] = json_string,
};

static int add_word(json_t *object, const char *word, char *problem)
{
	const char *equals = strchr(word, '='), *end = equals;
	json_t *value;
	char name[64];
	int field;

	if (equals && equals > word && equals[-1] == ':')
		end--;
	if (!equals || end == word || end - word >= (ptrdiff_t)sizeof(name)) {
		snprintf(problem, EMIT_PROBLEM_SIZE, "'%.40s' is not field=value or field:=JSON",
			 word);
		return -EINVAL;
	}
	snprintf(name, sizeof(name), "%.*s", (int)(end - word), word);
	field = event_field_find(name);
	if (end != equals)
		value = read_json(equals + 1);
	else if (!strcmp(name, "time"))
		value = read_number(equals + 1); /* a date stays a text */
	else
		value = field < 0 ? json_string(equals + 1)
				  : read_kind[event_fields[field].kind](equals + 1);
	if (!value) {
		snprintf(problem, EMIT_PROBLEM_SIZE, "the value of '%s' is not %s", name,
			 end != equals		 ? "JSON"
			 : field == FIELD_LABELS ? "name=value,name=value in UTF-8"
						 : "UTF-8");
		return -EINVAL;
	}
	if (json_object_get(object, name)) {
		json_decref(value);
		snprintf(problem, EMIT_PROBLEM_SIZE, "'%s' is there twice", name);
		return -EINVAL;
	}
	if (json_object_set_new(object, name, value)) {
		snprintf(problem, EMIT_PROBLEM_SIZE, "the name of a field is not UTF-8");
		return -EINVAL;
	}
	return 0;
}

int emit_event(const char *type, char *const *words, int count,
	       const struct emit_defaults *defaults, char **ret_json,
	       char ret_problem[EMIT_PROBLEM_SIZE])
{
	json_t *object = json_object();
	char *json;
	int i, err = 0;

	if (json_object_set_new(object, "type", json_string(type))) {
		snprintf(ret_problem, EMIT_PROBLEM_SIZE, "the type is not UTF-8");
		err = -EINVAL;
	}
	for (i = 0; i < count && !err; i++)
		err = add_word(object, words[i], ret_problem);
	if (!err) {
		add_defaults(object, defaults);
		json = json_dumps(object, JSON_COMPACT);
		if (json)
			*ret_json = json;
		else
			err = -ENOMEM;
	}
	json_decref(object);
	return err;
}

char *emit_line(const char *line, size_t size, const struct emit_defaults *defaults)
{
	json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
	char *json;

	if (!json_is_object(object)) {
		json_decref(object);
		return strndup(line, size);
	}
	add_defaults(object, defaults);
	json = json_dumps(object, JSON_COMPACT);
	json_decref(object);
	return json;
}
