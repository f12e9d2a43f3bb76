// SPDX-License-Identifier: Apache-2.0
/*
 * Rows on their way from the accounts to the journal: copied while the accounts are locked, written
 * when they are not, so that no reader waits for the disk.
 */
#ifndef EXPORTER_JOURNAL_ROWS_H
#define EXPORTER_JOURNAL_ROWS_H

#include "account_store.h"

struct journal_rows;

/* 0 or -ENOMEM. */
int journal_rows_create(struct journal_rows **ret_rows);
void journal_rows_free(struct journal_rows *rows);

/* The functions that copy; -ENOMEM when memory runs out. */
struct account_store journal_rows_store(struct journal_rows *rows);
/* Gives all rows to `store` in the order they came. 0 or the first error. */
int journal_rows_play(const struct journal_rows *rows, const struct account_store *store);
/* Forgets the rows; keeps memory for a usual group. */
void journal_rows_clear(struct journal_rows *rows);

#endif
