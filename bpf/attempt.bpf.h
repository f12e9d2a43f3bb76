/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_ATTEMPT_BPF_H
#define OPERAGLASS_ATTEMPT_BPF_H

/*
 * Connections being made: a call has failed only when all its addresses have. See struct attempt.
 */
#include "loop.bpf.h"
#include "call.bpf.h"
#include "socket_maps.bpf.h"

/* The next address of a list is tried within so long, or the failure stands. RFC 8305 tells clients
 * to try the next address after 250 ms. */
#define ATTEMPT_GROUP_NS (1000 * 1000000LL)
/* Longer than any connect lasts (127 s with the kernel's defaults): a count that went wrong. */
#define ATTEMPT_STALE_NS (600 * 1000000000ULL)

/* A DNS question in place of an address: no connection goes to ffff::/16. */
static __always_inline void attempt_question(__u16 type, __u16 id, __u8 *first)
{
	__u16 *words = (__u16 *)first;

	__builtin_memset(first, 0, 16);
	words[0] = 0xffff;
	words[1] = type;
	words[2] = id;
}

static __always_inline bool address_equal(const __u8 *a, const __u8 *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;

	return x[0] == y[0] && x[1] == y[1];
}

static __always_inline bool is_question(const __u8 *first)
{
	return *(const __u16 *)first == 0xffff;
}

/*
 * Does `next` belong to the next call, not to the one whose first try was `first`? The same address
 * does; the same question, if it is not the resolver that sends it again; and a question after
 * addresses were tried.
 */
static __always_inline bool is_again(const __u8 *first, const __u8 *next)
{
	const __u16 *x = (const __u16 *)first, *y = (const __u16 *)next;

	if (!is_question(next))
		return address_equal(first, next);
	return !is_question(first) || (x[1] == y[1] && x[2] != y[2]);
}

/* Counts the failure that waits in a copied row, if nobody else has deleted the row first. */
static __always_inline bool attempt_commit(const struct attempt_key *key,
					   const struct attempt *attempt)
{
	if (bpf_map_delete_elem(&attempts, key))
		return false;
	call_count_unsent(key->tgid, key->upstream, attempt->failure, attempt->begin_ns,
			  attempt->failed_ns);
	return true;
}

/* For pointers to 16 bytes, which a SUBPROGRAM can have to a struct only. */
struct attempt_address {
	__u8 bytes[16];
};

/* `in_flight`: 1 for a connection, which ends with attempt_ended; 0 for a DNS question, which may
 * never end. Addresses are aligned to 8. */
SUBPROGRAM int attempt_begin_at(const struct attempt_key *from,
				const struct attempt_address *address, __u64 now, __u32 in_flight)
{
	const __u8 *first = (const __u8 *)address;
	struct attempt copy = {.begin_ns = now, .in_flight = in_flight};
	struct attempt_key key;
	struct attempt *row;

	if (!from || !first)
		return 0;
	key = *from;
	row = bpf_map_lookup_elem(&attempts, &key);
	if (row && row->failure &&
	    (is_again(row->first, first) || (__s64)(now - row->failed_ns) > ATTEMPT_GROUP_NS)) {
		copy = *row;
		attempt_commit(&key, &copy);
		copy.in_flight += in_flight;
		copy.failure = FAILURE_NONE;
		copy.earlier = FAILURE_NONE;
		row = NULL;
	}
	if (!row) {
		copy.begin_ns = now;
		__builtin_memcpy(copy.first, first, sizeof(copy.first));
		if (bpf_map_update_elem(&attempts, &key, &copy, BPF_ANY))
			lost_add(LOST_ATTEMPTS_FULL);
		return 0;
	}
	if (!row->failure && !row->in_flight &&
	    (row->success_ns >= row->begin_ns || (__s64)(now - row->begin_ns) > ATTEMPT_GROUP_NS ||
	     is_question(row->first) != is_question(first))) { /* a new group */
		__builtin_memcpy(row->first, first, sizeof(row->first));
		row->earlier = FAILURE_NONE;
	}
	if (row->failure) /* superseded */
		row->earlier = row->failure;
	row->failure = FAILURE_NONE;
	row->begin_ns = now;
	if (in_flight)
		__sync_fetch_and_add(&row->in_flight, 1);
	return 0;
}

static __always_inline void attempt_begin(const struct attempt_key *key, const __u8 *first,
					  __u64 now, __u32 in_flight)
{
	attempt_begin_at(key, (const struct attempt_address *)first, now, in_flight);
}

/* What began at begin_ns ended in a failure. */
SUBPROGRAM int attempt_failed_at(const struct attempt_key *from, const struct attempt_address *last,
				 __u32 failure, __u64 begin_ns)
{
	const __u8 *address = (const __u8 *)last;
	struct attempt copy = {.begin_ns = begin_ns}, *row;
	__u64 now = bpf_ktime_get_boot_ns();
	struct attempt_key key;

	if (!from || !address)
		return 0;
	key = *from;
	row = bpf_map_lookup_elem(&attempts, &key);
	if (row && row->success_ns >= begin_ns && !address_equal(row->succeeded, address) &&
	    is_question(row->succeeded) == is_question(address))
		return 0; /* another address won */
	if (row && row->failure && is_again(row->first, address)) {
		copy = *row;
		attempt_commit(&key, &copy);
		copy.earlier = FAILURE_NONE;
		row = NULL;
	}
	if (row) {
		/* That one of the addresses has no route says less than how another one failed. */
		if (failure == FAILURE_UNREACHABLE && row->earlier)
			failure = row->earlier;
		row->failed_ns = now;
		row->failure = failure;
		return 0;
	}
	__builtin_memcpy(copy.first, address, sizeof(copy.first));
	copy.failed_ns = now;
	copy.failure = failure;
	if (bpf_map_update_elem(&attempts, &key, &copy, BPF_ANY)) {
		lost_add(LOST_ATTEMPTS_FULL);
		call_count_unsent(key.tgid, key.upstream, failure, begin_ns, now);
	}
	return 0;
}

static __always_inline void attempt_failed(const struct attempt_key *key, const __u8 *address,
					   __u32 failure, __u64 begin_ns)
{
	attempt_failed_at(key, (const struct attempt_address *)address, failure, begin_ns);
}

static __always_inline void attempt_succeeded(const struct attempt_key *key, const __u8 *address)
{
	struct attempt *row = bpf_map_lookup_elem(&attempts, key);

	if (!row)
		return;
	row->failure = FAILURE_NONE;
	__builtin_memcpy(row->succeeded, address, sizeof(row->succeeded));
	row->success_ns = bpf_ktime_get_boot_ns();
}

/* A connection left SYN_SENT, however. */
static __always_inline void attempt_ended(const struct attempt_key *key)
{
	struct attempt *row = bpf_map_lookup_elem(&attempts, key);

	if (row && row->in_flight)
		__sync_fetch_and_add(&row->in_flight, -1);
}

#endif
