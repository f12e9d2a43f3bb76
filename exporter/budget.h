// SPDX-License-Identifier: Apache-2.0
/*
 * The cost of this month, in the process's time zone (TZ is set by whoever starts it), and the
 * budget it is measured by. Both are kept as small named values. Changes are tentative until
 * budget_commit(); budget_add() shows committed ones.
 */
#ifndef EXPORTER_BUDGET_H
#define EXPORTER_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

#include "account_store.h"
#include "model.h"

struct month_cost {
	int64_t begin_us, end_us; /* of the month; 0: none yet */
	uint64_t microdollars;
	uint64_t budget; /* that was set, a month; 0: none, the configured one counts */
};

/* Start with zeroes. */
struct budget {
	struct month_cost tentative, committed;
	bool changed;
};

/* Costs of an earlier month than the newest are not of this month. */
void budget_spend(struct budget *budget, int64_t time_us, uint64_t microdollars);
void budget_set(struct budget *budget, uint64_t monthly);

int budget_save(const struct budget *budget, const struct account_store *store);
void budget_commit(struct budget *budget);
void budget_rollback(struct budget *budget);
/* 0; -ENOENT: not a value of this; -EINVAL. */
int budget_load(struct budget *budget, const char *name, const char *value);

void budget_add(const struct budget *budget, uint64_t configured, int64_t now_us,
		struct model *model);

#endif
