// SPDX-License-Identifier: Apache-2.0
/*
 * What accounts should come to, as simply as can be: every approval there ever was, and all sums
 * anew each time. All times are microseconds of one clock.
 */
#ifndef TESTS_NAIVE_APPROVALS_H
#define TESTS_NAIVE_APPROVALS_H

#include <stdbool.h>
#include <stdint.h>

#include "event_types.h"

#define IDS	   24
#define ROOTS	   3
#define PENDING	   8
#define SECOND	   INT64_C(1000000)
#define TIMEOUT_US (60 * SECOND)
#define GRACE_US   (5 * SECOND)

enum kind {
	KIND_UNKNOWN = -1,
	KIND_PENDING,
	KIND_ACCEPTED,
	KIND_REJECTED,
	KIND_CANCELLED,
	KIND_TIMEOUT
};

struct naive_approval {
	int kind;
	int64_t requested_us, due_us, ended_us;
	int64_t unblocked_us; /* 0: still */
	unsigned root;	      /* 0: none */
};

struct naive {
	struct naive_approval approvals[IDS];
	unsigned late, duplicate, unmatched;
	unsigned generation[ROOTS + 1]; /* of each root: how many ended before it */
};

static inline unsigned naive_pending(const struct naive *naive)
{
	unsigned i, count = 0;

	for (i = 0; i < IDS; i++)
		count += naive->approvals[i].kind == KIND_PENDING;
	return count;
}

static inline void naive_end(struct naive_approval *approval, int kind, int64_t at_us)
{
	approval->kind = kind;
	approval->ended_us = at_us;
	if (!approval->unblocked_us)
		approval->unblocked_us = at_us;
}

/* What the event should do. Returns whether it should be taken. */
static inline bool naive_apply(struct naive *naive, int64_t now_us, enum event_type type,
			       unsigned id, unsigned root)
{
	static const int kinds[] = {[EVENT_APPROVAL_ACCEPTED] = KIND_ACCEPTED,
				    [EVENT_APPROVAL_REJECTED] = KIND_REJECTED,
				    [EVENT_APPROVAL_CANCELLED] = KIND_CANCELLED,
				    [EVENT_APPROVAL_TIMEOUT] = KIND_TIMEOUT};
	struct naive_approval *approval = &naive->approvals[id];

	if (type == EVENT_APPROVAL_REQUESTED) {
		if (approval->kind != KIND_UNKNOWN) {
			naive->duplicate++;
		} else if (naive_pending(naive) < PENDING) {
			*approval = (struct naive_approval){
				KIND_PENDING, now_us, now_us + TIMEOUT_US + GRACE_US, 0, 0, root};
			return true;
		}
		return false;
	}
	if (approval->kind == KIND_UNKNOWN) {
		naive->unmatched++;
	} else if (approval->kind == KIND_PENDING && now_us > approval->due_us) {
		naive_end(approval, KIND_TIMEOUT, approval->due_us);
		if (type != EVENT_APPROVAL_TIMEOUT)
			naive->late++;
		return type == EVENT_APPROVAL_TIMEOUT;
	} else if (approval->kind == KIND_PENDING) {
		naive_end(approval, kinds[type], now_us);
		return true;
	} else if (approval->kind == KIND_TIMEOUT && type != EVENT_APPROVAL_TIMEOUT) {
		naive->late++;
	} else {
		naive->duplicate++;
	}
	return false;
}

/* The length of the union of an agent's intervals, microsecond by interval end. */
static inline int64_t naive_blocked(const struct naive *naive, int64_t now_us, bool first_type)
{
	int64_t sum = 0, from, to, end;
	unsigned root, i;
	bool grown;

	for (root = 1; root <= ROOTS; root++) {
		if ((root == 1) != first_type)
			continue;
		for (to = 0;;) {
			from = INT64_MAX; /* the first interval that begins after the last one */
			for (i = 0; i < IDS; i++) {
				const struct naive_approval *a = &naive->approvals[i];

				end = a->unblocked_us ? a->unblocked_us : now_us;
				if (a->kind != KIND_UNKNOWN && a->root == root && end > to &&
				    a->requested_us < from)
					from = a->requested_us > to ? a->requested_us : to;
			}
			if (from == INT64_MAX)
				break;
			to = from;
			do { /* everything that touches it makes it longer */
				grown = false;
				for (i = 0; i < IDS; i++) {
					const struct naive_approval *a = &naive->approvals[i];

					end = a->unblocked_us ? a->unblocked_us : now_us;
					if (a->kind != KIND_UNKNOWN && a->root == root &&
					    a->requested_us <= to && end > to) {
						to = end;
						grown = true;
					}
				}
			} while (grown);
			sum += to - from;
		}
	}
	return sum;
}

/* The agent of this root ends: it is blocked no more, and does not come back. */
static inline void naive_end_agent(struct naive *naive, int64_t now_us, unsigned root)
{
	unsigned i;

	naive->generation[root]++;
	for (i = 0; i < IDS; i++) {
		struct naive_approval *approval = &naive->approvals[i];

		if (approval->kind == KIND_PENDING && approval->root == root &&
		    !approval->unblocked_us)
			approval->unblocked_us = now_us;
	}
}

/* Ends what nobody decided in time; how many. */
static inline unsigned naive_expire(struct naive *naive, int64_t now_us)
{
	unsigned i, due = 0;

	for (i = 0; i < IDS; i++) {
		struct naive_approval *approval = &naive->approvals[i];

		if (approval->kind != KIND_PENDING || approval->due_us > now_us)
			continue;
		naive_end(approval, KIND_TIMEOUT, approval->due_us);
		due++;
	}
	return due;
}

/* The host begins anew: no agent waits any more. */
static inline void naive_reboot(struct naive *naive, int64_t boot_us)
{
	unsigned i;

	for (i = 0; i < IDS; i++) {
		struct naive_approval *a = &naive->approvals[i];

		if (a->kind == KIND_PENDING && a->root && !a->unblocked_us)
			a->unblocked_us = a->due_us < boot_us ? a->due_us : boot_us;
	}
}

#endif
