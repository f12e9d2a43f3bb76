// SPDX-License-Identifier: Apache-2.0
/*
 * Tallies: counters, gauges and histograms by label that live for years, in a transaction.
 *
 * Invariants:
 *  - Every tally has two values: the tentative one, which changes with each event, and the committed
 *    one, which is all that readers see. Commit and rollback touch what the batch touched.
 *  - A family holds at most the series limit; from there on what is new goes to the label set
 *    that is `other` in every label, and is counted as overflow.
 *  - Label values are cut as the model cuts them, so one tally is one series.
 *
 * Integers are in the unit of the family (families.h): counts, nanoseconds, millionths. Adding
 * saturates. Not thread-safe. Families are numbered as in the model; FAMILY_COUNT + i is the i-th
 * custom metric, whatever number the model gives it.
 */
#ifndef EXPORTER_TALLY_H
#define EXPORTER_TALLY_H

#include <stdbool.h>
#include <stdint.h>

#include "account_store.h"
#include "model.h"

#define TALLY_BOUNDS_MAX 24

struct tallies;

/* What a family's tallies are; must outlive the tallies. */
struct tally_family {
	const struct family_row *row; /* its type says counter, gauge or histogram */
	const uint64_t *bounds;	      /* ascending; histograms only */
	uint32_t bound_count;	      /* at most TALLY_BOUNDS_MAX */
};

/* When a gauge falls back to 0: on either clock; all 0 is never. */
struct tally_expiry {
	int64_t wall_us;
	uint64_t boot_ns, boot_epoch; /* wall_us counts when the epoch is another's */
};

/* 0 or -ENOMEM. `series_limit` is per family and at least 2. */
int tallies_create(uint32_t series_limit, struct tallies **ret_tallies);
void tallies_free(struct tallies *tallies);
void tallies_set_boot(struct tallies *tallies, uint64_t boot_epoch);

/* Before anything is counted in the family. */
void tallies_declare(struct tallies *tallies, unsigned family, const struct tally_family *what);
/* Takes the family back, with what is in it. */
void tallies_forget(struct tallies *tallies, unsigned family);

/* All return 0, or -ENOMEM (then nothing changed), or -EINVAL for a family that is not declared or
 * a wrong number of labels. */
int tally_count(struct tallies *tallies, unsigned family, uint64_t more,
		struct model_labels labels);
int tally_count_real(struct tallies *tallies, unsigned family, double more,
		     struct model_labels labels);
/* `expiry` NULL: never. */
int tally_set(struct tallies *tallies, unsigned family, double value,
	      const struct tally_expiry *expiry, struct model_labels labels);
/* `value` chooses the bucket; what enters the sum is `value`, or `real` when it is not 0. */
int tally_observe(struct tallies *tallies, unsigned family, uint64_t value, double real,
		  struct model_labels labels);
/* The tally exists and is shown from now on, at 0 if it is new; nothing is stored for that. */
int tally_show(struct tallies *tallies, unsigned family, struct model_labels labels);

/* The tentative value of a gauge; false when it was never set. */
bool tally_get(const struct tallies *tallies, unsigned family, struct model_labels labels,
	       double *ret_value);
/* The committed value of a gauge at this time; false when it was never set. */
bool tally_get_committed(const struct tallies *tallies, unsigned family, int64_t wall_us,
			 uint64_t boot_ns, struct model_labels labels, double *ret_value);

/* Writes the tentative values that changed; ends at the first error of the store. */
int tallies_save(const struct tallies *tallies, const struct account_store *store);
void tallies_commit(struct tallies *tallies);
void tallies_rollback(struct tallies *tallies);

/* A stored row: 0, -ENOMEM, -ENOENT for a family that is not declared, -EINVAL for a value that does
 * not fit it (another version, kind or bounds). */
int tallies_load(struct tallies *tallies, const struct tally_row *row);

/* Committed values into the model. declared[i] is the model's number of family FAMILY_COUNT + i;
 * families that have FAMILY_ALL there are left out. */
void tallies_add(const struct tallies *tallies, int64_t wall_us, uint64_t boot_ns,
		 const enum family declared[FAMILY_DECLARED_MAX], struct model *model);

/* Values that went to `other` since tallies_create(). */
uint64_t tallies_overflow(const struct tallies *tallies);

#endif
