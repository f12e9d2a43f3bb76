// SPDX-License-Identifier: Apache-2.0
#include "approval_heap.h"

#include <errno.h>
#include <stdlib.h>

#include "approvals.h"

#define SLOTS_AT_START 64

int approval_heap_reserve(struct approval_heap *heap, uint32_t count)
{
	uint32_t capacity = heap->capacity ? heap->capacity : SLOTS_AT_START;
	struct approval **slots;

	if (count <= heap->capacity)
		return 0;
	while (capacity < count)
		capacity *= 2;
	slots = realloc(heap->slots, capacity * sizeof(struct approval *));
	if (!slots)
		return -ENOMEM;
	heap->slots = slots;
	heap->capacity = capacity;
	return 0;
}

void approval_heap_release(struct approval_heap *heap)
{
	free(heap->slots);
	heap->slots = NULL;
	heap->used = heap->capacity = 0;
}

static bool before(const struct approval_heap *heap, const struct approval *a,
		   const struct approval *b)
{
	if (heap->order == BY_DUE)
		return a->due_ns < b->due_ns;
	return a->requested_ns < b->requested_ns;
}

static void place(struct approval_heap *heap, uint32_t at, struct approval *approval)
{
	heap->slots[at] = approval;
	if (!heap->passing)
		approval->places[heap->order] = at;
}

static void sift(struct approval_heap *heap, uint32_t at, struct approval *approval)
{
	uint32_t child;

	while (at > 0 && before(heap, approval, heap->slots[(at - 1) / 2])) {
		place(heap, at, heap->slots[(at - 1) / 2]);
		at = (at - 1) / 2;
	}
	for (child = 2 * at + 1; child < heap->used; child = 2 * at + 1) {
		if (child + 1 < heap->used &&
		    before(heap, heap->slots[child + 1], heap->slots[child]))
			child++;
		if (!before(heap, heap->slots[child], approval))
			break;
		place(heap, at, heap->slots[child]);
		at = child;
	}
	place(heap, at, approval);
}

void approval_heap_add(struct approval_heap *heap, struct approval *approval)
{
	heap->used++;
	sift(heap, heap->used - 1, approval);
}

static void remove_at(struct approval_heap *heap, uint32_t at)
{
	struct approval *last = heap->slots[--heap->used];

	if (at < heap->used)
		sift(heap, at, last);
}

void approval_heap_remove(struct approval_heap *heap, struct approval *approval)
{
	remove_at(heap, approval->places[heap->order]);
}

struct approval *approval_heap_first(const struct approval_heap *heap)
{
	return heap->used ? heap->slots[0] : NULL;
}

/* The next one in order is always a child of one that was visited: a second heap of candidates. */
void approval_heap_walk(const struct approval_heap *heap,
			int (*each)(void *context, const struct approval *approval), void *context)
{
	struct approval_heap candidates = {.order = heap->order, .passing = true};
	const struct approval *approval;
	uint32_t child;

	if (heap->used == 0 || approval_heap_reserve(&candidates, 1))
		return;
	approval_heap_add(&candidates, heap->slots[0]);
	while (candidates.used) {
		approval = candidates.slots[0];
		remove_at(&candidates, 0);
		if (each(context, approval) ||
		    approval_heap_reserve(&candidates, candidates.used + 2))
			break;
		child = 2 * approval->places[heap->order] + 1;
		if (child < heap->used)
			approval_heap_add(&candidates, heap->slots[child]);
		if (child + 1 < heap->used)
			approval_heap_add(&candidates, heap->slots[child + 1]);
	}
	approval_heap_release(&candidates);
}
