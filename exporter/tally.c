// SPDX-License-Identifier: Apache-2.0
#include "tally.h"

#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "tally_value.h"
#include "utf8.h"

#define BUCKETS_AT_START 256

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

struct key {
	uint32_t hash;
	uint16_t size;
	char text[FAMILY_LABELS_MAX * (MODEL_LABEL_MAX + 1)];
};

int tallies_create(uint32_t series_limit, struct tallies **ret_tallies)
{
	struct tallies *tallies = calloc(1, sizeof(*tallies));
	unsigned i;

	if (!tallies)
		return -ENOMEM;
	tallies->buckets = calloc(BUCKETS_AT_START, sizeof(struct tally *));
	if (!tallies->buckets) {
		free(tallies);
		return -ENOMEM;
	}
	tallies->bucket_count = BUCKETS_AT_START;
	tallies->series_limit = series_limit;
	for (i = 0; i < FAMILY_ALL; i++)
		STAILQ_INIT(&tallies->lists[i]);
	*ret_tallies = tallies;
	return 0;
}

void tallies_free(struct tallies *tallies)
{
	unsigned i;

	if (!tallies)
		return;
	for (i = 0; i < FAMILY_ALL; i++)
		tallies_forget(tallies, i);
	free(tallies->buckets);
	free(tallies);
}

void tallies_set_boot(struct tallies *tallies, uint64_t boot_epoch)
{
	tallies->boot_epoch = boot_epoch;
}

void tallies_declare(struct tallies *tallies, unsigned family, const struct tally_family *what)
{
	tallies->what[family] = what;
}

static uint64_t *tentative(struct tally *tally)
{
	return tally->words + tally->word_count;
}

static const char *key_of(const struct tally *tally)
{
	return (const char *)(tally->words + 2 * tally->word_count);
}

/* Takes the tally out of its chain and its family's list, and frees it. */
static void drop(struct tallies *tallies, struct tally *tally)
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

void tallies_forget(struct tallies *tallies, unsigned family)
{
	struct tally **link = &tallies->dirty;

	while (*link)
		if ((*link)->family == family)
			*link = (*link)->dirty_next;
		else
			link = &(*link)->dirty_next;
	while (!STAILQ_EMPTY(&tallies->lists[family]))
		drop(tallies, STAILQ_FIRST(&tallies->lists[family]));
	tallies->what[family] = NULL;
}

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
static uint32_t hash_key(const struct tallies *tallies, unsigned family, const struct key *key)
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

static void make_key(const struct tallies *tallies, unsigned family, struct model_labels labels,
		     struct key *ret_key)
{
	unsigned i;

	ret_key->size = 0;
	for (i = 0; i < labels.count; i++)
		ret_key->size += put_label(labels.values[i], ret_key->text + ret_key->size);
	ret_key->hash = hash_key(tallies, family, ret_key);
}

static struct tally *find(const struct tallies *tallies, unsigned family, const struct key *key)
{
	struct tally *tally = tallies->buckets[key->hash & (tallies->bucket_count - 1)];

	while (tally &&
	       (tally->hash != key->hash || tally->family != family ||
		tally->key_size != key->size || memcmp(key_of(tally), key->text, key->size) != 0))
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

static struct tally *create(struct tallies *tallies, unsigned family, const struct key *key)
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

/* Finds or makes the tally with these labels, or the one that stands for all others. */
static int get(struct tallies *tallies, unsigned family, struct model_labels labels,
	       struct tally **ret_tally)
{
	static const char *const others[FAMILY_LABELS_MAX] = {"other", "other", "other", "other"};
	struct key key;
	struct tally *tally;

	if (family >= FAMILY_ALL || !tallies->what[family] ||
	    labels.count != family_row_labels(tallies->what[family]->row))
		return -EINVAL;
	make_key(tallies, family, labels, &key);
	tally = find(tallies, family, &key);
	if (!tally && tallies->counts[family] >= tallies->series_limit - 1) {
		tallies->overflow++;
		labels.values = others;
		make_key(tallies, family, labels, &key);
		tally = find(tallies, family, &key);
	}
	if (!tally)
		tally = create(tallies, family, &key);
	if (!tally)
		return -ENOMEM;
	*ret_tally = tally;
	return 0;
}

/* The words to change; from now on the tally is part of the batch. */
static int change(struct tallies *tallies, unsigned family, struct model_labels labels,
		  uint64_t **ret_words)
{
	struct tally *tally;
	int err = get(tallies, family, labels, &tally);

	if (err)
		return err;
	if (!tally->dirty) {
		tally->dirty = true;
		tally->dirty_next = tallies->dirty;
		tallies->dirty = tally;
	}
	*ret_words = tentative(tally);
	return 0;
}

int tally_count(struct tallies *tallies, unsigned family, uint64_t more, struct model_labels labels)
{
	uint64_t *words;
	int err = change(tallies, family, labels, &words);

	if (!err)
		tally_value_count(words, more, 0);
	return err;
}

int tally_count_real(struct tallies *tallies, unsigned family, double more,
		     struct model_labels labels)
{
	uint64_t *words;
	int err = change(tallies, family, labels, &words);

	if (!err)
		tally_value_count(words, 0, more);
	return err;
}

int tally_set(struct tallies *tallies, unsigned family, double value,
	      const struct tally_expiry *expiry, struct model_labels labels)
{
	uint64_t *words;
	int err = change(tallies, family, labels, &words);

	if (!err)
		tally_value_set(words, value, expiry);
	return err;
}

int tally_observe(struct tallies *tallies, unsigned family, uint64_t value, double real,
		  struct model_labels labels)
{
	uint64_t *words;
	int err = change(tallies, family, labels, &words);

