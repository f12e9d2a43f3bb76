// SPDX-License-Identifier: Apache-2.0
/* What a declaration of a custom metric may say. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "custom_metrics.h"
#include "utf8.h"

#define NAME_START "abcdefghijklmnopqrstuvwxyz_"
#define NAME_CHARS NAME_START "0123456789"
/* A bound in millionths that a double still holds exactly. */
#define BOUND_MAX 9e9

static const char *const type_names[] = {"counter", "gauge", "histogram"};

static int refuse(struct event_error *ret_error, const char *code, const char *field,
		  const char *format, ...) __attribute__((format(printf, 4, 5)));

static int refuse(struct event_error *ret_error, const char *code, const char *field,
		  const char *format, ...)
{
	va_list list;

	memset(ret_error, 0, sizeof(*ret_error));
	ret_error->code = code;
	snprintf(ret_error->field, sizeof(ret_error->field), "%s", field);
	va_start(list, format);
	vsnprintf(ret_error->message, sizeof(ret_error->message), format, list);
	va_end(list);
	return -EINVAL;
}

static bool is_name(const char *name)
{
	return name[0] && strchr(NAME_START, name[0]) && strspn(name, NAME_CHARS) == strlen(name);
}

static bool ends_with(const char *name, const char *end)
{
	size_t size = strlen(name), end_size = strlen(end);

	return size > end_size && !strcmp(name + size - end_size, end);
}

/* The length of the name as OpenMetrics knows the family. */
static size_t base_size(const char *name)
{
	return strlen(name) - (ends_with(name, "_total") ? strlen("_total") : 0);
}

