// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tally.h"
#include "tally_value.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static const uint64_t bounds[] = {10, 100};
static const struct tally_family tasks = {&families[FAMILY_TASKS], NULL, 0};
static const struct tally_family depth = {&families[FAMILY_QUEUE_DEPTH], NULL, 0};
static const struct tally_family duration = {&families[FAMILY_TASK_DURATION], bounds, 2};

/* A store that keeps the last rows. */
struct rows {
	unsigned count, fail_at;
	struct {
		char family[64], labels[64];
		uint8_t value[TALLY_VALUE_SIZE];
		size_t size;
	} rows[8];
};

static int put(void *context, const struct tally_row *row)
{
	struct rows *rows = context;

	if (rows->fail_at && rows->count + 1 == rows->fail_at)
		return -EIO;
	snprintf(rows->rows[rows->count].family, 64, "%s", row->family);
	snprintf(rows->rows[rows->count].labels, 64, "%s", row->labels);
	memcpy(rows->rows[rows->count].value, row->value, row->value_size);
	rows->rows[rows->count++].size = row->value_size;
	return 0;
}

static struct tallies *create(uint32_t limit)
{
	struct tallies *tallies;

	assert_int_equal(tallies_create(limit, &tallies), 0);
	tallies_declare(tallies, FAMILY_TASKS, &tasks);
	tallies_declare(tallies, FAMILY_QUEUE_DEPTH, &depth);
	tallies_declare(tallies, FAMILY_TASK_DURATION, &duration);
	return tallies;
}

static struct model *show(const struct tallies *tallies)
{
	enum family declared[FAMILY_DECLARED_MAX];
	struct model *model;
	unsigned i;

	for (i = 0; i < FAMILY_DECLARED_MAX; i++)
		declared[i] = (enum family)FAMILY_ALL;
	assert_int_equal(model_create(20000, &model), 0);
	tallies_add(tallies, 1, 1, declared, model);
	return model;
}

/* The value of the series with this first label; -1 without it. */
static double value_of(const struct tallies *tallies, enum family family, const char *label)
{
	struct model *model = show(tallies);
	const struct series *series;
	struct sample sample;
	double value = -1;

	for (series = model_first(model, family); series; series = model_next(model, series)) {
		model_sample(model, series, &sample);
		if (!strcmp(sample.labels[0], label))
			value = sample.kind == VALUE_REAL ? sample.real : (double)sample.integer;
	}
	model_free(model);
	return value;
}

static void test_commit(void **state)
{
	struct tallies *tallies = create(10);

	(void)state;
	tally_count(tallies, FAMILY_TASKS, 3, MODEL_LABELS("success"));
	assert_true(value_of(tallies, FAMILY_TASKS, "success") == -1);
	tallies_commit(tallies);
	assert_true(value_of(tallies, FAMILY_TASKS, "success") == 3);
	tally_count(tallies, FAMILY_TASKS, 2, MODEL_LABELS("success"));
	assert_true(value_of(tallies, FAMILY_TASKS, "success") == 3);
	tallies_commit(tallies);
	assert_true(value_of(tallies, FAMILY_TASKS, "success") == 5);
	tallies_free(tallies);
}

static void test_rollback(void **state)
{
	struct tallies *tallies = create(10);
	struct rows rows = {0};
	const struct account_store store = {.context = &rows, .put_tally = put};
	double value;

	(void)state;
	tally_count(tallies, FAMILY_TASKS, 1, MODEL_LABELS("a"));
	tally_set(tallies, FAMILY_QUEUE_DEPTH, 7, NULL, MODEL_LABELS("q"));
	tallies_commit(tallies);
	tally_count(tallies, FAMILY_TASKS, 5, MODEL_LABELS("a"));
	tally_count(tallies, FAMILY_TASKS, 5, MODEL_LABELS("b"));
	tally_set(tallies, FAMILY_QUEUE_DEPTH, 9, NULL, MODEL_LABELS("q"));
	tallies_rollback(tallies);
	assert_int_equal(tallies_save(tallies, &store), 0);
	assert_int_equal(rows.count, 0);
	assert_true(tally_get(tallies, FAMILY_QUEUE_DEPTH, MODEL_LABELS("q"), &value));
	assert_true(value == 7);
	tally_count(tallies, FAMILY_TASKS, 1, MODEL_LABELS("a"));
	tallies_commit(tallies);
	assert_true(value_of(tallies, FAMILY_TASKS, "a") == 2);
	assert_true(value_of(tallies, FAMILY_TASKS, "b") == -1);
	tallies_free(tallies);
}

