// SPDX-License-Identifier: Apache-2.0
/*
 * The state machine of approvals: requested -> accepted | rejected | cancelled | timed out.
 *
 * Invariants:
 *  - What may happen is one table (approval_transitions); everything else changes nothing.
 *  - Changes are tentative until approvals_commit(). Readers (approvals_count, _oldest, _walk,
 *    _next_due) see committed ones: an approval waits for them until its end is committed.
 *  - Durations are differences of CLOCK_BOOTTIME. A time before this boot is negative.
 *  - How the last ended is remembered, so that a second decision is told from an unknown one.
 */
#ifndef EXPORTER_APPROVALS_H
#define EXPORTER_APPROVALS_H

#include <stdbool.h>
#include <stdint.h>

#include "account_store.h"
#include "approval_heap.h"

struct approvals;
struct approval_change;

/* One that waits. Texts follow the struct: about 130 bytes and the texts. */
struct approval {
	uint64_t hash;
	int64_t requested_us, due_us; /* Unix */
	int64_t requested_ns, due_ns; /* CLOCK_BOOTTIME */
	int64_t decided_us;
	uint64_t root_start_ns, message_ns;
	struct approval_change *change; /* of this batch; NULL: none */
	uint32_t pid, root;
	int32_t message_status; /* as in struct approval_row */
	uint32_t places[APPROVAL_ORDERS];
	uint8_t state; /* enum approval_state; tentative */
	uint8_t automatic;
	bool committed;
	uint8_t session, tool, priority, agent_type; /* offset of each, behind the one before */
	char id[];
};

enum approval_input {
	INPUT_REQUEST,
	INPUT_ACCEPT,
	INPUT_REJECT,
	INPUT_CANCEL,
	INPUT_TIMEOUT, /* the application says so */
	INPUT_EXPIRE,  /* Operaglass says so */
	INPUT_MESSAGE, /* the message with the question was seen */
	APPROVAL_INPUTS
};

enum approval_verdict {
	VERDICT_TAKEN,
	VERDICT_DUPLICATE,
	VERDICT_LATE,
	VERDICT_UNMATCHED,
	VERDICT_IGNORED, /* changes nothing, and nobody did anything wrong */
	VERDICT_FULL,	 /* as many wait as may */
};

/* APPROVAL_STATES stands for an approval that is not known. */
struct approval_transition {
	uint8_t verdict; /* enum approval_verdict */
	uint8_t next;	 /* enum approval_state, with VERDICT_TAKEN */
};
extern const struct approval_transition approval_transitions[APPROVAL_STATES + 1][APPROVAL_INPUTS];

struct approval_request {
	const char *id, *session, *tool, *priority, *agent_type; /* "" when not given */
	int64_t requested_us, requested_ns, due_us, due_ns;
	uint64_t root_start_ns;
	uint32_t pid, root;
};

struct approval_decision {
	const char *id, *actor, *reason; /* "" when not given */
	enum approval_input input;	 /* not INPUT_REQUEST, not INPUT_MESSAGE */
	int64_t decided_us, decided_ns;
	bool automatic;
};

/* `key` makes hashes that outsiders cannot aim; 0 or -ENOMEM. */
int approvals_create(const uint8_t key[32], uint32_t decided_max, struct approvals **ret_approvals);
void approvals_free(struct approvals *approvals);
void approvals_set_limit(struct approvals *approvals, uint32_t pending_max);
void approvals_set_boot(struct approvals *approvals, uint64_t boot_epoch);

/*
 * 0 and a verdict, or -ENOMEM. With VERDICT_TAKEN *ret_approval is the approval, good until commit or
 * rollback. A decision that is dated after the approval was due is late, whether anybody noticed
 * before or not: then *ret_approval is what has just been timed out at its due time, else NULL.
 */
int approvals_request(struct approvals *approvals, const struct approval_request *request,
		      enum approval_verdict *ret_verdict, const struct approval **ret_approval);
int approvals_decide(struct approvals *approvals, const struct approval_decision *decision,
		     enum approval_verdict *ret_verdict, const struct approval **ret_approval);
int approvals_message(struct approvals *approvals, const char *id, int32_t status, uint64_t ns,
		      enum approval_verdict *ret_verdict, const struct approval **ret_approval);

/* Allocated, in no table; free() ends it. NULL without memory. Each text is at most 250 bytes. */
struct approval *approval_make(const struct approval_request *request, uint64_t hash);
bool approval_fits(const struct approval_request *request);

/* Good as long as the approval. */
const char *approval_session(const struct approval *approval);
const char *approval_tool(const struct approval *approval);
const char *approval_priority(const struct approval *approval);
const char *approval_agent_type(const struct approval *approval);

int approvals_save(const struct approvals *approvals, const struct account_store *store);
void approvals_commit(struct approvals *approvals);
void approvals_rollback(struct approvals *approvals);

/* Stored rows. A waiting one is committed at once; the times on the boot clock are the caller's. 0,
 * -EINVAL, -ENOMEM. */
int approvals_load(struct approvals *approvals, const struct approval_row *row,
		   int64_t requested_ns, int64_t due_ns);

/* Those that wait: with the changes of this batch; and as readers see it. */
uint32_t approvals_tentative_count(const struct approvals *approvals);
uint32_t approvals_count(const struct approvals *approvals);
/* NULL when none waits. */
const struct approval *approvals_first(const struct approvals *approvals,
				       enum approval_order order);
void approvals_walk(const struct approvals *approvals, enum approval_order order,
		    int (*each)(void *context, const struct approval *approval), void *context);

#endif
