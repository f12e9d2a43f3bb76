// SPDX-License-Identifier: Apache-2.0
#include "journal_sketch.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <string.h>

#define VERSION 1

static unsigned bucket_of(uint64_t nanoseconds)
{
	unsigned bit;

	if (nanoseconds < UINT64_C(1) << SKETCH_FIRST_BIT)
		return 0;
	if (nanoseconds >= UINT64_C(1) << SKETCH_LAST_BIT)
		return SKETCH_BUCKETS - 1;
	bit = 63 - (unsigned)__builtin_clzll(nanoseconds);
	/* The three bits below the highest one. */
	return 1 + (bit - SKETCH_FIRST_BIT) * 8 + (unsigned)((nanoseconds >> (bit - 3)) & 7);
}

static uint64_t middle_of(unsigned bucket)
{
	unsigned octave, part;

	if (bucket == 0)
		return UINT64_C(1) << (SKETCH_FIRST_BIT - 1);
	if (bucket == SKETCH_BUCKETS - 1)
		return UINT64_C(1) << SKETCH_LAST_BIT;
	octave = (bucket - 1) / 8 + SKETCH_FIRST_BIT;
	part = (bucket - 1) % 8;
	return (UINT64_C(1) << octave) + (2 * part + 1) * (UINT64_C(1) << (octave - 4));
}

void sketch_add(struct sketch *sketch, uint64_t nanoseconds, uint64_t count)
{
	sketch->counts[bucket_of(nanoseconds)] += count;
}

static size_t put_varint(uint8_t *out, uint64_t value)
{
	size_t size = 0;

	for (; value >= 0x80; value >>= 7)
		out[size++] = (uint8_t)(value | 0x80);
	out[size++] = (uint8_t)value;
	return size;
}

static bool get_varint(const uint8_t **at, const uint8_t *end, uint64_t *ret_value)
{
	uint64_t value = 0;
	unsigned shift;

	for (shift = 0; shift < 64 && *at < end; shift += 7) {
		value |= (uint64_t)(**at & 0x7f) << shift;
		if (!(*(*at)++ & 0x80)) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

int sketch_merge(struct sketch *sketch, const void *bytes, size_t size)
{
	const uint8_t *at = bytes, *end = at + size;
	struct sketch sum = *sketch;
	uint64_t bucket = 0, step, count;

	if (size == 0)
		return 0;
	if (*at++ != VERSION)
		return -EINVAL;
	while (at < end) {
		if (!get_varint(&at, end, &step) || !get_varint(&at, end, &count) ||
		    step >= SKETCH_BUCKETS - bucket)
			return -EINVAL;
		bucket += step;
		sum.counts[bucket] += count;
	}
	*sketch = sum;
	return 0;
}

size_t sketch_encode(const struct sketch *sketch, uint8_t out[SKETCH_BYTES_MAX])
{
	unsigned bucket, last = 0;
	size_t size = 0;

	out[size++] = VERSION;
	for (bucket = 0; bucket < SKETCH_BUCKETS; bucket++) {
		if (!sketch->counts[bucket])
			continue;
		size += put_varint(out + size, bucket - last);
		size += put_varint(out + size, sketch->counts[bucket]);
		last = bucket;
	}
	return size;
}

uint64_t sketch_count(const struct sketch *sketch)
{
	uint64_t count = 0;
	unsigned i;

	for (i = 0; i < SKETCH_BUCKETS; i++)
		count += sketch->counts[i];
	return count;
}

uint64_t sketch_quantile(const struct sketch *sketch, double quantile)
{
	uint64_t count = sketch_count(sketch), seen = 0, wanted;
	unsigned i;

	if (count == 0)
		return 0;
	wanted = (uint64_t)ceil(quantile * (double)count);
	if (wanted < 1)
		wanted = 1;
	for (i = 0; i < SKETCH_BUCKETS - 1; i++) {
		seen += sketch->counts[i];
		if (seen >= wanted)
			break;
	}
	return middle_of(i);
}
