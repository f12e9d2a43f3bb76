// SPDX-License-Identifier: Apache-2.0
#include "text.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Longest line: a name, all labels with every byte escaped, a bound, a value, and what is between
 * them. */
#define LINE_MAX_SIZE \
	(128 + FAMILY_LABELS_MAX * (64 + 2 * MODEL_LABEL_MAX) + 2 * TEXT_NUMBER_SIZE + 64)
/* Bounds rendered once per family instead of once per series. */
#define BOUNDS_KEPT 64

const char *const text_content_types[TEXT_FORMATS] = {
	"text/plain; version=0.0.4; charset=utf-8",
	"application/openmetrics-text; version=1.0.0; charset=utf-8",
};

static const char *const type_names[TEXT_FORMATS][4] = {
	{"counter", "gauge", "histogram", "gauge"},
	{"counter", "gauge", "histogram", "info"},
};
/* What OpenMetrics takes off the name of a family for its metadata. */
static const char *const type_suffixes[] = {"_total", "", "", "_info"};
static const char *const unit_names[UNITS] = {"", "seconds", "bytes", ""};

struct rendered_bounds {
	const uint64_t *bounds;
	uint32_t count;
	enum family_unit unit;
	uint8_t length[BOUNDS_KEPT];
	char text[BOUNDS_KEPT][TEXT_NUMBER_SIZE];
};

struct renderer {
	const struct model *model;
	enum text_format format;
	struct text *out;
	struct rendered_bounds bounds;
	size_t labels_size;					     /* of `labels` */
	char labels[FAMILY_LABELS_MAX * (64 + 2 * MODEL_LABEL_MAX)]; /* a="x",b="y" */
};

int text_reserve(struct text *out, size_t more)
{
	size_t wanted = out->capacity ? out->capacity : 16384;
	char *moved;

	if (more <= out->capacity - out->size)
		return 0;
	while (wanted - out->size < more)
		wanted *= 2;
	moved = realloc(out->data, wanted);
	if (!moved)
		return -ENOMEM;
	out->data = moved;
	out->capacity = wanted;
	return 0;
}

void text_release(struct text *out)
{
	free(out->data);
	memset(out, 0, sizeof(*out));
}

static char *put(char *at, const char *string, size_t size)
{
	memcpy(at, string, size);
	return at + size;
}

#define put_literal(at, literal) put(at, literal, sizeof(literal) - 1)

static char *put_string(char *at, const char *string)
{
	return put(at, string, strlen(string));
}

/* "# KIND name text\n" */
static char *put_metadata(char *at, const char *kind, const char *name, size_t name_size,
			  const char *text)
{
	at = put_literal(at, "# ");
	at = put_string(at, kind);
	*at++ = ' ';
	at = put(at, name, name_size);
	*at++ = ' ';
	at = put_string(at, text);
	*at++ = '\n';
	return at;
}

static int render_head(struct renderer *r, const struct family_row *row)
{
	bool open = r->format == TEXT_OPENMETRICS;
	size_t name_size = strlen(row->name);
	const char *type = type_names[r->format][row->type];
	char *at;

	if (text_reserve(r->out, 3 * (name_size + 16) + strlen(row->help) + 64))
		return -ENOMEM;
	if (open && row->shadowed)
		type = "unknown";
	else if (open)
		name_size -= strlen(type_suffixes[row->type]);
	at = r->out->data + r->out->size;
	at = put_metadata(at, "HELP", row->name, name_size, row->help);
	at = put_metadata(at, "TYPE", row->name, name_size, type);
	if (open && unit_names[row->unit][0] && !row->shadowed)
		at = put_metadata(at, "UNIT", row->name, name_size, unit_names[row->unit]);
	r->out->size = (size_t)(at - r->out->data);
	return 0;
}

static void render_labels(struct renderer *r, const struct family_row *row,
			  const struct sample *sample)
{
	char *at = r->labels;
	unsigned i;

	for (i = 0; row->labels[i]; i++) {
		if (i > 0)
			*at++ = ',';
		at = put_string(at, row->labels[i]);
		at = put_literal(at, "=\"");
		at = text_label(sample->labels[i], at);
		*at++ = '"';
	}
	r->labels_size = (size_t)(at - r->labels);
}