static void test_limit(void **state)
{
	struct tallies *tallies = create(4);
	char label[16];
	unsigned i;

	(void)state;
	for (i = 0; i < 10; i++) {
		snprintf(label, sizeof(label), "label%u", i);
		assert_int_equal(tally_count(tallies, FAMILY_TASKS, 1, MODEL_LABELS(label)), 0);
	}
	tally_count(tallies, FAMILY_TASKS, 1, MODEL_LABELS("label1"));
	tallies_commit(tallies);
	assert_true(value_of(tallies, FAMILY_TASKS, "label1") == 2);
	assert_true(value_of(tallies, FAMILY_TASKS, "label2") == 1);
	assert_true(value_of(tallies, FAMILY_TASKS, "label3") == -1);
	assert_true(value_of(tallies, FAMILY_TASKS, "other") == 7);
	assert_int_equal(tallies_overflow(tallies), 7);
	tallies_free(tallies);
}

static void test_stored(void **state)
{
	struct tallies *tallies = create(10), *again = create(10);
	struct rows rows = {0};
	const struct account_store store = {.context = &rows, .put_tally = put};
	struct tally_row row;
	struct sample sample;
	struct model *model;
	unsigned i;

	(void)state;
	tally_count(tallies, FAMILY_TASKS, UINT64_MAX - 1, MODEL_LABELS("a\x1f\"b"));
	tally_count(tallies, FAMILY_TASKS, 7, MODEL_LABELS("a\x1f\"b"));
	tally_set(tallies, FAMILY_QUEUE_DEPTH, -2.5, NULL, MODEL_LABELS(""));
	tally_observe(tallies, FAMILY_TASK_DURATION, 10, 0, MODEL_LABELS());
	tally_observe(tallies, FAMILY_TASK_DURATION, 11, 0, MODEL_LABELS());
	tally_observe(tallies, FAMILY_TASK_DURATION, 1000, 0, MODEL_LABELS());
	assert_int_equal(tallies_save(tallies, &store), 0);
	assert_int_equal(rows.count, 3);
	for (i = 0; i < rows.count; i++) {
		row = (struct tally_row){rows.rows[i].family, rows.rows[i].labels,
					 rows.rows[i].value, rows.rows[i].size};
		assert_int_equal(tallies_load(again, &row), 0);
		row.value_size--;
		assert_int_equal(tallies_load(again, &row), -EINVAL);
		row.value_size++;
		rows.rows[i].value[0]++;
		assert_int_equal(tallies_load(again, &row), -EINVAL);
	}
	assert_true(value_of(again, FAMILY_TASKS, "a \"b") == (double)UINT64_MAX);
	assert_true(value_of(again, FAMILY_QUEUE_DEPTH, "") == -2.5);
	model = show(again);
	model_sample(model, model_first(model, FAMILY_TASK_DURATION), &sample);
	assert_int_equal(sample.distribution.sum, 1021);
	assert_int_equal(sample.distribution.counts[0], 1);
	assert_int_equal(sample.distribution.counts[1], 1);
	assert_int_equal(sample.distribution.counts[2], 1);
	model_free(model);
	tallies_free(again);
	tallies_free(tallies);
}

