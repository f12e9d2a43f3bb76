// SPDX-License-Identifier: Apache-2.0
/* Approvals by time: the first is the one that was requested, or falls due, earliest. Each approval
 * knows its place in each heap, so that it can be taken out of the middle. */
#ifndef EXPORTER_APPROVAL_HEAP_H
#define EXPORTER_APPROVAL_HEAP_H

#include <stdbool.h>
#include <stdint.h>

struct approval;

enum approval_order {
	BY_REQUEST,
	BY_DUE,
	APPROVAL_ORDERS
};

/* Start with zeroes and an order. */
struct approval_heap {
	struct approval **slots;
	uint32_t used, capacity;
	enum approval_order order;
	bool passing; /* holds approvals of another heap for a moment: their places stay */
};

/* Room for `count` in all, so that approval_heap_add() cannot fail; 0 or -ENOMEM. */
int approval_heap_reserve(struct approval_heap *heap, uint32_t count);
void approval_heap_release(struct approval_heap *heap);

void approval_heap_add(struct approval_heap *heap, struct approval *approval);
void approval_heap_remove(struct approval_heap *heap, struct approval *approval);
/* NULL when empty. */
struct approval *approval_heap_first(const struct approval_heap *heap);

/* Calls `each` in order until it returns non-zero; in time and memory of what it visits. Ends early
 * when there is no memory. */
void approval_heap_walk(const struct approval_heap *heap,
			int (*each)(void *context, const struct approval *approval), void *context);

#endif
