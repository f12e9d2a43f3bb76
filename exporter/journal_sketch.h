// SPDX-License-Identifier: Apache-2.0
/*
 * A distribution of durations for quantiles: a histogram whose buckets grow with the value, 8 to
 * each doubling from 65 us to 39 hours, so a quantile is right to 7 % and two sketches merge by
 * addition. Stored as a version byte and pairs of varints (steps to the next used bucket, count).
 */
#ifndef EXPORTER_JOURNAL_SKETCH_H
#define EXPORTER_JOURNAL_SKETCH_H

#include <stddef.h>
#include <stdint.h>

#define SKETCH_FIRST_BIT 16 /* 2^16 ns: everything below is one bucket */
#define SKETCH_LAST_BIT	 47 /* 2^47 ns: everything above is another one */
#define SKETCH_BUCKETS	 (2 + (SKETCH_LAST_BIT - SKETCH_FIRST_BIT) * 8)
/* Version; per bucket at most 2 bytes of steps and 10 of count. */
#define SKETCH_BYTES_MAX (1 + SKETCH_BUCKETS * 12)

struct sketch {
	uint64_t counts[SKETCH_BUCKETS];
};

void sketch_add(struct sketch *sketch, uint64_t nanoseconds, uint64_t count);
/* Adds what sketch_encode() wrote; nothing (size 0) is an empty one. 0 or -EINVAL (nothing added). */
int sketch_merge(struct sketch *sketch, const void *bytes, size_t size);
/* Bytes written; never more than SKETCH_BYTES_MAX. */
size_t sketch_encode(const struct sketch *sketch, uint8_t out[SKETCH_BYTES_MAX]);

uint64_t sketch_count(const struct sketch *sketch);
/* Nanoseconds below which the share `quantile` (0..1) of the values lies: the middle of its bucket. 0
 * without values. */
uint64_t sketch_quantile(const struct sketch *sketch, double quantile);

#endif
