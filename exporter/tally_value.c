// SPDX-License-Identifier: Apache-2.0
#include "tally_value.h"

#include <endian.h>
#include <errno.h>
#include <float.h>
#include <string.h>

#define VALUE_VERSION 1

/* Places of a counter's, a histogram's and a gauge's words. */
enum {
	WORD_INTEGER = 0,
	WORD_REAL = 1,
	WORD_BUCKETS = 2,
	WORD_GAUGE = 0,
	WORD_EXPIRES_US = 1,
	WORD_EXPIRES_NS = 2,
	WORD_EPOCH = 3,
	WORDS_COUNTER = 2,
	WORDS_GAUGE = 4,
};

static double real_of(uint64_t word)
{
	double real;

	memcpy(&real, &word, sizeof(real));
	return real;
}

static uint64_t word_of(double real)
{
	uint64_t word;

	memcpy(&word, &real, sizeof(word));
	return word;
}

uint8_t tally_word_count(const struct tally_family *what)
{
	if (what->row->type == TYPE_GAUGE)
		return WORDS_GAUGE;
	if (what->row->type == TYPE_HISTOGRAM)
		return (uint8_t)(WORD_BUCKETS + what->bound_count + 1);
	return WORDS_COUNTER;
}

void tally_value_count(uint64_t *words, uint64_t more, double more_real)
{
	double sum = real_of(words[WORD_REAL]) + more_real;

	if (__builtin_add_overflow(words[WORD_INTEGER], more, &words[WORD_INTEGER]))
		words[WORD_INTEGER] = UINT64_MAX;
	words[WORD_REAL] = word_of(sum > DBL_MAX ? DBL_MAX : sum);
}

void tally_value_set(uint64_t *words, double value, const struct tally_expiry *expiry)
{
	words[WORD_GAUGE] = word_of(value);
	words[WORD_EXPIRES_US] = expiry ? (uint64_t)expiry->wall_us : 0;
	words[WORD_EXPIRES_NS] = expiry ? expiry->boot_ns : 0;
	words[WORD_EPOCH] = expiry ? expiry->boot_epoch : 0;
}

void tally_value_observe(uint64_t *words, const struct tally_family *what, uint64_t value,
			 double real)
{
	uint32_t bucket = 0;

	while (bucket < what->bound_count && value > what->bounds[bucket])
		bucket++;
	words[WORD_BUCKETS + bucket]++;
	tally_value_count(words, real != 0 ? 0 : value, real);
}

double tally_value_gauge(const uint64_t *words, int64_t wall_us, uint64_t boot_ns,
			 uint64_t boot_epoch)
{
	int over;

	if (words[WORD_EXPIRES_US] == 0 || wall_us == 0)
		return real_of(words[WORD_GAUGE]);
	over = words[WORD_EPOCH] == boot_epoch ? boot_ns >= words[WORD_EXPIRES_NS]
					       : wall_us >= (int64_t)words[WORD_EXPIRES_US];
	return over ? 0 : real_of(words[WORD_GAUGE]);
}

static uint8_t *put_words(uint8_t *out, const uint64_t *words, uint32_t count)
{
	uint64_t word;
	uint32_t i;

	for (i = 0; i < count; i++, out += sizeof(word)) {
		word = htole64(words[i]);
		memcpy(out, &word, sizeof(word));
	}
	return out;
}

static const uint8_t *take_words(const uint8_t *in, uint64_t *words, uint32_t count)
{
	uint32_t i;

	for (i = 0; i < count; i++, in += sizeof(*words)) {
		memcpy(&words[i], in, sizeof(*words));
		words[i] = le64toh(words[i]);
	}
	return in;
}

size_t tally_value_encode(const uint64_t *words, const struct tally_family *what,
			  uint8_t out[TALLY_VALUE_SIZE])
{
	uint8_t count = tally_word_count(what);
	const uint8_t head[8] = {VALUE_VERSION, (uint8_t)what->row->type,  0, 0,
				 count,		(uint8_t)what->bound_count};
	uint8_t *at = out;

	memcpy(at, head, sizeof(head));
	at = put_words(at + sizeof(head), words, count);
	at = put_words(at, what->bounds, what->bound_count);
	return (size_t)(at - out);
}

int tally_value_decode(const void *value, size_t size, const struct tally_family *what,
		       uint64_t ret_words[TALLY_WORDS_MAX])
{
	uint8_t count = tally_word_count(what);
	const uint8_t head[8] = {VALUE_VERSION, (uint8_t)what->row->type,  0, 0,
				 count,		(uint8_t)what->bound_count};
	uint64_t words[TALLY_WORDS_MAX], bounds[TALLY_BOUNDS_MAX];
	const uint8_t *at = value;

	if (size != sizeof(head) + 8 * ((size_t)count + what->bound_count) ||
	    memcmp(at, head, sizeof(head)) != 0)
		return -EINVAL;
	at = take_words(at + sizeof(head), words, count);
	take_words(at, bounds, what->bound_count);
	if (what->bound_count && memcmp(bounds, what->bounds, 8 * (size_t)what->bound_count) != 0)
		return -EINVAL;
	memcpy(ret_words, words, 8 * (size_t)count);
	return 0;
}

void tally_value_add(const uint64_t *words, const struct tally_family *what, int64_t wall_us,
		     uint64_t boot_ns, uint64_t boot_epoch, enum family family,
		     struct model_labels labels, struct model *model)
{
	struct distribution distribution = {
		.bounds = what->bounds,
		.counts = words + WORD_BUCKETS,
		.bound_count = what->bound_count,
		.sum = words[WORD_INTEGER],
		.real_sum = real_of(words[WORD_REAL]),
	};

	if (what->row->type == TYPE_HISTOGRAM)
		model_add_buckets(model, family, &distribution, labels);
	else if (what->row->type == TYPE_GAUGE)
		model_add_double(model, family,
				 tally_value_gauge(words, wall_us, boot_ns, boot_epoch), labels);
	else if (real_of(words[WORD_REAL]) != 0)
		model_add_double(model, family,
				 real_of(words[WORD_REAL]) +
					 (double)words[WORD_INTEGER] /
						 family_unit_scale(what->row->unit),
				 labels);
	else
		model_add_integer(model, family, words[WORD_INTEGER], labels);
}
