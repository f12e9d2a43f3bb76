// SPDX-License-Identifier: Apache-2.0
/*
 * Input: series, each as a family, a value and label values. Whatever they are, the exposition is
 * lines of valid UTF-8, every quote in a label is closed, and the number of lines is the one that
 * the model promises.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "model.h"
#include "text.h"
#include "utf8.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Takes a C string off the input: up to a zero byte or its end. */
static const char *take_string(const uint8_t **data, size_t *size, char *buffer, size_t buffer_size)
{
	size_t used = 0;

	while (*size > 0 && **data && used + 1 < buffer_size) {
		buffer[used++] = (char)*(*data)++;
		(*size)--;
	}
	if (*size > 0) {
		(*data)++;
		(*size)--;
	}
	buffer[used] = '\0';
	return buffer;
}

static void add(struct model *model, const uint8_t **data, size_t *size)
{
	static const uint64_t bounds[] = {1, 1000, 1000000000};
	char buffers[FAMILY_LABELS_MAX][300];
	const char *values[FAMILY_LABELS_MAX];
	enum family family = **data % FAMILY_COUNT;
	uint64_t counts[] = {1, 0, 0, 3}, value = 0;
	const struct distribution distribution = {bounds, counts, 3, *size, 0};
	struct model_labels labels = {values, family_label_count(family)};
	unsigned i;

	(*data)++;
	(*size)--;
	memcpy(&value, *data, *size < sizeof(value) ? *size : sizeof(value));
	for (i = 0; i < labels.count; i++)
		values[i] = take_string(data, size, buffers[i], sizeof(buffers[i]));
	if (families[family].type == TYPE_HISTOGRAM)
		model_add_buckets(model, family, &distribution, labels);
	else
		model_add_integer(model, family, value, labels);
}

/* Lines that belong to the family: its head and its samples. */
static size_t expected_lines(const struct model *model, enum family family, enum text_format format)
{
	const struct family_row *row = &families[family];
	size_t head = 2, each = row->type == TYPE_HISTOGRAM ? 4 + 2 : 1;

	if (format == TEXT_OPENMETRICS && row->unit != UNIT_NONE && row->unit != UNIT_MICRO)
		head++;
	return head + each * model_series_count(model, family);
}

/* Aborts unless the line is valid UTF-8 with its quotes closed. */
static void check_line(const char *line, size_t size)
{
	int quoted = 0, comment = size > 0 && line[0] == '#';
	size_t length;

	while (size > 0) {
		length = utf8_length((const unsigned char *)line, size);
		if (length == 0)
			abort();
		if (quoted && *line == '\\') {
			if (size < 2 || !strchr("\\\"n", line[1]))
				abort();
			length = 2;
		} else if (*line == '"' && !comment) {
			quoted = !quoted;
		}
		line += length;
		size -= length;
	}
	if (quoted)
		abort();
}

static void check(const struct model *model, enum text_format format, struct text *text)
{
	size_t lines = 0, expected = format == TEXT_OPENMETRICS;
	const char *at, *end, *newline;
	int family;

	text->size = 0;
	if (text_render(model, format, text))
		abort();
	for (family = 0; family < FAMILY_COUNT; family++)
		expected += expected_lines(model, family, format);
	end = text->data + text->size;
	for (at = text->data; at < end; at = newline + 1, lines++) {
		newline = memchr(at, '\n', (size_t)(end - at));
		if (!newline)
			abort();
		check_line(at, (size_t)(newline - at));
	}
	if (lines != expected)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct text text;
	static struct model *model;
	int format;

	if (!model && model_create(20, &model))
		abort();
	model_reset(model);
	while (size > 0)
		add(model, &data, &size);
	for (format = 0; format < TEXT_FORMATS; format++)
		check(model, format, &text);
	return 0;
}
