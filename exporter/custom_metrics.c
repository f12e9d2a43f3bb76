// SPDX-License-Identifier: Apache-2.0
#include "custom_metrics.h"

#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MILLION	     1e6
#define VALUE_PREFIX "custom_metric/" /* of the stored values' names */

struct custom_metric {
	struct reporting_custom custom;
	struct family_row row;
	struct tally_family tally;
	uint64_t bounds[REPORTING_CUSTOM_BOUNDS];
	bool kept;
};

struct custom_metrics {
	struct tallies *tallies;
	unsigned count, committed; /* the first so many of `list` */
	struct custom_metric list[REPORTING_CUSTOM_MAX];
};

_Static_assert(REPORTING_CUSTOM_MAX <= FAMILY_DECLARED_MAX, "the model has room for each");
_Static_assert(REPORTING_CUSTOM_LABELS <= FAMILY_LABELS_MAX, "and for their labels");
_Static_assert(REPORTING_CUSTOM_BOUNDS <= TALLY_BOUNDS_MAX, "and the tallies for their bounds");

int custom_metrics_create(struct tallies *tallies, struct custom_metrics **ret_metrics)
{
	struct custom_metrics *metrics = calloc(1, sizeof(*metrics));

	if (!metrics)
		return -ENOMEM;
	metrics->tallies = tallies;
	*ret_metrics = metrics;
	return 0;
}

void custom_metrics_free(struct custom_metrics *metrics)
{
	free(metrics);
}

static int refuse(struct event_error *ret_error, const char *code, const char *field,
		  const char *message)
{
	memset(ret_error, 0, sizeof(*ret_error));
	ret_error->code = code;
	snprintf(ret_error->field, sizeof(ret_error->field), "%s", field);
	snprintf(ret_error->message, sizeof(ret_error->message), "%s", message);
	return -EINVAL;
}

/* Everything but the names' tails in zeroes is compared; help texts may be worded anew. */
static bool same(const struct reporting_custom *a, const struct reporting_custom *b)
{
	unsigned i;

	for (i = 0; i < REPORTING_CUSTOM_LABELS; i++)
		if (strcmp(a->labels[i], b->labels[i]) != 0)
			return false;
	return a->type == b->type && a->bound_count == b->bound_count &&
	       !memcmp(a->bounds, b->bounds, a->bound_count * sizeof(*a->bounds));
}

static void fill(struct custom_metric *metric, const struct reporting_custom *custom, bool kept)
{
	static const enum family_type types[] = {TYPE_COUNTER, TYPE_GAUGE, TYPE_HISTOGRAM};
	uint32_t i;

	memset(metric, 0, sizeof(*metric));
	metric->custom = *custom;
	metric->kept = kept;
	metric->row.name = metric->custom.name;
	metric->row.help = metric->custom.help;
	metric->row.type = types[custom->type];
	metric->row.unit = UNIT_MICRO;
	for (i = 0; i < REPORTING_CUSTOM_LABELS && custom->labels[i][0]; i++)
		metric->row.labels[i] = metric->custom.labels[i];
	for (i = 0; i < custom->bound_count; i++)
		metric->bounds[i] = (uint64_t)round(custom->bounds[i] * MILLION);
	metric->tally.row = &metric->row;
	metric->tally.bounds = metric->bounds;
	metric->tally.bound_count = custom->bound_count;
}

/* Whether two names are one for OpenMetrics: a counter's is without _total there. */
static bool clash(const char *a, const char *b)
{
	size_t size = strlen(a) < strlen(b) ? strlen(a) : strlen(b);

	return !strncmp(a, b, size) && (!strcmp(a + size, "_total") || !strcmp(b + size, "_total"));
}

int custom_metrics_declare(struct custom_metrics *metrics, const struct reporting_custom *custom,
			   bool kept, struct event_error *ret_error)
{
	struct model_labels none = {NULL, 0};
	struct custom_metric *metric;
	unsigned i;
	int err = custom_metric_check(custom, ret_error);

	if (err)
		return err;
	for (i = 0; i < metrics->count; i++) {
		metric = &metrics->list[i];
		if (clash(metric->custom.name, custom->name))
			return refuse(ret_error, "conflicting_metric", "name",
				      "another metric has this name but for _total");
		if (strcmp(metric->custom.name, custom->name) != 0)
			continue;
		if (same(&metric->custom, custom))
			return 0;
		return refuse(ret_error, "conflicting_metric", "name",
			      "a metric of this name is declared with another type, other labels "
			      "or other buckets");
	}
	if (metrics->count == REPORTING_CUSTOM_MAX)
		return refuse(ret_error, "metric_limit", "name",
			      "as many metrics are declared as may be");
	metric = &metrics->list[metrics->count];
	fill(metric, custom, kept);
	tallies_declare(metrics->tallies, FAMILY_COUNT + metrics->count, &metric->tally);
	/* Without labels it can be known in advance. */
	if (!custom->labels[0][0] && custom->type != CUSTOM_GAUGE)
		tally_show(metrics->tallies, FAMILY_COUNT + metrics->count, none);
	metrics->count++;
	return 0;
}