	if (!err)
		tally_value_observe(words, tallies->what[family], value, real);
	return err;
}

int tally_show(struct tallies *tallies, unsigned family, struct model_labels labels)
{
	struct tally *tally;
	int err = get(tallies, family, labels, &tally);

	if (!err)
		tally->committed = true;
	return err;
}

bool tally_get(const struct tallies *tallies, unsigned family, struct model_labels labels,
	       double *ret_value)
{
	struct tally *tally;
	struct key key;

	make_key(tallies, family, labels, &key);
	tally = find(tallies, family, &key);
	if (tally)
		*ret_value = tally_value_gauge(tentative(tally), 0, 0, 0);
	return tally != NULL;
}

bool tally_get_committed(const struct tallies *tallies, unsigned family, int64_t wall_us,
			 uint64_t boot_ns, struct model_labels labels, double *ret_value)
{
	struct tally *tally;
	struct key key;

	make_key(tallies, family, labels, &key);
	tally = find(tallies, family, &key);
	if (!tally || !tally->committed)
		return false;
	*ret_value = tally_value_gauge(tally->words, wall_us, boot_ns, tallies->boot_epoch);
	return true;
}

int tallies_save(const struct tallies *tallies, const struct account_store *store)
{
	char labels[FAMILY_LABELS_MAX * (MODEL_LABEL_MAX + 1) + 1];
	uint8_t value[TALLY_VALUE_SIZE];
	struct tally_row row = {.labels = labels, .value = value};
	struct tally *tally;
	uint16_t i;
	int err = 0;

	for (tally = tallies->dirty; tally && !err; tally = tally->dirty_next) {
		const struct tally_family *what = tallies->what[tally->family];

		for (i = 0; i < tally->key_size; i++)
			labels[i] = key_of(tally)[i] ? key_of(tally)[i] : TALLY_SEPARATOR;
		labels[i] = '\0';
		row.family = what->row->name;
		row.value_size = tally_value_encode(tentative(tally), what, value);
		err = store->put_tally(store->context, &row);
	}
	return err;
}

void tallies_commit(struct tallies *tallies)
{
	struct tally *tally, *next;

	for (tally = tallies->dirty; tally; tally = next) {
		next = tally->dirty_next;
		memcpy(tally->words, tentative(tally), tally->word_count * sizeof(uint64_t));
		tally->dirty = false;
		tally->committed = true;
	}
	tallies->dirty = NULL;
}

void tallies_rollback(struct tallies *tallies)
{
	struct tally *tally, *next;

	for (tally = tallies->dirty; tally; tally = next) {
		next = tally->dirty_next;
		tally->dirty = false;
		if (tally->committed)
			memcpy(tentative(tally), tally->words,
			       tally->word_count * sizeof(uint64_t));
		else
			drop(tallies, tally);
	}
	tallies->dirty = NULL;
}

int tallies_load(struct tallies *tallies, const struct tally_row *row)
{
	char text[sizeof(((struct key *)0)->text) + 1];
	struct model_labels labels = {(const char *[FAMILY_LABELS_MAX]){NULL}, 0};
	const char *values[FAMILY_LABELS_MAX];
	uint64_t words[TALLY_WORDS_MAX];
	char *at = text, *end;
	struct tally *tally;
	unsigned family;
	int err;

	for (family = 0; family < FAMILY_ALL; family++)
		if (tallies->what[family] && !strcmp(tallies->what[family]->row->name, row->family))
			break;
	if (family == FAMILY_ALL)
		return -ENOENT;
	if (strlen(row->labels) >= sizeof(text))
		return -EINVAL;
	memcpy(text, row->labels, strlen(row->labels) + 1);
	for (; *at && labels.count < FAMILY_LABELS_MAX; at = end + 1) {
		end = strchr(at, TALLY_SEPARATOR);
		if (!end)
			return -EINVAL;
		*end = '\0';
		values[labels.count++] = at;
	}
	labels.values = values;
	err = tally_value_decode(row->value, row->value_size, tallies->what[family], words);
	if (!err)
		err = *at ? -EINVAL : get(tallies, family, labels, &tally);
	if (err)
		return err;
	memcpy(tally->words, words, tally->word_count * sizeof(uint64_t));
	memcpy(tentative(tally), words, tally->word_count * sizeof(uint64_t));
	tally->committed = true;
	return 0;
}

static void add(const struct tallies *tallies, const struct tally *tally, int64_t wall_us,
		uint64_t boot_ns, enum family family, struct model *model)
{
	const struct tally_family *what = tallies->what[tally->family];
	const char *values[FAMILY_LABELS_MAX];
	struct model_labels labels = {values, 0};
	const char *at = key_of(tally);

	for (; at < key_of(tally) + tally->key_size; at += strlen(at) + 1)
		values[labels.count++] = at;
	tally_value_add(tally->words, what, wall_us, boot_ns, tallies->boot_epoch, family, labels,
			model);
}

void tallies_add(const struct tallies *tallies, int64_t wall_us, uint64_t boot_ns,
		 const enum family declared[FAMILY_DECLARED_MAX], struct model *model)
{
	const struct tally *tally;
	unsigned i, family;

	for (i = 0; i < FAMILY_ALL; i++) {
		family = i < FAMILY_COUNT ? i : (unsigned)declared[i - FAMILY_COUNT];
		if (family == FAMILY_ALL)
			continue;
		STAILQ_FOREACH(tally, &tallies->lists[i], in_family)
		{
			if (tally->committed)
				add(tallies, tally, wall_us, boot_ns, (enum family)family, model);
		}
	}
}

uint64_t tallies_overflow(const struct tallies *tallies)
{
	return tallies->overflow;
}
