// SPDX-License-Identifier: Apache-2.0
/* Approvals by id: open addressing, at most half full. Holds pointers, owns nothing they point to. */
#ifndef EXPORTER_APPROVAL_TABLE_H
#define EXPORTER_APPROVAL_TABLE_H

#include <stdint.h>

struct approval;

/* Start with zeroes. */
struct approval_table {
	struct approval **slots;
	uint32_t size, count;
};

/* Room for one more, so that approval_table_add() cannot fail; 0 or -ENOMEM. */
int approval_table_reserve(struct approval_table *table);
void approval_table_release(struct approval_table *table);

/* NULL when there is none with this id. */
struct approval *approval_table_find(const struct approval_table *table, uint64_t hash,
				     const char *id);
void approval_table_add(struct approval_table *table, struct approval *approval);
void approval_table_remove(struct approval_table *table, const struct approval *approval);
/* The next one, in no order; start with *at = 0. NULL after the last. */
struct approval *approval_table_next(const struct approval_table *table, uint32_t *at);

#endif
