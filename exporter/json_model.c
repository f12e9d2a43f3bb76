// SPDX-License-Identifier: Apache-2.0
#include "json_model.h"

#include "json_writer.h"

static const char *const type_names[] = {
	[TYPE_COUNTER] = "counter",
	[TYPE_GAUGE] = "gauge",
	[TYPE_HISTOGRAM] = "histogram",
	[TYPE_INFO] = "info",
};
static const char *const unit_names[UNITS] = {
	[UNIT_NONE] = "", [UNIT_SECONDS] = "seconds", [UNIT_BYTES] = "bytes", [UNIT_MICRO] = ""};

static void write_distribution(struct json_writer *writer, const struct distribution *distribution,
			       enum family_unit unit)
{
	char bound[TEXT_NUMBER_SIZE + 1];
	uint64_t sum = 0;
	uint32_t i;

	write_open(writer, "buckets", '[');
	for (i = 0; i <= distribution->bound_count; i++) {
		sum += distribution->counts[i];
		write_open(writer, NULL, '{');
		if (i < distribution->bound_count)
			*text_bound(distribution->bounds[i], unit, bound) = '\0';
		write_text(writer, "le", i < distribution->bound_count ? bound : "+Inf");
		write_unsigned(writer, "count", sum);
		write_close(writer);
	}
	write_close(writer);
	write_unsigned(writer, "count", sum);
	if (distribution->real_sum != 0)
		write_real(writer, "sum",
			   distribution->real_sum +
				   (double)distribution->sum / family_unit_scale(unit));
	else
		write_decimal(writer, "sum", distribution->sum, family_unit_decimals(unit));
}

static void write_series(struct json_writer *writer, const struct family_row *row,
			 const struct sample *sample)
{
	unsigned i;

	write_open(writer, NULL, '{');
	write_open(writer, "labels", '{');
	for (i = 0; row->labels[i]; i++)
		write_text(writer, row->labels[i], sample->labels[i]);
	write_close(writer);
	if (sample->kind == VALUE_DISTRIBUTION)
		write_distribution(writer, &sample->distribution, row->unit);
	else if (sample->kind == VALUE_REAL)
		write_real(writer, "value", sample->real);
	else
		write_decimal(writer, "value", sample->integer, family_unit_decimals(row->unit));
	write_close(writer);
}

int json_model_render(const struct model *model, struct text *out)
{
	struct json_writer writer = {.text = out};
	const struct family_row *row;
	const struct series *series;
	struct sample sample;
	unsigned family;

	write_open(&writer, NULL, '{');
	write_open(&writer, "families", '[');
	for (family = 0; family < model_family_count(model); family++) {
		row = model_family_row(model, family);
		write_open(&writer, NULL, '{');
		write_text(&writer, "name", row->name);
		write_text(&writer, "type", type_names[row->type]);
		write_text(&writer, "unit", unit_names[row->unit]);
		write_text(&writer, "help", row->help);
		write_open(&writer, "series", '[');
		for (series = model_first(model, (enum family)family); series;
		     series = model_next(model, series)) {
			model_sample(model, series, &sample);
			write_series(&writer, row, &sample);
		}
		write_close(&writer);
		write_close(&writer);
	}
	write_close(&writer);
	write_close(&writer);
	return writer.err;
}