static void test_bad_rows(void **state)
{
	struct tallies *tallies = create(10);
	struct tally_row row = {"nobody_knows_it", "a\x1f", "", 0};

	(void)state;
	assert_int_equal(tallies_load(tallies, &row), -ENOENT);
	row.family = "orchestrate_tasks_total";
	assert_int_equal(tallies_load(tallies, &row), -EINVAL);
	row.labels = "no separator";
	assert_int_equal(tallies_load(tallies, &row), -EINVAL);
	assert_int_equal(tally_count(tallies, FAMILY_TASKS, 1, MODEL_LABELS("a", "b")), -EINVAL);
	assert_int_equal(tally_count(tallies, FAMILY_STORIES, 1, MODEL_LABELS("a")), -EINVAL);
	tallies_free(tallies);
}

static void test_store_fails(void **state)
{
	struct tallies *tallies = create(10);
	struct rows rows = {.fail_at = 2};
	const struct account_store store = {.context = &rows, .put_tally = put};

	(void)state;
	tally_count(tallies, FAMILY_TASKS, 1, MODEL_LABELS("a"));
	tally_count(tallies, FAMILY_TASKS, 1, MODEL_LABELS("b"));
	assert_int_equal(tallies_save(tallies, &store), -EIO);
	tallies_rollback(tallies);
	assert_true(value_of(tallies, FAMILY_TASKS, "a") == -1);
	tallies_free(tallies);
}

static void test_expiry(void **state)
{
	struct tallies *tallies = create(10);
	const struct tally_expiry expiry = {5000000, 900, 1};
	double value;

	(void)state;
	tallies_set_boot(tallies, 1);
	tally_set(tallies, FAMILY_QUEUE_DEPTH, 1, &expiry, MODEL_LABELS("q"));
	tallies_commit(tallies);
	tally_get_committed(tallies, FAMILY_QUEUE_DEPTH, 9000000, 899, MODEL_LABELS("q"), &value);
	assert_true(value == 1);
	tally_get_committed(tallies, FAMILY_QUEUE_DEPTH, 1, 900, MODEL_LABELS("q"), &value);
	assert_true(value == 0);
	tallies_set_boot(tallies, 2);
	tally_get_committed(tallies, FAMILY_QUEUE_DEPTH, 4999999, 5000, MODEL_LABELS("q"), &value);
	assert_true(value == 1);
	tally_get_committed(tallies, FAMILY_QUEUE_DEPTH, 5000000, 1, MODEL_LABELS("q"), &value);
	assert_true(value == 0);
	tallies_free(tallies);
}

/* Ten thousand sets of labels through growth, and half of them taken back. */
static void test_many(void **state)
{
	struct tallies *tallies = create(20000);
	char label[16];
	unsigned i;

	(void)state;
	for (i = 0; i < 10000; i++) {
		snprintf(label, sizeof(label), "label%u", i);
		tally_count(tallies, FAMILY_TASKS, i, MODEL_LABELS(label));
		if (i == 4999)
			tallies_commit(tallies);
	}
	tallies_rollback(tallies);
	assert_true(value_of(tallies, FAMILY_TASKS, "label4999") == 4999);
	assert_true(value_of(tallies, FAMILY_TASKS, "label5000") == -1);
	tally_count(tallies, FAMILY_TASKS, 1, MODEL_LABELS("label7000"));
	tally_count(tallies, FAMILY_TASKS, 1, MODEL_LABELS("label70"));
	tallies_commit(tallies);
	assert_true(value_of(tallies, FAMILY_TASKS, "label70") == 71);
	tallies_free(tallies);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("readers see what is committed, and nothing else", test_commit),
		TEST("a rollback leaves everything as before the batch, and nothing to save",
		     test_rollback),
		TEST("from the series limit on what is new is other, and counted", test_limit),
		TEST("what is saved is loaded again, bit by bit; other versions and sizes are not",
		     test_stored),
		TEST("rows and label sets that make no sense are refused", test_bad_rows),
		TEST("the first failure of the store ends the save", test_store_fails),
		TEST("a gauge with a time to live is 0 after it, by the clock that counts",
		     test_expiry),
		TEST("ten thousand label sets are found again, and half of them can be taken back",
		     test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
