// SPDX-License-Identifier: Apache-2.0
#include "tally_table.h"

#include <stdlib.h>
#include <string.h>

#include "tally_value.h"
#include "utf8.h"

/* Copies a label value as the model would: cut at a character within MODEL_LABEL_MAX. The
 * separator of stored keys cannot be part of a value. */
static uint16_t put_label(const char *value, char *out)
{
	const unsigned char *in = (const unsigned char *)(value ? value : "");
	uint16_t used = 0;
	size_t length;

	while (*in && used < MODEL_LABEL_MAX) {
		length = utf8_length(in, strnlen((const char *)in, 4));
		if (used + (length ? length : 3) > MODEL_LABEL_MAX)
			break;
		memcpy(out + used, length ? (const char *)in : UTF8_REPLACEMENT,
		       length ? length : 3);
		if (*in == TALLY_SEPARATOR)
			out[used] = ' ';
		used += (uint16_t)(length ? length : 3);
		in += length ? length : 1;
	}
	out[used++] = '\0';
	return used;
}

/* The seed is an address, so that outsiders who choose labels cannot aim. */
static uint32_t hash_key(const struct tallies *tallies, unsigned family,
			 const struct tally_label_key *key)
{
	const uint64_t prime = UINT64_C(0x9e3779b97f4a7c15); /* 2^64 / golden ratio */
	uint64_t hash = (uintptr_t)tallies ^ ((uint64_t)family << 48), word;
	uint16_t i;

	for (i = 0; i < key->size; i += 8) {
		word = 0;
		memcpy(&word, key->text + i, key->size - i < 8 ? key->size - i : 8);
		hash = (hash ^ word) * prime;
		hash ^= hash >> 29;
	}
	return (uint32_t)((hash * prime) >> 32);
}

void tally_key_make(const struct tallies *tallies, unsigned family, struct model_labels labels,
		    struct tally_label_key *ret_key)
{
	unsigned i;

	ret_key->size = 0;
	for (i = 0; i < labels.count; i++)
		ret_key->size += put_label(labels.values[i], ret_key->text + ret_key->size);
	ret_key->hash = hash_key(tallies, family, ret_key);
}

struct tally *tally_find(const struct tallies *tallies, unsigned family,
			 const struct tally_label_key *key)
{
	struct tally *tally = tallies->buckets[key->hash & (tallies->bucket_count - 1)];

	while (tally && (tally->hash != key->hash || tally->family != family ||
			 tally->key_size != key->size ||
			 memcmp(tally_key(tally), key->text, key->size) != 0))
		tally = tally->bucket_next;
	return tally;
}

/* Doubles the chains' heads; without memory they just stay long. */
static void grow(struct tallies *tallies)
{
	uint32_t size = tallies->bucket_count * 2, i;
	struct tally **buckets, *tally, *next;

	if (tallies->count < tallies->bucket_count)
		return;
	buckets = calloc(size, sizeof(struct tally *));
	if (!buckets)
		return;
	for (i = 0; i < tallies->bucket_count; i++) {
		for (tally = tallies->buckets[i]; tally; tally = next) {
			next = tally->bucket_next;
			tally->bucket_next = buckets[tally->hash & (size - 1)];
			buckets[tally->hash & (size - 1)] = tally;
		}
	}
	free(tallies->buckets);
	tallies->buckets = buckets;
	tallies->bucket_count = size;
}

struct tally *tally_create(struct tallies *tallies, unsigned family,
			   const struct tally_label_key *key)
{
	uint8_t word_count = tally_word_count(tallies->what[family]);
	struct tally *tally, **head;

	grow(tallies);
	tally = calloc(1, sizeof(*tally) + 2 * word_count * sizeof(uint64_t) + key->size);
	if (!tally)
		return NULL;
	tally->hash = key->hash;
	tally->family = (uint16_t)family;
	tally->word_count = word_count;
	tally->key_size = key->size;
	memcpy(tally->words + 2 * word_count, key->text, key->size);
	head = &tallies->buckets[key->hash & (tallies->bucket_count - 1)];
	tally->bucket_next = *head;
	*head = tally;
	STAILQ_INSERT_TAIL(&tallies->lists[family], tally, in_family);
	tallies->counts[family]++;
	tallies->count++;
	return tally;
}

void tally_drop(struct tallies *tallies, struct tally *tally)
{
	struct tally **link = &tallies->buckets[tally->hash & (tallies->bucket_count - 1)];

	while (*link != tally)
		link = &(*link)->bucket_next;
	*link = tally->bucket_next;
	STAILQ_REMOVE(&tallies->lists[tally->family], tally, tally, in_family);
	tallies->counts[tally->family]--;
	tallies->count--;
	free(tally);
}
