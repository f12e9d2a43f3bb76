// SPDX-License-Identifier: Apache-2.0
/*
 * Where a tally is: found by its family and its label values, and listed by its family in the order
 * in which they came. For tally*.c.
 */
#ifndef EXPORTER_TALLY_TABLE_H
#define EXPORTER_TALLY_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

#include "tally.h"

struct tally {
	STAILQ_ENTRY(tally) in_family;
	struct tally *bucket_next, *dirty_next;
	uint32_t hash;
	uint16_t family;
	uint16_t key_size;
	uint8_t word_count;
	bool dirty;
	bool committed;	  /* readers see it */
	uint64_t words[]; /* committed, tentative; then the key: label values, each with its NUL */
};

STAILQ_HEAD(tally_list, tally);

struct tallies {
	struct tally **buckets; /* chains; their number is a power of two */
	uint32_t bucket_count, count;
	uint32_t series_limit;
	uint64_t overflow, boot_epoch;
	struct tally *dirty;
	const struct tally_family *what[FAMILY_ALL];
	struct tally_list lists[FAMILY_ALL];
	uint32_t counts[FAMILY_ALL];
};

struct tally_label_key {
	uint32_t hash;
	uint16_t size;
	char text[FAMILY_LABELS_MAX * (MODEL_LABEL_MAX + 1)];
};

static inline uint64_t *tally_tentative(struct tally *tally)
{
	return tally->words + tally->word_count;
}

static inline const char *tally_key(const struct tally *tally)
{
	return (const char *)(tally->words + 2 * tally->word_count);
}

/* Label values as the model would cut them. */
void tally_key_make(const struct tallies *tallies, unsigned family, struct model_labels labels,
		    struct tally_label_key *ret_key);
/* NULL: there is none. */
struct tally *tally_find(const struct tallies *tallies, unsigned family,
			 const struct tally_label_key *key);
/* One that tally_find() did not find; all words are 0. NULL without memory. */
struct tally *tally_create(struct tallies *tallies, unsigned family,
			   const struct tally_label_key *key);
/* Takes the tally out of its chain and its family's list, and frees it. */
void tally_drop(struct tallies *tallies, struct tally *tally);

#endif
