// SPDX-License-Identifier: Apache-2.0
#include "budget.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define SECOND_US INT64_C(1000000)

static const char month_name[] = "month_cost", budget_name[] = "monthly_budget";

/* The month around this time, as the time zone has it. */
static void find_month(int64_t time_us, int64_t *ret_begin_us, int64_t *ret_end_us)
{
	time_t seconds = (time_t)(time_us / SECOND_US);
	struct tm month;

	localtime_r(&seconds, &month);
	month.tm_mday = 1;
	month.tm_hour = month.tm_min = month.tm_sec = 0;
	month.tm_isdst = -1;
	*ret_begin_us = (int64_t)mktime(&month) * SECOND_US;
	month.tm_mday = 1;
	month.tm_mon++;
	month.tm_hour = month.tm_min = month.tm_sec = 0;
	month.tm_isdst = -1;
	*ret_end_us = (int64_t)mktime(&month) * SECOND_US;
}

void budget_spend(struct budget *budget, int64_t time_us, uint64_t microdollars)
{
	struct month_cost *month = &budget->tentative;

	if (time_us < month->begin_us)
		return;
	budget->changed = true;
	if (time_us >= month->end_us) {
		find_month(time_us, &month->begin_us, &month->end_us);
		month->microdollars = 0;
	}
	if (__builtin_add_overflow(month->microdollars, microdollars, &month->microdollars))
		month->microdollars = UINT64_MAX;
}

void budget_set(struct budget *budget, uint64_t monthly)
{
	budget->tentative.budget = monthly;
	budget->changed = true;
}

int budget_save(const struct budget *budget, const struct account_store *store)
{
	const struct month_cost *month = &budget->tentative;
	char value[96];
	int err;

	if (!budget->changed)
		return 0;
	snprintf(value, sizeof(value), "%" PRId64 " %" PRId64 " %" PRIu64, month->begin_us,
		 month->end_us, month->microdollars);
	err = store->put_value(store->context, month_name, value);
	if (err)
		return err;
	snprintf(value, sizeof(value), "%" PRIu64, month->budget);
	return store->put_value(store->context, budget_name, value);
}

void budget_commit(struct budget *budget)
{
	budget->committed = budget->tentative;
	budget->changed = false;
}

void budget_rollback(struct budget *budget)
{
	budget->tentative = budget->committed;
	budget->changed = false;
}

int budget_load(struct budget *budget, const char *name, const char *value)
{
	struct month_cost *month = &budget->tentative;
	int64_t begin_us, end_us;
	uint64_t number;
	int taken;

	if (!strcmp(name, month_name)) {
		taken = sscanf(value, "%" SCNd64 " %" SCNd64 " %" SCNu64, &begin_us, &end_us,
			       &number);
		if (taken != 3)
			return -EINVAL;
		month->begin_us = begin_us;
		month->end_us = end_us;
		month->microdollars = number;
	} else if (!strcmp(name, budget_name)) {
		if (sscanf(value, "%" SCNu64, &number) != 1)
			return -EINVAL;
		month->budget = number;
	} else {
		return -ENOENT;
	}
	budget->committed = *month;
	return 0;
}

void budget_add(const struct budget *budget, uint64_t configured, int64_t now_us,
		struct model *model)
{
	const struct month_cost *month = &budget->committed;
	uint64_t limit = month->budget ? month->budget : configured;
	uint64_t spent = now_us < month->end_us ? month->microdollars : 0;

	model_add(model, FAMILY_MONTH_COST, spent);
	if (!limit)
		return;
	model_add(model, FAMILY_BUDGET, limit);
	model_add_real(model, FAMILY_BUDGET_USED, (double)spent / (double)limit);
}