static int check_name(const char *name, uint32_t type, struct event_error *ret_error)
{
	static const char *const ends[] = {"_bucket", "_sum", "_count", "_info", "_created"};
	static const char *const prefixes[] = {"operaglass_", "process_",    "telegram_api_",
					       "upstream_",   "escalation_", "orchestrate_agent",
					       "__"};
	unsigned i;

	if (!is_name(name))
		return refuse(ret_error, "invalid_name", "name",
			      "a name consists of a-z, 0-9 and _ and does not begin with a digit");
	for (i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (ends_with(name, ends[i]))
			return refuse(ret_error, "invalid_name", "name", "a name may not end in %s",
				      ends[i]);
	for (i = 0; i < sizeof(prefixes) / sizeof(*prefixes); i++)
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return refuse(ret_error, "reserved_name", "name",
				      "names that begin with %s are Operaglass' own", prefixes[i]);
	if (ends_with(name, "_total") != (type == CUSTOM_COUNTER))
		return refuse(ret_error, "invalid_name", "name",
			      "the name of a counter ends in _total, and no other name does");
	for (i = 0; i < FAMILY_COUNT; i++)
		if (base_size(families[i].name) == base_size(name) &&
		    !strncmp(families[i].name, name, base_size(name)))
			return refuse(ret_error, "reserved_name", "name",
				      "%s is one of Operaglass' own metrics", families[i].name);
	return 0;
}

static int check_help(const char *help, struct event_error *ret_error)
{
	const unsigned char *at = (const unsigned char *)help;
	size_t length;

	if (!help[0])
		return refuse(ret_error, "missing_field", "help", "a metric needs a help text");
	for (; *at; at += length) {
		length = utf8_length(at, strnlen((const char *)at, 4));
		if (!length || *at < ' ' || *at == 0x7f || *at == '\\' || *at == '"')
			return refuse(ret_error, "invalid_help", "help",
				      "a help text is UTF-8 without backslash, quote or control "
				      "character");
	}
	return 0;
}

static int check_labels(const struct reporting_custom *custom, struct event_error *ret_error)
{
	const char *label;
	unsigned i, j;

	for (i = 0; i < REPORTING_CUSTOM_LABELS && custom->labels[i][0]; i++) {
		label = custom->labels[i];
		if (!is_name(label) || !strncmp(label, "__", 2))
			return refuse(ret_error, "invalid_label", "labels",
				      "a label consists of a-z, 0-9 and _, and does not begin with "
				      "a digit or with __");
		if (!strcmp(label, "le") || !strcmp(label, "quantile"))
			return refuse(ret_error, "invalid_label", "labels",
				      "a label may not be named %s", label);
		for (j = 0; j < i; j++)
			if (!strcmp(custom->labels[j], label))
				return refuse(ret_error, "invalid_label", "labels",
					      "a label may not be there twice");
	}
	return 0;
}

static int check_bounds(const struct reporting_custom *custom, struct event_error *ret_error)
{
	double last = -1;
	uint32_t i;

	if (custom->type != CUSTOM_HISTOGRAM && custom->bound_count)
		return refuse(ret_error, "invalid_buckets", "buckets",
			      "only a histogram has buckets");
	if (custom->type != CUSTOM_HISTOGRAM)
		return 0;
	if (custom->bound_count == 0 || custom->bound_count > REPORTING_CUSTOM_BOUNDS)
		return refuse(ret_error, "invalid_buckets", "buckets",
			      "a histogram has 1 to %d buckets", REPORTING_CUSTOM_BOUNDS);
	for (i = 0; i < custom->bound_count; i++) {
		if (!(custom->bounds[i] >= 0 && custom->bounds[i] <= BOUND_MAX) ||
		    round(custom->bounds[i] * 1e6) <= round(last * 1e6))
			return refuse(ret_error, "invalid_buckets", "buckets",
				      "buckets ascend by at least a millionth, from 0 to 9e9");
		last = custom->bounds[i];
	}
	return 0;
}

int custom_metric_check(const struct reporting_custom *custom, struct event_error *ret_error)
{
	int err;

	if (custom->type > CUSTOM_HISTOGRAM)
		return refuse(ret_error, "invalid_type", "type",
			      "a type is counter, gauge or histogram");
	err = check_name(custom->name, custom->type, ret_error);
	if (!err)
		err = check_help(custom->help, ret_error);
	if (!err)
		err = check_labels(custom, ret_error);
	return err ? err : check_bounds(custom, ret_error);
}

/* A text of the object into a fixed place. */
static int take_text(const json_t *value, const char *field, char *out, size_t size,
		     struct event_error *ret_error)
{
	if (!value)
		return refuse(ret_error, "missing_field", field, "%s is missing", field);
	if (!json_is_string(value))
		return refuse(ret_error, "wrong_type", field, "%s must be a text", field);
	if (json_string_length(value) >= size || strlen(json_string_value(value)) == 0)
		return refuse(ret_error, "too_long", field, "%s must have 1 to %zu bytes", field,
			      size - 1);
	memcpy(out, json_string_value(value), json_string_length(value) + 1);
	return 0;
}

static int take_labels(const json_t *labels, struct reporting_custom *custom,
		       struct event_error *ret_error)
{
	size_t i;
	int err = 0;

	if (!labels)
		return 0;
	if (!json_is_array(labels) || json_array_size(labels) > REPORTING_CUSTOM_LABELS)
		return refuse(ret_error, "wrong_type", "labels",
			      "labels must be an array of at most %d texts",
			      REPORTING_CUSTOM_LABELS);
	for (i = 0; i < json_array_size(labels) && !err; i++)
		err = take_text(json_array_get(labels, i), "labels", custom->labels[i],
				sizeof(custom->labels[i]), ret_error);
	return err;
}

static int take_bounds(const json_t *buckets, struct reporting_custom *custom,
		       struct event_error *ret_error)
{
	static const double defaults[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10};
	size_t i;

	if (!buckets && custom->type == CUSTOM_HISTOGRAM) {
		memcpy(custom->bounds, defaults, sizeof(defaults));
		custom->bound_count = sizeof(defaults) / sizeof(*defaults);
	}
	if (!buckets)
		return 0;
	if (!json_is_array(buckets) || json_array_size(buckets) > REPORTING_CUSTOM_BOUNDS)
		return refuse(ret_error, "wrong_type", "buckets",
			      "buckets must be an array of at most %d numbers",
			      REPORTING_CUSTOM_BOUNDS);
	for (i = 0; i < json_array_size(buckets); i++) {
		if (!json_is_number(json_array_get(buckets, i)))
			return refuse(ret_error, "wrong_type", "buckets",
				      "buckets must be numbers");
		custom->bounds[custom->bound_count++] =
			json_number_value(json_array_get(buckets, i));
	}
	return 0;
}

static int take_type(const json_t *type, struct reporting_custom *custom,
		     struct event_error *ret_error)
{
	const char *name = json_string_value(type);
	uint32_t i;

	for (i = 0; name && i < sizeof(type_names) / sizeof(*type_names); i++) {
		if (!strcmp(name, type_names[i])) {
			custom->type = i;
			return 0;
		}
	}
	return refuse(ret_error, type ? "invalid_type" : "missing_field", "type",
		      "type must be counter, gauge or histogram");
}

static int take(json_t *object, struct reporting_custom *custom, struct event_error *ret_error)
{
	static const char *const known[] = {"name", "type", "help", "labels", "buckets"};
	const char *key;
	json_t *value;
	unsigned i;
	int err;

	if (!json_is_object(object))
		return refuse(ret_error, "invalid_json", "", "a declaration is a JSON object");
	json_object_foreach(object, key, value)
	{
		for (i = 0; i < sizeof(known) / sizeof(*known) && strcmp(key, known[i]) != 0; i++)
			;
		if (i == sizeof(known) / sizeof(*known))
			return refuse(ret_error, "unknown_field", "",
				      "a declaration has name, type, help, labels and buckets, and "
				      "nothing else");
	}
	err = take_text(json_object_get(object, "name"), "name", custom->name, sizeof(custom->name),
			ret_error);
	if (!err)
		err = take_type(json_object_get(object, "type"), custom, ret_error);
	if (!err)
		err = take_text(json_object_get(object, "help"), "help", custom->help,
				sizeof(custom->help), ret_error);
	if (!err)
		err = take_labels(json_object_get(object, "labels"), custom, ret_error);
	return err ? err : take_bounds(json_object_get(object, "buckets"), custom, ret_error);
}

int custom_metric_parse(const char *json, struct reporting_custom *ret_custom,
			struct event_error *ret_error)
{
	struct reporting_custom custom = {0};
	json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
	int err = take(object, &custom, ret_error);

	json_decref(object);
	if (!err)
		err = custom_metric_check(&custom, ret_error);
	if (!err)
		*ret_custom = custom;
	return err;
}
