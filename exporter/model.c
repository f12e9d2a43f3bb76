// SPDX-License-Identifier: Apache-2.0
#include "model.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model_key.h"

/* One label set and its value. Everything variable lives in the arrays of struct model, addressed
 * by offset, so that they may move when they grow. */
struct series {
	uint32_t next; /* index + 1 of the family's next series; 0 ends the chain */
	uint32_t hash;
	uint32_t labels; /* offset in model->text: label values, each NUL-terminated */
	uint16_t labels_size;
	uint8_t family;
	uint8_t kind; /* enum value_kind */
	union {
		uint64_t integer;
		double real;
		uint64_t sum;
	};
	const uint64_t *bounds;
	double real_sum;
	uint32_t counts; /* offset in model->counts */
	uint32_t bound_count;
};

_Static_assert(FAMILY_ALL <= UINT8_MAX + 1, "struct series holds the family in a byte");

struct chain {
	uint32_t first, last; /* index + 1; 0 is none */
	uint32_t count;
};

struct model {
	struct series *series;
	char *text;
	uint64_t *counts;
	uint32_t *table; /* open addressing: index + 1, 0 is free; at most half full */
	uint32_t series_used, series_capacity;
	uint32_t text_used, text_capacity;
	uint32_t counts_used, counts_capacity;
	uint32_t table_size; /* a power of two */
	uint32_t series_limit;
	uint64_t refused[REFUSED_COUNT];
	struct chain families[FAMILY_ALL];
	const struct family_row *declared[FAMILY_DECLARED_MAX];
	unsigned declared_count;
};

#define SERIES_AT_START 256 /* a quiet host has fewer; grows by doubling */
#define ARRAY_MAX	(UINT32_C(1) << 30)

int model_create(uint32_t series_limit, struct model **ret_model)
{
	struct model *model = calloc(1, sizeof(*model));

	if (!model)
		return -ENOMEM;
	model->series_limit = series_limit ? series_limit : MODEL_SERIES_LIMIT;
	*ret_model = model;
	return 0;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	free(model->table);
	free(model->counts);
	free(model->text);
	free(model->series);
	free(model);
}

void model_reset(struct model *model)
{
	model->series_used = 0;
	model->text_used = 0;
	model->counts_used = 0;
	model->declared_count = 0;
	memset(model->families, 0, sizeof(model->families));
	if (model->table)
		memset(model->table, 0, model->table_size * sizeof(*model->table));
}

int model_declare(struct model *model, const struct family_row *row, enum family *ret_family)
{
	if (model->declared_count == FAMILY_DECLARED_MAX)
		return -ENOSPC;
	*ret_family = (enum family)(FAMILY_COUNT + model->declared_count);
	model->declared[model->declared_count++] = row;
	return 0;
}

unsigned model_family_count(const struct model *model)
{
	return FAMILY_COUNT + model->declared_count;
}

const struct family_row *model_family_row(const struct model *model, unsigned family)
{
	return family < FAMILY_COUNT ? &families[family] : model->declared[family - FAMILY_COUNT];
}

/* Makes room for `more` elements after `used` of them. */
static int grow(void **array, size_t element, uint32_t used, uint32_t more, uint32_t *capacity)
{
	uint32_t wanted = *capacity ? *capacity : SERIES_AT_START;
	void *moved;

	if (more <= *capacity - used)
		return 0;
	if (more > ARRAY_MAX - used)
		return -ENOMEM;
	while (wanted - used < more)
		wanted *= 2;
	moved = realloc(*array, wanted * element);
	if (!moved)
		return -ENOMEM;
	*array = moved;
	*capacity = wanted;
	return 0;
}

/* The slot of the series with this key, or the free slot where it would go. */
static uint32_t find_slot(const struct model *model, enum family family,
			  const struct model_key *key)
{
	uint32_t mask = model->table_size - 1, slot;
	const struct series *series;

	for (slot = key->hash & mask; model->table[slot]; slot = (slot + 1) & mask) {
		series = &model->series[model->table[slot] - 1];
		if (series->hash == key->hash && series->family == family &&
		    series->labels_size == key->size &&
		    !memcmp(model->text + series->labels, key->text, key->size))
			break;
	}
	return slot;
}

static int grow_table(struct model *model)
{
	uint32_t size = model->table_size ? model->table_size * 2 : 2 * SERIES_AT_START;
	uint32_t *table, mask = size - 1, i, slot;

	if (model->series_used + 1 <= model->table_size / 2)
		return 0;
	table = calloc(size, sizeof(*table));
	if (!table)
		return -ENOMEM;
	for (i = 0; i < model->series_used; i++) {
		slot = model->series[i].hash & mask;
		while (table[slot])
			slot = (slot + 1) & mask;
		table[slot] = i + 1;
	}
	free(model->table);
	model->table = table;
	model->table_size = size;
	return 0;
}

static int refuse(struct model *model, enum refusal cause, int code)
{
	model->refused[cause]++;
	return code;
}

/* Room for one more series; `bucket_count` is 0 unless it is a distribution. */
static int make_room(struct model *model, const struct model_key *key, uint32_t bucket_count)
{
	if (grow((void **)&model->series, sizeof(*model->series), model->series_used, 1,
		 &model->series_capacity) ||
	    grow((void **)&model->text, 1, model->text_used, key->size + 1,
		 &model->text_capacity) ||
	    grow((void **)&model->counts, sizeof(*model->counts), model->counts_used, bucket_count,
		 &model->counts_capacity))
		return -ENOMEM;
	return 0;
}

