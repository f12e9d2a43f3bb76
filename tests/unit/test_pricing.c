// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "budget.h"
#include "pricing.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static struct reporting_settings settings = {
	.price_count = 4,
	.prices =
		{
			{.model = "claude-*", .input = 1},
			{.model = "claude-opus-*", .input = 15000000, .output = 75000000},
			{.model = "claude-opus-4-1", .input = 2},
			{.model = "gpt-5", .input = 3},
		},
};

static void test_match(void **state)
{
	static const struct {
		const char *model;
		int price; /* index, or -1 */
	} rows[] = {
		{"claude-opus-4-1", 2},
		{"claude-opus-4-1-20250805", 1},
		{"claude-opus-", 1},
		{"claude-haiku", 0},
		{"claude-", 0},
		{"claude", -1},
		{"gpt-5", 3},
		{"gpt-5-mini", -1},
		{"", -1},
	};
	const struct reporting_price *price;
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		price = pricing_find(&settings, rows[i].model);
		if (rows[i].price < 0)
			assert_null(price);
		else
			assert_ptr_equal(price, &settings.prices[rows[i].price]);
	}
}

static void test_cost(void **state)
{
	const struct reporting_price price = {.input = 15000000,
					      .output = 75000000,
					      .cache_read = 1500000,
					      .cache_write = 18750000};
	const struct reporting_price third = {.input = 333333, .output = 166667};
	struct token_use use = {1000, 200, 50000, 1};

	(void)state;
	/* 15,000 + 15,000 + 75,000 + 18.75 micro-dollars */
	assert_int_equal(pricing_cost(&price, &use), 105019);
	/* 0.333333 + 0.166667 = 0.5: rounded once, on the sum, up */
	use = (struct token_use){1, 1, 0, 0};
	assert_int_equal(pricing_cost(&third, &use), 1);
	use = (struct token_use){1, 0, 0, 0};
	assert_int_equal(pricing_cost(&third, &use), 0);
	assert_int_equal(pricing_cost(NULL, &use), 0);
}

static void test_overflow(void **state)
{
	const struct reporting_price price = {
		.input = UINT64_MAX, .output = UINT64_MAX, .cache_read = UINT64_MAX};
	struct token_use use = {UINT64_C(1) << 53, UINT64_C(1) << 53, UINT64_C(1) << 53, 0};

	(void)state;
	assert_true(pricing_cost(&price, &use) == UINT64_MAX);
	use = (struct token_use){1000000, 0, 0, 0};
	assert_true(pricing_cost(&price, &use) == UINT64_MAX);
}

static double shown(const struct budget *budget, uint64_t configured, int64_t now_us,
		    enum family family)
{
	struct model *model;
	struct sample sample;
	double value = -1;

	assert_int_equal(model_create(0, &model), 0);
	budget_add(budget, configured, now_us, model);
	if (model_first(model, family)) {
		model_sample(model, model_first(model, family), &sample);
		value = sample.kind == VALUE_REAL ? sample.real : (double)sample.integer;
	}
	model_free(model);
	return value;
}

#define US INT64_C(1000000)

/* 2026-11-30 23:30 UTC is December in Berlin already. */
static void test_month(void **state)
{
	const int64_t november = 1795000000 * US, late = 1796081400 * US,
		      december = 1796500000 * US;
	struct budget budget = {0};

	(void)state;
	setenv("TZ", "UTC", 1);
	tzset();
	budget_spend(&budget, november, 1000000);
	budget_spend(&budget, late, 500000);
	assert_true(shown(&budget, 0, late, FAMILY_MONTH_COST) == 0);
	budget_commit(&budget);
	assert_true(shown(&budget, 0, late, FAMILY_MONTH_COST) == 1500000);
	assert_true(shown(&budget, 0, december, FAMILY_MONTH_COST) == 0);
	budget_spend(&budget, december, 7);
	budget_spend(&budget, november, 1000000);
	budget_commit(&budget);
	assert_true(shown(&budget, 0, december, FAMILY_MONTH_COST) == 7);

	memset(&budget, 0, sizeof(budget));
	setenv("TZ", "Europe/Berlin", 1);
	tzset();
	budget_spend(&budget, november, 1000000);
	budget_spend(&budget, late, 500000);
	budget_commit(&budget);
	assert_true(shown(&budget, 0, late, FAMILY_MONTH_COST) == 500000);
	setenv("TZ", "UTC", 1);
	tzset();
}

static void test_budget(void **state)
{
	struct budget budget = {0};

	(void)state;
	assert_true(shown(&budget, 0, US, FAMILY_BUDGET) == -1);
	assert_true(shown(&budget, 0, US, FAMILY_BUDGET_USED) == -1);
	budget_spend(&budget, US, 50);
	budget_commit(&budget);
	assert_true(shown(&budget, 200, US, FAMILY_BUDGET) == 200);
	assert_true(shown(&budget, 200, US, FAMILY_BUDGET_USED) == 0.25);
	budget_set(&budget, 100);
	budget_rollback(&budget);
	assert_true(shown(&budget, 200, US, FAMILY_BUDGET) == 200);
	budget_set(&budget, 100);
	budget_commit(&budget);
	assert_true(shown(&budget, 200, US, FAMILY_BUDGET_USED) == 0.5);
	assert_int_equal(budget_load(&budget, "monthly_budget", "400"), 0);
	assert_true(shown(&budget, 200, US, FAMILY_BUDGET_USED) == 0.125);
	assert_int_equal(budget_load(&budget, "monthly_budget", "much"), -EINVAL);
	assert_int_equal(budget_load(&budget, "something", "1"), -ENOENT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("an exact name wins, then the longest prefix, then nothing", test_match),
		TEST("cost is rounded once, on the sum, halves up", test_cost),
		TEST("cost saturates instead of wrapping", test_overflow),
		TEST("a month is the time zone's, and earlier costs are not this month's",
		     test_month),
		TEST("a budget that was set goes before the configured one, once it is committed",
		     test_budget),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
