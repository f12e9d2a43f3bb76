// SPDX-License-Identifier: Apache-2.0
/* The model: what one scrape found, before it becomes text, JSON or anything else.
 *
 * Invariants:
 *  - Within a family a set of label values exists once; adding it again adds to it.
 *  - Label values are valid UTF-8, at most MODEL_LABEL_MAX bytes, cut at a character; every invalid
 *byte became U+FFFD.
 *  - A family holds at most the series limit; what comes after is refused and counted, never
 *silently.
 *  - Memory is kept between scrapes: model_reset() frees nothing, adding allocates only when a
 *scrape is larger than every one before it.
 *
 * Units: integers of a UNIT_SECONDS family are nanoseconds (durations, or since 1970 for
 *timestamps); all others are plain numbers or bytes.
 *
 *	model_reset(model);
 *	model_add(model, FAMILY_AGENT_STARTS, 12, "claude-code");
 *	model_add(model, FAMILY_TELEGRAM_HEALTH, 1);
 *	model_add_distribution(model, FAMILY_TELEGRAM_DURATION, &latency, "sendMessage", "200");
 */
#ifndef EXPORTER_MODEL_H
#define EXPORTER_MODEL_H

#include <stddef.h>
#include <stdint.h>

#include "families.h"

#define MODEL_LABEL_MAX	   128	/* bytes of one label value */
#define MODEL_SERIES_LIMIT 2000 /* label sets per family, unless set otherwise */

struct model;
struct series;

/* A distribution. Bounds and sum are in the unit of the family's integers. */
struct distribution {
	const uint64_t
		*bounds; /* ascending upper bounds (le); must live until the next model_reset() */
	const uint64_t
		*counts; /* bound_count + 1 observations per bucket, not cumulative; copied */
	uint32_t bound_count;
	uint64_t sum;
	double real_sum; /* added to sum, in the family's unit: where observations are no integers */
};

enum value_kind {
	VALUE_INTEGER,
	VALUE_REAL,
	VALUE_DISTRIBUTION
};

struct sample {
	enum value_kind kind;
	uint64_t integer;		  /* VALUE_INTEGER, in the unit of the family's integers */
	double real;			  /* VALUE_REAL, in the family's unit (seconds, bytes) */
	struct distribution distribution; /* VALUE_DISTRIBUTION; counts live in the model */
	const char *labels[FAMILY_LABELS_MAX];
};

/* 0 or -ENOMEM. `series_limit` is per family; 0 takes MODEL_SERIES_LIMIT. */
int model_create(uint32_t series_limit, struct model **ret_model);
void model_free(struct model *model);

/* Forgets every series and every declared family; the refusal counters stay, they count since model_create(). */
void model_reset(struct model *model);

/*
 * A family that is not in the table, until the next model_reset(): `row`, with all it points to,
 * must live that long. 0 and its number, good for every function here; -ENOSPC when
 * FAMILY_DECLARED_MAX are declared. Names are checked by whoever declares them.
 */
int model_declare(struct model *model, const struct family_row *row, enum family *ret_family);
/* Families are numbered 0 … model_family_count() - 1: those of the table, then the declared. */
unsigned model_family_count(const struct model *model);
const struct family_row *model_family_row(const struct model *model, unsigned family);

/* 0; -ENOSPC when the family is full (counted); -ENOMEM (counted); -EINVAL when the number of
 * labels or the kind of value does not fit the family, or a distribution's bounds differ from those
 * it is merged with. A caller may ignore the result: what is refused shows up in
 * operaglass_lost_total. */
#define model_add(model, family, value, ...) \
	model_add_integer(model, family, value, MODEL_LABELS(__VA_ARGS__))
#define model_add_real(model, family, value, ...) \
	model_add_double(model, family, value, MODEL_LABELS(__VA_ARGS__))
#define model_add_distribution(model, family, distribution, ...) \
	model_add_buckets(model, family, distribution, MODEL_LABELS(__VA_ARGS__))

/* Label values of one series: C strings, read up to MODEL_LABEL_MAX bytes of output; NULL is "". */
struct model_labels {
	const char *const *values;
	unsigned count;
};

#define MODEL_LABELS(...)                                       \
	((struct model_labels){                                 \
		&(const char *const[]){NULL, ##__VA_ARGS__}[1], \
		sizeof((const char *const[]){NULL, ##__VA_ARGS__}) / sizeof(const char *) - 1})

int model_add_integer(struct model *model, enum family family, uint64_t value,
		      struct model_labels labels);
int model_add_double(struct model *model, enum family family, double value,
		     struct model_labels labels);
int model_add_buckets(struct model *model, enum family family,
		      const struct distribution *distribution, struct model_labels labels);

/* Reading, in insertion order: for (s = model_first(m, f); s; s = model_next(m, s)). */
const struct series *model_first(const struct model *model, enum family family);
const struct series *model_next(const struct model *model, const struct series *series);
/* Pointers in *ret_sample are good until the next model_add…() or model_reset(). */
void model_sample(const struct model *model, const struct series *series,
		  struct sample *ret_sample);

/* Label sets in this family now. */
uint32_t model_series_count(const struct model *model, enum family family);

enum refusal {
	REFUSED_LIMIT,
	REFUSED_MEMORY,
	REFUSED_MISUSE,
	REFUSED_COUNT
};
/* Series refused for this cause since model_create(). */
uint64_t model_refused(const struct model *model, enum refusal cause);

#endif
