// SPDX-License-Identifier: Apache-2.0
/*
 * The value of one tally as words, and as the bytes that are stored. Pure.
 *
 * Words: of a counter, its integer and its real part; of a gauge, its value and its expiry; of a
 * histogram, the sum's integer and real part and a count per bucket (not cumulative).
 * Bytes: version, type, two of zero, the number of words, the number of bounds; then the words and
 * the bounds. Everything is little-endian.
 */
#ifndef EXPORTER_TALLY_VALUE_H
#define EXPORTER_TALLY_VALUE_H

#include <stddef.h>
#include <stdint.h>

#include "tally.h"

#define TALLY_SEPARATOR	 '\x1f'
#define TALLY_WORDS_MAX	 (TALLY_BOUNDS_MAX + 3)
#define TALLY_VALUE_SIZE (8 + 8 * (TALLY_WORDS_MAX + TALLY_BOUNDS_MAX))

uint8_t tally_word_count(const struct tally_family *what);

void tally_value_count(uint64_t *words, uint64_t more, double more_real);
void tally_value_set(uint64_t *words, double value, const struct tally_expiry *expiry);
void tally_value_observe(uint64_t *words, const struct tally_family *what, uint64_t value,
			 double real);
/* 0 after its expiry; wall_us 0 asks for the value as it was set. */
double tally_value_gauge(const uint64_t *words, int64_t wall_us, uint64_t boot_ns,
			 uint64_t boot_epoch);

size_t tally_value_encode(const uint64_t *words, const struct tally_family *what,
			  uint8_t out[TALLY_VALUE_SIZE]);
/* 0 or -EINVAL. */
int tally_value_decode(const void *value, size_t size, const struct tally_family *what,
		       uint64_t ret_words[TALLY_WORDS_MAX]);

void tally_value_add(const uint64_t *words, const struct tally_family *what, int64_t wall_us,
		     uint64_t boot_ns, uint64_t boot_epoch, enum family family,
		     struct model_labels labels, struct model *model);

#endif
