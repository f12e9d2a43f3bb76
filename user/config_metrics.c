// SPDX-License-Identifier: Apache-2.0
/* The schema of custom metrics. That a name is not one of Operaglass' own is the exporter's check. */
#include <errno.h>
#include <string.h>

#include "config_draft.h"
#include "config_value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NAME_ALLOWED "letters, digits, '_' and ':', no digit first, at most 63"
#define LABEL_ALLOWED \
	"letters, digits and '_', no digit first, at most 63; neither le nor a name that begins with __"
#define HELP_ALLOWED  "one line of at most 159 bytes"
#define BOUND_ALLOWED "numbers, ascending"

const char *const config_custom_types[3] = {
	[CUSTOM_COUNTER] = "counter",
	[CUSTOM_GAUGE] = "gauge",
	[CUSTOM_HISTOGRAM] = "histogram",
};

/* An entry in the making. */
struct metric_draft {
	struct reporting_custom metric;
	const struct reporting_settings *settings;
	uint32_t label_count;
	bool typed;
};

static int parse_name(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct metric_draft *draft = into;
	const char *text, *why;
	int err = config_reader_text(reader, key, NAME_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_metric(text, true, draft->metric.name, &why))
		return config_reader_fail_value(reader, key, text, why, NAME_ALLOWED);
	for (uint32_t i = 0; i < draft->settings->custom_count; i++)
		if (strcmp(draft->settings->custom[i].name, text) == 0)
			return config_fail(&reader->report, config_reader_mark(reader),
					   "duplicate metric '%s' (allowed: each name once)", text);
	return config_reader_next(reader);
}

static int parse_type(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct metric_draft *draft = into;
	const char *text;
	int err = config_reader_text(reader, key, "counter, gauge, histogram", &text);

	if (err)
		return err;
	for (uint32_t i = 0; i < COUNT(config_custom_types); i++) {
		if (strcmp(text, config_custom_types[i]) != 0)
			continue;
		draft->metric.type = i;
		draft->typed = true;
		return config_reader_next(reader);
	}
	return config_reader_fail_value(reader, key, text, "no such type",
					"counter, gauge, histogram");
}

static int parse_help(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct metric_draft *draft = into;
	const char *text;
	int err = config_reader_text(reader, key, HELP_ALLOWED, &text);

	if (err)
		return err;
	if (strlen(text) == 0 || strlen(text) >= REPORTING_HELP_SIZE)
		return config_reader_fail_value(reader, key, text, "empty or too long",
						HELP_ALLOWED);
	for (const char *at = text; *at; at++)
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			return config_reader_fail_value(reader, key, text, "a control character",
							HELP_ALLOWED);
	memcpy(draft->metric.help, text, strlen(text));
	return config_reader_next(reader);
}

static int parse_label(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct metric_draft *draft = into;
	char label[REPORTING_NAME_SIZE];
	const char *text, *why;
	int err = config_reader_text(reader, key, LABEL_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_metric(text, false, label, &why))
		return config_reader_fail_value(reader, key, text, why, LABEL_ALLOWED);
	if (strcmp(label, "le") == 0 || strncmp(label, "__", 2) == 0)
		return config_reader_fail_value(reader, key, text, "reserved", LABEL_ALLOWED);
	for (uint32_t i = 0; i < draft->label_count; i++)
		if (strcmp(draft->metric.labels[i], label) == 0)
			return config_reader_fail_value(reader, key, text, "there already",
							LABEL_ALLOWED);
	if (draft->label_count == REPORTING_CUSTOM_LABELS)
		return config_fail(&reader->report, config_reader_mark(reader),
				   "too many labels (allowed: %d)", REPORTING_CUSTOM_LABELS);
	memcpy(draft->metric.labels[draft->label_count++], label, sizeof(label));
	return config_reader_next(reader);
}

static int parse_labels(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_label, into);
}

static int parse_bucket(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct metric_draft *draft = into;
	struct reporting_custom *metric = &draft->metric;
	const char *text, *why;
	double bound;
	int err = config_reader_plain(reader, key, BOUND_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_number(text, &bound, &why))
		return config_reader_fail_value(reader, key, text, why, BOUND_ALLOWED);
	if (metric->bound_count && bound <= metric->bounds[metric->bound_count - 1])
		return config_reader_fail_value(reader, key, text, "not above the one before it",
						BOUND_ALLOWED);
	if (metric->bound_count == REPORTING_CUSTOM_BOUNDS)
		return config_fail(&reader->report, config_reader_mark(reader),
				   "too many buckets (allowed: %d)", REPORTING_CUSTOM_BOUNDS);
	metric->bounds[metric->bound_count++] = bound;
	return config_reader_next(reader);
}

static int parse_buckets(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_bucket, into);
}

static const struct config_key metric_keys[] = {
	{.name = "name", .parse = parse_name},	     {.name = "type", .parse = parse_type},
	{.name = "help", .parse = parse_help},	     {.name = "labels", .parse = parse_labels},
	{.name = "buckets", .parse = parse_buckets},
};

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);

	return length > end_length && strcmp(text + length - end_length, end) == 0;
}

/* What OpenMetrics makes of a name must not be another family's. */
static const char *judge_name(const struct reporting_custom *metric)
{
	static const char *const suffixes[] = {"_total", "_created", "_bucket",
					       "_sum",	 "_count",   "_info"};

	if (metric->type == CUSTOM_COUNTER)
		return ends_with(metric->name, "_total") ? NULL
							 : "the name of a counter ends in _total";
	for (size_t i = 0; i < COUNT(suffixes); i++)
		if (ends_with(metric->name, suffixes[i]))
			return "_total, _created, _bucket, _sum, _count and _info are endings that "
			       "only a renderer adds";
	return NULL;
}

static const char *judge(const struct metric_draft *draft)
{
	const struct reporting_custom *metric = &draft->metric;

	if (!draft->typed)
		return "it has no type (needed: name, type, help)";
	if (!metric->help[0])
		return "it has no help (needed: name, type, help)";
	if (metric->type == CUSTOM_HISTOGRAM && metric->bound_count == 0)
		return "a histogram needs buckets";
	if (metric->type != CUSTOM_HISTOGRAM && metric->bound_count)
		return "only a histogram has buckets";
	return judge_name(metric);
}

static int parse_metric(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_draft *draft = into;
	struct reporting_settings *settings = &draft->config.reporting.settings;
	struct metric_draft entry = {.settings = settings};
	struct config_scope scope = {.noun = "metric", .number = settings->custom_count + 1};
	struct config_mark mark = config_reader_mark(reader);
	const char *why;
	int err;

	(void)key;
	if (settings->custom_count == REPORTING_CUSTOM_MAX)
		return config_fail(&reader->report, mark, "too many metrics (allowed: %d)",
				   REPORTING_CUSTOM_MAX);
	err = config_reader_mapping(reader, metric_keys, COUNT(metric_keys), &scope, &entry);
	if (err)
		return err;
	if (!entry.metric.name[0])
		return config_fail(&reader->report, mark,
				   "metric %u has no name (needed: name, type, help)",
				   scope.number);
	why = judge(&entry);
	if (why)
		return config_fail(&reader->report, mark, "bad metric '%s': %s", entry.metric.name,
				   why);
	settings->custom[settings->custom_count++] = entry.metric;
	return 0;
}

int config_parse_metrics(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_metric, into);
}