/* name + suffix + {labels} and a blank */
static char *put_name(const struct renderer *r, char *at, const char *name, const char *suffix)
{
	at = put_string(at, name);
	at = put_string(at, suffix);
	if (r->labels_size) {
		*at++ = '{';
		at = put(at, r->labels, r->labels_size);
		*at++ = '}';
	}
	*at++ = ' ';
	return at;
}

/* name_bucket{labels,le=" */
static char *put_bucket(const struct renderer *r, char *at, const char *name)
{
	at = put_string(at, name);
	at = put_literal(at, "_bucket{");
	at = put(at, r->labels, r->labels_size);
	return r->labels_size ? put_literal(at, ",le=\"") : put_literal(at, "le=\"");
}

static char *put_integer(char *at, uint64_t value, enum family_unit unit)
{
	return text_decimal(value, family_unit_decimals(unit), at);
}

static void keep_bounds(struct rendered_bounds *kept, const struct distribution *distribution,
			enum family_unit unit)
{
	uint32_t i;

	if (kept->count == distribution->bound_count && kept->bounds == distribution->bounds &&
	    kept->unit == unit)
		return;
	kept->bounds = distribution->bounds;
	kept->count = distribution->bound_count;
	kept->unit = unit;
	for (i = 0; i < distribution->bound_count && i < BOUNDS_KEPT; i++)
		kept->length[i] =
			(uint8_t)(text_bound(distribution->bounds[i], unit, kept->text[i]) -
				  kept->text[i]);
}

static int render_distribution(struct renderer *r, const struct family_row *row,
			       const struct distribution *d)
{
	uint64_t cumulative = 0;
	char *at, *first;
	size_t begin_size;
	uint32_t i;

	if (text_reserve(r->out, (d->bound_count + 3) * (size_t)LINE_MAX_SIZE))
		return -ENOMEM;
	keep_bounds(&r->bounds, d, row->unit);
	at = r->out->data + r->out->size;
	/* Every bucket's line begins as the first one does. */
	first = at;
	at = put_bucket(r, at, row->name);
	begin_size = (size_t)(at - first);
	for (i = 0; i <= d->bound_count; i++) {
		cumulative += d->counts[i];
		if (i > 0)
			at = put(at, first, begin_size);
		if (i == d->bound_count)
			at = put_literal(at, "+Inf");
		else if (i < BOUNDS_KEPT)
			at = put(at, r->bounds.text[i], r->bounds.length[i]);
		else
			at = text_bound(d->bounds[i], row->unit, at);
		at = put_literal(at, "\"} ");
		at = text_integer(cumulative, at);
		*at++ = '\n';
	}
	at = put_name(r, at, row->name, "_sum");
	if (d->real_sum != 0)
		at = text_real(d->real_sum + (double)d->sum / family_unit_scale(row->unit), at);
	else
		at = put_integer(at, d->sum, row->unit);
	*at++ = '\n';
	at = put_name(r, at, row->name, "_count");
	at = text_integer(cumulative, at);
	*at++ = '\n';
	r->out->size = (size_t)(at - r->out->data);
	return 0;
}

static int render_series(struct renderer *r, const struct family_row *row,
			 const struct series *series)
{
	struct sample sample;
	char *at;

	model_sample(r->model, series, &sample);
	render_labels(r, row, &sample);
	if (sample.kind == VALUE_DISTRIBUTION)
		return render_distribution(r, row, &sample.distribution);
	if (text_reserve(r->out, LINE_MAX_SIZE))
		return -ENOMEM;
	at = put_name(r, r->out->data + r->out->size, row->name, "");
	at = sample.kind == VALUE_REAL ? text_real(sample.real, at)
				       : put_integer(at, sample.integer, row->unit);
	*at++ = '\n';
	r->out->size = (size_t)(at - r->out->data);
	return 0;
}

int text_render(const struct model *model, enum text_format format, struct text *out)
{
	struct renderer r = {.model = model, .format = format, .out = out};
	const struct family_row *row;
	const struct series *series;
	unsigned family;
	int err = 0;

	for (family = 0; family < model_family_count(model) && !err; family++) {
		row = model_family_row(model, family);
		err = render_head(&r, row);
		for (series = model_first(model, (enum family)family); series && !err;
		     series = model_next(model, series))
			err = render_series(&r, row, series);
	}
	if (!err && format == TEXT_OPENMETRICS) {
		err = text_reserve(out, 8);
		if (!err)
			out->size =
				(size_t)(put_literal(out->data + out->size, "# EOF\n") - out->data);
	}
	return err;
}
