// SPDX-License-Identifier: Apache-2.0
#include "json_metric.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <string.h>

#include <jansson.h>

#include "families.h"
#include "json_writer.h"
#include "web_query.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const type_names[] = {
	[CUSTOM_COUNTER] = "counter",
	[CUSTOM_GAUGE] = "gauge",
	[CUSTOM_HISTOGRAM] = "histogram",
};

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length > end_length && !strcmp(text + length - end_length, end);
}

/* Letters, digits, underscores (and colons), no digit first, at most 63. */
static bool is_name(const char *text, bool colons)
{
	size_t length = strlen(text), i;

	if (!length || length >= REPORTING_NAME_SIZE || isdigit((unsigned char)text[0]))
		return false;
	for (i = 0; i < length; i++)
		if (!(isascii(text[i]) && isalnum((unsigned char)text[i])) && text[i] != '_' &&
		    !(colons && text[i] == ':'))
			return false;
	return true;
}

static int take_name(const json_t *value, struct reporting_custom *metric,
		     struct event_error *error)
{
	const char *text = json_string_value(value);

	if (!text || !is_name(text, true))
		return web_query_refuse(error, "invalid_value", "name",
					"letters, digits, '_' and ':', no digit first, at most 63");
	memcpy(metric->name, text, strlen(text));
	return 0;
}

static int take_type(const json_t *value, struct reporting_custom *metric,
		     struct event_error *error)
{
	const char *text = json_string_value(value);

	for (metric->type = 0; text && metric->type < COUNT(type_names); metric->type++)
		if (!strcmp(text, type_names[metric->type]))
			return 0;
	return web_query_refuse(error, "invalid_value", "type", "counter, gauge or histogram");
}

static int take_help(const json_t *value, struct reporting_custom *metric,
		     struct event_error *error)
{
	const char *text = json_string_value(value), *at;
	size_t length = json_string_length(value);

	for (at = text; at && (unsigned char)*at >= ' ' && *at != 0x7f; at++)
		;
	if (!text || !length || length >= REPORTING_HELP_SIZE || at != text + length)
		return web_query_refuse(error, "invalid_value", "help",
					"one line of 1 to 159 bytes");
	memcpy(metric->help, text, length);
	return 0;
}

static int take_labels(const json_t *value, struct reporting_custom *metric,
		       struct event_error *error)
{
	const char *text;
	size_t i, j;

	if (!json_is_array(value) || json_array_size(value) > REPORTING_CUSTOM_LABELS)
		return web_query_refuse(error, "invalid_value", "labels",
					"a list of at most %d names", REPORTING_CUSTOM_LABELS);
	for (i = 0; i < json_array_size(value); i++) {
		text = json_string_value(json_array_get(value, i));
		if (!text || !is_name(text, false) || !strcmp(text, "le") ||
		    !strncmp(text, "__", 2))
			return web_query_refuse(error, "invalid_value", "labels",
						"letters, digits and '_', no digit first, at most "
						"63; neither le nor __…");
		for (j = 0; j < i; j++)
			if (!strcmp(metric->labels[j], text))
				return web_query_refuse(error, "invalid_value", "labels",
							"a name is there twice");
		memcpy(metric->labels[i], text, strlen(text));
	}
	return 0;
}

static int take_buckets(const json_t *value, struct reporting_custom *metric,
			struct event_error *error)
{
	const json_t *bound;
	uint32_t i;

	if (!json_is_array(value) || json_array_size(value) > REPORTING_CUSTOM_BOUNDS)
		return web_query_refuse(error, "invalid_value", "buckets",
					"a list of at most %d numbers", REPORTING_CUSTOM_BOUNDS);
	for (i = 0; i < json_array_size(value); i++) {
		bound = json_array_get(value, i);
		metric->bounds[i] = json_number_value(bound);
		if (!json_is_number(bound) || (i && metric->bounds[i] <= metric->bounds[i - 1]))
			return web_query_refuse(error, "invalid_value", "buckets",
						"numbers, ascending");
	}
	metric->bound_count = i;
	return 0;
}

static const struct {
	const char *name;
	int (*take)(const json_t *value, struct reporting_custom *metric,
		    struct event_error *error);
	bool required;
} fields[] = {
	{"name", take_name, true},	{"type", take_type, true},	  {"help", take_help, true},
	{"labels", take_labels, false}, {"buckets", take_buckets, false},
};