/* The values of the event's labels in the order of the declaration; "" for one that is missing. */
static int order_labels(const struct custom_metric *metric, const struct event *event,
			const char **ret_values, struct event_error *ret_error)
{
	const char *name, *value;
	unsigned i, j;

	for (i = 0; metric->row.labels[i]; i++)
		ret_values[i] = "";
	for (i = 0; event_label(event, i, &name, &value); i++) {
		for (j = 0; metric->row.labels[j] && strcmp(metric->row.labels[j], name) != 0; j++)
			;
		if (!metric->row.labels[j])
			return refuse(ret_error, "unknown_label", "labels",
				      "the metric is declared without one of these labels");
		ret_values[j] = value;
	}
	return 0;
}

/* A number of millionths in the bucket that the value belongs to: compared as it was reported. */
static uint64_t bucket_of(const struct custom_metric *metric, double value)
{
	uint32_t i;

	if (value == 0)
		return 0;
	for (i = 0; i < metric->custom.bound_count; i++)
		if (value <= metric->custom.bounds[i])
			return metric->bounds[i];
	return metric->bounds[i - 1] + 1;
}

int custom_metrics_apply(struct custom_metrics *metrics, const struct event *event,
			 struct event_error *ret_error)
{
	const char *name = event_text(event, FIELD_NAME), *values[FAMILY_LABELS_MAX];
	double value = event_number(event, FIELD_VALUE, 0);
	struct model_labels labels = {values, 0};
	const struct custom_metric *metric;
	unsigned i;
	int err;

	for (i = 0; i < metrics->count && strcmp(metrics->list[i].custom.name, name) != 0; i++)
		;
	if (i == metrics->count)
		return refuse(ret_error, "undeclared_metric", "name",
			      "no metric of this name is declared: see POST /api/v1/metrics");
	metric = &metrics->list[i];
	if (metric->custom.type != CUSTOM_GAUGE && value < 0)
		return refuse(ret_error, "out_of_range", "value",
			      "what a counter adds and a histogram observes is not negative");
	err = order_labels(metric, event, values, ret_error);
	if (err)
		return err;
	labels.count = family_row_labels(&metric->row);
	if (metric->custom.type == CUSTOM_COUNTER)
		return tally_count_real(metrics->tallies, FAMILY_COUNT + i, value, labels);
	if (metric->custom.type == CUSTOM_GAUGE)
		return tally_set(metrics->tallies, FAMILY_COUNT + i, value, NULL, labels);
	return tally_observe(metrics->tallies, FAMILY_COUNT + i, bucket_of(metric, value), value,
			     labels);
}

static char *write_declaration(const struct reporting_custom *custom)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	json_t *labels = json_array(), *buckets = json_array(), *object;
	char *text;
	uint32_t i;

	for (i = 0; i < REPORTING_CUSTOM_LABELS && custom->labels[i][0]; i++)
		json_array_append_new(labels, json_string(custom->labels[i]));
	for (i = 0; i < custom->bound_count; i++)
		json_array_append_new(buckets, json_real(custom->bounds[i]));
	object = json_pack("{s:s, s:s, s:s, s:o, s:o}", "name", custom->name, "type",
			   types[custom->type], "help", custom->help, "labels", labels, "buckets",
			   buckets);
	text = object ? json_dumps(object, JSON_COMPACT) : NULL;
	json_decref(object);
	return text;
}

int custom_metrics_save(const struct custom_metrics *metrics, const struct account_store *store)
{
	char name[sizeof(VALUE_PREFIX) + REPORTING_NAME_SIZE], *value;
	unsigned i;
	int err = 0;

	for (i = metrics->committed; i < metrics->count && !err; i++) {
		if (!metrics->list[i].kept)
			continue;
		value = write_declaration(&metrics->list[i].custom);
		if (!value)
			return -ENOMEM;
		snprintf(name, sizeof(name), VALUE_PREFIX "%s", metrics->list[i].custom.name);
		err = store->put_value(store->context, name, value);
		free(value);
	}
	return err;
}

bool custom_metrics_open(const struct custom_metrics *metrics)
{
	return metrics->count > metrics->committed;
}

void custom_metrics_commit(struct custom_metrics *metrics)
{
	metrics->committed = metrics->count;
}

void custom_metrics_rollback(struct custom_metrics *metrics)
{
	while (metrics->count > metrics->committed)
		tallies_forget(metrics->tallies, FAMILY_COUNT + --metrics->count);
}

int custom_metrics_load(struct custom_metrics *metrics, const char *name, const char *value)
{
	struct reporting_custom custom;
	struct event_error error;
	int err;

	if (strncmp(name, VALUE_PREFIX, strlen(VALUE_PREFIX)) != 0)
		return -ENOENT;
	err = custom_metric_parse(value, &custom, &error);
	if (!err)
		err = custom_metrics_declare(metrics, &custom, true, &error);
	if (!err)
		custom_metrics_commit(metrics);
	return err;
}

void custom_metrics_model(const struct custom_metrics *metrics, struct model *model,
			  enum family ret_declared[FAMILY_DECLARED_MAX])
{
	unsigned i;

	for (i = 0; i < FAMILY_DECLARED_MAX; i++)
		if (i >= metrics->committed ||
		    model_declare(model, &metrics->list[i].row, &ret_declared[i]))
			ret_declared[i] = (enum family)FAMILY_ALL;
}