static struct series *append(struct model *model, enum family family, const struct model_key *key)
{
	struct chain *chain = &model->families[family];
	uint32_t index = model->series_used++;
	struct series *series = &model->series[index];

	memset(series, 0, sizeof(*series));
	series->hash = key->hash;
	series->family = (uint8_t)family;
	series->labels = model->text_used;
	series->labels_size = (uint16_t)key->size;
	memcpy(model->text + model->text_used, key->text, key->size);
	model->text_used += key->size;
	if (chain->last)
		model->series[chain->last - 1].next = index + 1;
	else
		chain->first = index + 1;
	chain->last = index + 1;
	chain->count++;
	return series;
}

/* Finds or makes the series; *ret_series is zeroed when *ret_new. */
static int series_get(struct model *model, enum family family, uint32_t bucket_count,
		      struct model_labels labels, struct series **ret_series, int *ret_new)
{
	const struct family_row *row;
	struct model_key key;
	uint32_t slot;

	if ((unsigned)family >= model_family_count(model))
		return refuse(model, REFUSED_MISUSE, -EINVAL);
	row = model_family_row(model, family);
	if (labels.count != family_row_labels(row) ||
	    (row->type == TYPE_HISTOGRAM) != (bucket_count > 0))
		return refuse(model, REFUSED_MISUSE, -EINVAL);
	model_key_make(labels, (uintptr_t)model + family, &key);
	/* Before the slot is looked for: growing moves them all. */
	if (grow_table(model))
		return refuse(model, REFUSED_MEMORY, -ENOMEM);
	slot = find_slot(model, family, &key);
	if (model->table[slot]) {
		*ret_series = &model->series[model->table[slot] - 1];
		*ret_new = 0;
		return 0;
	}
	if (model->families[family].count >= model->series_limit)
		return refuse(model, REFUSED_LIMIT, -ENOSPC);
	if (make_room(model, &key, bucket_count))
		return refuse(model, REFUSED_MEMORY, -ENOMEM);
	model->table[slot] = model->series_used + 1;
	*ret_series = append(model, family, &key);
	*ret_new = 1;
	return 0;
}

static double scale_of(const struct model *model, enum family family)
{
	return family_unit_scale(model_family_row(model, family)->unit);
}

int model_add_integer(struct model *model, enum family family, uint64_t value,
		      struct model_labels labels)
{
	struct series *series;
	int new, err;

	err = series_get(model, family, 0, labels, &series, &new);
	if (err)
		return err;
	if (series->kind == VALUE_REAL)
		series->real += (double)value / scale_of(model, family);
	else
		series->integer += value;
	return 0;
}

int model_add_double(struct model *model, enum family family, double value,
		     struct model_labels labels)
{
	struct series *series;
	int new, err;

	err = series_get(model, family, 0, labels, &series, &new);
	if (err)
		return err;
	if (series->kind == VALUE_INTEGER) {
		series->real = (double)series->integer / scale_of(model, family);
		series->kind = VALUE_REAL;
	}
	series->real += value;
	return 0;
}

int model_add_buckets(struct model *model, enum family family,
		      const struct distribution *distribution, struct model_labels labels)
{
	uint32_t bucket_count = distribution->bound_count + 1, i;
	struct series *series;
	uint64_t *counts;
	int new, err;

	err = series_get(model, family, bucket_count, labels, &series, &new);
	if (err)
		return err;
	if (new) {
		series->kind = VALUE_DISTRIBUTION;
		series->bounds = distribution->bounds;
		series->bound_count = distribution->bound_count;
		series->counts = model->counts_used;
		model->counts_used += bucket_count;
		memset(model->counts + series->counts, 0, bucket_count * sizeof(*counts));
	} else if (series->bound_count != distribution->bound_count ||
		   memcmp(series->bounds, distribution->bounds,
			  series->bound_count * sizeof(*series->bounds)) != 0) {
		return refuse(model, REFUSED_MISUSE, -EINVAL);
	}
	counts = model->counts + series->counts;
	for (i = 0; i < bucket_count; i++)
		counts[i] += distribution->counts[i];
	series->sum += distribution->sum;
	series->real_sum += distribution->real_sum;
	return 0;
}

const struct series *model_first(const struct model *model, enum family family)
{
	uint32_t first = model->families[family].first;

	return first ? &model->series[first - 1] : NULL;
}

const struct series *model_next(const struct model *model, const struct series *series)
{
	return series->next ? &model->series[series->next - 1] : NULL;
}

void model_sample(const struct model *model, const struct series *series, struct sample *ret_sample)
{
	const char *label = model->text + series->labels;
	const char *end = label + series->labels_size;
	unsigned i;

	ret_sample->kind = series->kind;
	if (series->kind == VALUE_DISTRIBUTION) {
		ret_sample->distribution.bounds = series->bounds;
		ret_sample->distribution.bound_count = series->bound_count;
		ret_sample->distribution.counts = model->counts + series->counts;
		ret_sample->distribution.sum = series->sum;
		ret_sample->distribution.real_sum = series->real_sum;
	} else if (series->kind == VALUE_REAL) {
		ret_sample->real = series->real;
	} else {
		ret_sample->integer = series->integer;
	}
	for (i = 0; i < FAMILY_LABELS_MAX && label < end; i++) {
		ret_sample->labels[i] = label;
		label += strlen(label) + 1;
	}
}

uint32_t model_series_count(const struct model *model, enum family family)
{
	return model->families[family].count;
}

uint64_t model_refused(const struct model *model, enum refusal cause)
{
	return model->refused[cause];
}