static int judge(const struct reporting_custom *metric, struct event_error *error)
{
	static const char *const suffixes[] = {"_total", "_created", "_bucket",
					       "_sum",	 "_count",   "_info"};
	size_t i;

	if (metric->type == CUSTOM_HISTOGRAM && !metric->bound_count)
		return web_query_refuse(error, "missing_field", "buckets",
					"a histogram needs buckets");
	if (metric->type != CUSTOM_HISTOGRAM && metric->bound_count)
		return web_query_refuse(error, "unknown_field", "buckets",
					"only a histogram has buckets");
	if (metric->type == CUSTOM_COUNTER)
		return ends_with(metric->name, "_total")
			       ? 0
			       : web_query_refuse(error, "invalid_value", "name",
						  "the name of a counter ends in _total");
	for (i = 0; i < COUNT(suffixes); i++)
		if (ends_with(metric->name, suffixes[i]))
			return web_query_refuse(error, "invalid_value", "name",
						"only a renderer adds %s", suffixes[i]);
	return 0;
}

static int take_object(json_t *object, struct reporting_custom *metric, struct event_error *error)
{
	const char *key;
	json_t *value;
	size_t i;
	int err;

	json_object_foreach(object, key, value)
	{
		for (i = 0; i < COUNT(fields) && strcmp(key, fields[i].name); i++)
			;
		if (i == COUNT(fields))
			return web_query_refuse(error, "unknown_field",
						is_name(key, true) ? key : "",
						"name, type, help, labels and buckets are known");
	}
	for (i = 0; i < COUNT(fields); i++) {
		value = json_object_get(object, fields[i].name);
		if (!value && fields[i].required)
			return web_query_refuse(error, "missing_field", fields[i].name,
						"it is required");
		err = value ? fields[i].take(value, metric, error) : 0;
		if (err)
			return err;
	}
	return judge(metric, error);
}

int json_metric_parse(const char *json, size_t size, struct reporting_custom *ret_metric,
		      struct event_error *ret_error)
{
	struct reporting_custom metric = {0};
	json_error_t problem;
	json_t *root;
	int err;

	root = size ? json_loadb(json, size, JSON_REJECT_DUPLICATES, &problem) : NULL;
	if (!json_is_object(root)) {
		json_decref(root);
		return web_query_refuse(ret_error, "invalid_json", "", "not one JSON object");
	}
	err = take_object(root, &metric, ret_error);
	json_decref(root);
	if (!err)
		*ret_metric = metric;
	return err;
}

int json_metric_write(const struct reporting_custom *metric, struct text *out)
{
	struct json_writer writer = {.text = out};
	uint32_t i;

	write_open(&writer, NULL, '{');
	write_text(&writer, "name", metric->name);
	write_text(&writer, "type", type_names[metric->type]);
	write_text(&writer, "help", metric->help);
	write_open(&writer, "labels", '[');
	for (i = 0; i < REPORTING_CUSTOM_LABELS && metric->labels[i][0]; i++)
		write_text(&writer, NULL, metric->labels[i]);
	write_close(&writer);
	if (metric->type == CUSTOM_HISTOGRAM) {
		write_open(&writer, "buckets", '[');
		for (i = 0; i < metric->bound_count; i++)
			write_real(&writer, NULL, metric->bounds[i]);
		write_close(&writer);
	}
	write_close(&writer);
	return writer.err;
}

bool json_metric_is_ours(const char *name)
{
	static const char *const parts[] = {"", "_bucket", "_sum", "_count", "_total", "_info"};
	size_t length, i;
	int family;

	for (family = 0; family < FAMILY_COUNT; family++) {
		length = strlen(families[family].name);
		if (ends_with(families[family].name, "_total") && strlen(name) == length - 6 &&
		    !strncmp(name, families[family].name, length - 6))
			return true; /* as OpenMetrics names it */
		if (strncmp(name, families[family].name, length) != 0)
			continue;
		for (i = 0; i < COUNT(parts); i++)
			if (!strcmp(name + length, parts[i]))
				return true;
	}
	return false;
}
