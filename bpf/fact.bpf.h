/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_FACT_BPF_H
#define OPERAGLASS_FACT_BPF_H

#include "fact.h"
#include "lost.bpf.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, FACTS_RING_SIZE);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} facts SEC(".maps");

/*
 * The only way to emit: a record that is zeroed whole, so that no kernel byte leaks, with its head
 * filled; NULL when the ring is full, which is counted. `size` is a constant of the caller.
 */
static __always_inline void *fact_reserve(enum fact_kind kind, __u32 size)
{
	struct fact_head *head = bpf_ringbuf_reserve(&facts, size, 0);

	if (!head) {
		lost_add(LOST_FACTS_FULL);
		return NULL;
	}
	__builtin_memset(head, 0, size);
	head->kind = kind;
	head->size = size;
	head->time_ns = bpf_ktime_get_boot_ns();
	return head;
}

/* Without a wake-up: waking a sleeping reader costs 15 us, the submit itself 0.2. The reader polls. */
static __always_inline void fact_submit(void *fact)
{
	bpf_ringbuf_submit(fact, BPF_RB_NO_WAKEUP);
}

#endif
