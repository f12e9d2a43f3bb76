// SPDX-License-Identifier: Apache-2.0
/* What a batch of events adds to the journal's own tables (costs, roll-ups, runs, audit), kept until
 * the batch is saved. Texts are copied. */
#ifndef EXPORTER_ACCOUNT_ROWS_H
#define EXPORTER_ACCOUNT_ROWS_H

#include "account_store.h"

struct account_row;

/* Start with zeroes. */
struct account_rows {
	struct account_row *first, *last;
};

/* 0 or -ENOMEM. Roll-ups of one series in one minute are one row, unless they carry a duration. */
int account_rows_cost(struct account_rows *rows, const struct cost_row *row);
int account_rows_rollup(struct account_rows *rows, const struct rollup_row *row);
int account_rows_run(struct account_rows *rows, const struct run_row *row);
int account_rows_audit(struct account_rows *rows, const struct audit_row *row);

/* In the order they came; ends at the first error of the store. */
int account_rows_save(const struct account_rows *rows, const struct account_store *store);
void account_rows_clear(struct account_rows *rows);

#endif
