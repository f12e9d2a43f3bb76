// SPDX-License-Identifier: Apache-2.0
#include "tally.h"

#include <errno.h>
#include <float.h>
#include <stdlib.h>
#include <string.h>

#include "tally_table.h"
#include "tally_value.h"

#define BUCKETS_AT_START 256

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

void tallies_forget(struct tallies *tallies, unsigned family)
{
	struct tally **link = &tallies->dirty;

	while (*link)
		if ((*link)->family == family)
			*link = (*link)->dirty_next;
		else
			link = &(*link)->dirty_next;
	while (!STAILQ_EMPTY(&tallies->lists[family]))
		tally_drop(tallies, STAILQ_FIRST(&tallies->lists[family]));
	tallies->what[family] = NULL;
}

/* Finds or makes the tally with these labels, or the one that stands for all others. */
static int get(struct tallies *tallies, unsigned family, struct model_labels labels,
	       struct tally **ret_tally)
{
	static const char *const others[FAMILY_LABELS_MAX] = {"other", "other", "other", "other"};
	struct tally_label_key key;
	struct tally *tally;

	if (family >= FAMILY_ALL || !tallies->what[family] ||
	    labels.count != family_row_labels(tallies->what[family]->row))
		return -EINVAL;
	tally_key_make(tallies, family, labels, &key);
	tally = tally_find(tallies, family, &key);
	if (!tally && tallies->counts[family] >= tallies->series_limit - 1) {
		tallies->overflow++;
		labels.values = others;
		tally_key_make(tallies, family, labels, &key);
		tally = tally_find(tallies, family, &key);
	}
	if (!tally)
		tally = tally_create(tallies, family, &key);
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
	*ret_words = tally_tentative(tally);
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
	struct tally_label_key key;

	tally_key_make(tallies, family, labels, &key);
	tally = tally_find(tallies, family, &key);
	if (tally)
		*ret_value = tally_value_gauge(tally_tentative(tally), 0, 0, 0);
	return tally != NULL;
}

bool tally_get_committed(const struct tallies *tallies, unsigned family, int64_t wall_us,
			 uint64_t boot_ns, struct model_labels labels, double *ret_value)
{
	struct tally *tally;
	struct tally_label_key key;

	tally_key_make(tallies, family, labels, &key);
	tally = tally_find(tallies, family, &key);
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
			labels[i] = tally_key(tally)[i] ? tally_key(tally)[i] : TALLY_SEPARATOR;
		labels[i] = '\0';
		row.family = what->row->name;
		row.value_size = tally_value_encode(tally_tentative(tally), what, value);
		err = store->put_tally(store->context, &row);
	}
	return err;
}

void tallies_commit(struct tallies *tallies)
{
	struct tally *tally, *next;

	for (tally = tallies->dirty; tally; tally = next) {
		next = tally->dirty_next;
		memcpy(tally->words, tally_tentative(tally), tally->word_count * sizeof(uint64_t));
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
			memcpy(tally_tentative(tally), tally->words,
			       tally->word_count * sizeof(uint64_t));
		else
			tally_drop(tallies, tally);
	}
	tallies->dirty = NULL;
}

int tallies_load(struct tallies *tallies, const struct tally_row *row)
{
	char text[sizeof(((struct tally_label_key *)0)->text) + 1];
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
	memcpy(tally_tentative(tally), words, tally->word_count * sizeof(uint64_t));
	tally->committed = true;
	return 0;
}

static void add(const struct tallies *tallies, const struct tally *tally, int64_t wall_us,
		uint64_t boot_ns, enum family family, struct model *model)
{
	const struct tally_family *what = tallies->what[tally->family];
	const char *values[FAMILY_LABELS_MAX];
	struct model_labels labels = {values, 0};
	const char *at = tally_key(tally);

	for (; at < tally_key(tally) + tally->key_size; at += strlen(at) + 1)
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
