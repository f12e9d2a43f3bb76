// SPDX-License-Identifier: Apache-2.0
#include "approvals.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "approval_table.h"
#include "decided.h"
#include "session_label.h"

/* What a batch did to one approval. */
struct approval_change {
	struct approval *approval;
	struct approval_change *next;
	uint64_t old_message_ns;
	int32_t old_message_status;
	char *actor, *reason; /* of the decision; one allocation */
};

struct approvals {
	struct approval_table table;
	uint32_t pending; /* tentative */
	uint32_t limit;
	uint64_t boot_epoch;
	struct approval_change *changes;
	struct approval_heap heaps[APPROVAL_ORDERS]; /* committed ones */
	struct decided *decided;
	struct keyed_hash hash;
};

static void free_change(struct approval_change *change)
{
	if (change)
		free(change->actor);
	free(change);
}

int approvals_create(const uint8_t key[32], uint32_t decided_max, struct approvals **ret_approvals)
{
	struct approvals *approvals = calloc(1, sizeof(*approvals));

	if (!approvals)
		return -ENOMEM;
	if (decided_create(decided_max, &approvals->decided)) {
		approvals_free(approvals);
		return -ENOMEM;
	}
	approvals->heaps[BY_DUE].order = BY_DUE;
	keyed_hash_init(&approvals->hash, key, (uintptr_t)approvals);
	*ret_approvals = approvals;
	return 0;
}

void approvals_free(struct approvals *approvals)
{
	struct approval *approval;
	uint32_t at = 0;

	if (!approvals)
		return;
	while ((approval = approval_table_next(&approvals->table, &at))) {
		free_change(approval->change);
		free(approval);
	}
	approval_heap_release(&approvals->heaps[BY_REQUEST]);
	approval_heap_release(&approvals->heaps[BY_DUE]);
	decided_free(approvals->decided);
	approval_table_release(&approvals->table);
	free(approvals);
}

void approvals_set_limit(struct approvals *approvals, uint32_t pending_max)
{
	approvals->limit = pending_max;
}

void approvals_set_boot(struct approvals *approvals, uint64_t boot_epoch)
{
	approvals->boot_epoch = boot_epoch;
}

/* What is known about this id: its state, or APPROVAL_STATES. */
static unsigned state_of(const struct approvals *approvals, uint64_t hash, const char *id,
			 struct approval **ret_approval)
{
	int state;

	*ret_approval = approval_table_find(&approvals->table, hash, id);
	if (*ret_approval)
		return (*ret_approval)->state;
	state = decided_find(approvals->decided, hash);
	return state < 0 ? APPROVAL_STATES : (unsigned)state;
}

/* Notes that the batch changes this approval, with the texts of its decision. */
static int note_change(struct approvals *approvals, struct approval *approval, const char *actor,
		       const char *reason)
{
	size_t actor_size = strlen(actor) + 1, reason_size = strlen(reason) + 1;
	struct approval_change *change = approval->change;
	char *texts = malloc(actor_size + reason_size);

	if (!texts)
		return -ENOMEM;
	if (!change) {
		change = calloc(1, sizeof(*change));
		if (!change) {
			free(texts);
			return -ENOMEM;
		}
		change->approval = approval;
		change->old_message_ns = approval->message_ns;
		change->old_message_status = approval->message_status;
		change->next = approvals->changes;
		approvals->changes = change;
		approval->change = change;
	}
	free(change->actor);
	change->actor = memcpy(texts, actor, actor_size);
	change->reason = memcpy(texts + actor_size, reason, reason_size);
	return 0;
}

/* Only makes room: the approval is not in the table yet. */
static struct approval *make(struct approvals *approvals, const struct approval_request *request,
			     uint64_t hash)
{
	uint32_t count = approvals->table.count + 1;

	if (approval_table_reserve(&approvals->table) ||
	    approval_heap_reserve(&approvals->heaps[BY_REQUEST], count) ||
	    approval_heap_reserve(&approvals->heaps[BY_DUE], count))
		return NULL;
	return approval_make(request, hash);
}

static void insert(struct approvals *approvals, struct approval *approval)
{
	approval_table_add(&approvals->table, approval);
	approvals->pending++;
}

int approvals_request(struct approvals *approvals, const struct approval_request *request,
		      enum approval_verdict *ret_verdict, const struct approval **ret_approval)
{
	uint64_t hash = keyed_hash(&approvals->hash, request->id);
	struct approval *approval;
	unsigned state = state_of(approvals, hash, request->id, &approval);

	*ret_approval = NULL;
	*ret_verdict = approval_transitions[state][INPUT_REQUEST].verdict;
	if (*ret_verdict != VERDICT_TAKEN)
		return 0;
	if (approvals->pending >= approvals->limit) {
		*ret_verdict = VERDICT_FULL;
		return 0;
	}
	approval = make(approvals, request, hash);
	if (!approval)
		return -ENOMEM;
	if (note_change(approvals, approval, "", "")) {
		free(approval);
		return -ENOMEM;
	}
	insert(approvals, approval);
	*ret_approval = approval;
	return 0;
}

static int finish(struct approvals *approvals, struct approval *approval,
		  const struct approval_decision *decision, enum approval_state state)
{
	int err = note_change(approvals, approval, decision->actor, decision->reason);

	if (err)
		return err;
	approval->state = state;
	approval->decided_us = decision->decided_us;
	approval->automatic = decision->automatic;
	approvals->pending--;
	return 0;
}

int approvals_decide(struct approvals *approvals, const struct approval_decision *decision,
		     enum approval_verdict *ret_verdict, const struct approval **ret_approval)
{
	uint64_t hash = keyed_hash(&approvals->hash, decision->id);
	struct approval *approval;
	unsigned state = state_of(approvals, hash, decision->id, &approval);
	const struct approval_transition *transition =
		&approval_transitions[state][decision->input];
	struct approval_decision expiry = {
		.id = decision->id, .actor = "", .reason = "", .input = INPUT_EXPIRE};
	int err;

	*ret_approval = NULL;
	*ret_verdict = transition->verdict;
	if (transition->verdict != VERDICT_TAKEN)
		return 0;
	if (decision->decided_ns > approval->due_ns) {
		expiry.decided_us = approval->due_us;
		err = finish(approvals, approval, &expiry, APPROVAL_TIMED_OUT);
		if (transition->next != APPROVAL_TIMED_OUT)
			*ret_verdict = VERDICT_LATE;
	} else {
		err = finish(approvals, approval, decision, transition->next);
	}
	if (err)
		return err;
	*ret_approval = approval;
	return 0;
}

int approvals_message(struct approvals *approvals, const char *id, int32_t status, uint64_t ns,
		      enum approval_verdict *ret_verdict, const struct approval **ret_approval)
{
	uint64_t hash = keyed_hash(&approvals->hash, id);
	struct approval *approval;
	unsigned state = state_of(approvals, hash, id, &approval);
	int err;

	*ret_approval = NULL;
	*ret_verdict = approval_transitions[state][INPUT_MESSAGE].verdict;
	if (*ret_verdict != VERDICT_TAKEN)
		return 0;
	err = note_change(approvals, approval, "", "");
	if (err)
		return err;
	approval->message_status = status;
	approval->message_ns = ns;
	*ret_approval = approval;
	return 0;
}

int approvals_save(const struct approvals *approvals, const struct account_store *store)
{
	const struct approval_change *change;
	const struct approval *a;
	struct approval_row row;
	int err = 0;

	for (change = approvals->changes; change && !err; change = change->next) {
		a = change->approval;
		row = (struct approval_row){
			.approval_id = a->id,
			.session_id = approval_session(a),
			.tool = approval_tool(a),
			.priority = approval_priority(a),
			.agent_type = approval_agent_type(a),
			.reason = change->reason,
			.actor = change->actor,
			.requested_us = a->requested_us,
			.due_us = a->due_us,
			.decided_us = a->decided_us,
			.requested_boot_ns = (uint64_t)a->requested_ns,
			.boot_epoch = approvals->boot_epoch,
			.root_start_ns = a->root_start_ns,
			.message_ns = a->message_ns,
			.pid = a->pid,
			.root = a->root,
			.message_status = a->message_status,
			.state = a->state,
			.automatic = a->automatic,
		};
		err = store->put_approval(store->context, &row);
	}
	return err;
}

static void leave_heaps(struct approvals *approvals, struct approval *approval)
{
	approval_heap_remove(&approvals->heaps[BY_REQUEST], approval);
	approval_heap_remove(&approvals->heaps[BY_DUE], approval);
}

static void enter_heaps(struct approvals *approvals, struct approval *approval)
{
	approval->committed = true;
	approval_heap_add(&approvals->heaps[BY_REQUEST], approval);
	approval_heap_add(&approvals->heaps[BY_DUE], approval);
}

void approvals_commit(struct approvals *approvals)
{
	struct approval_change *change, *next;
	struct approval *approval;

	for (change = approvals->changes; change; change = next) {
		next = change->next;
		approval = change->approval;
		approval->change = NULL;
		free_change(change);
		if (approval->state != APPROVAL_PENDING) {
			if (approval->committed)
				leave_heaps(approvals, approval);
			decided_add(approvals->decided, approval->hash, approval->state);
			approval_table_remove(&approvals->table, approval);
			free(approval);
		} else if (!approval->committed) {
			enter_heaps(approvals, approval);
		}
	}
	approvals->changes = NULL;
}

void approvals_rollback(struct approvals *approvals)
{
	struct approval_change *change, *next;
	struct approval *approval;

	for (change = approvals->changes; change; change = next) {
		next = change->next;
		approval = change->approval;
		approval->change = NULL;
		if (approval->state != APPROVAL_PENDING)
			approvals->pending++;
		approval->state = APPROVAL_PENDING;
		approval->decided_us = 0;
		approval->automatic = 0;
		approval->message_ns = change->old_message_ns;
		approval->message_status = change->old_message_status;
		free_change(change);
		if (!approval->committed) {
			approvals->pending--;
			approval_table_remove(&approvals->table, approval);
			free(approval);
		}
	}
	approvals->changes = NULL;
}

int approvals_load(struct approvals *approvals, const struct approval_row *row,
		   int64_t requested_ns, int64_t due_ns)
{
	const struct approval_request request = {
		.id = row->approval_id,
		.session = row->session_id,
		.tool = row->tool,
		.priority = row->priority,
		.agent_type = row->agent_type,
		.requested_us = row->requested_us,
		.requested_ns = requested_ns,
		.due_us = row->due_us,
		.due_ns = due_ns,
		.root_start_ns = row->root_start_ns,
		.pid = row->pid,
		.root = row->root,
	};
	uint64_t hash = keyed_hash(&approvals->hash, row->approval_id);
	struct approval *approval;

	if (row->state >= APPROVAL_STATES || !approval_fits(&request))
		return -EINVAL;
	if (state_of(approvals, hash, row->approval_id, &approval) != APPROVAL_STATES)
		return -EINVAL;
	if (row->state != APPROVAL_PENDING) {
		decided_add(approvals->decided, hash, row->state);
		return 0;
	}
	approval = make(approvals, &request, hash);
	if (!approval)
		return -ENOMEM;
	approval->message_ns = row->message_ns;
	approval->message_status = row->message_status;
	insert(approvals, approval);
	enter_heaps(approvals, approval);
	return 0;
}

uint32_t approvals_tentative_count(const struct approvals *approvals)
{
	return approvals->pending;
}

uint32_t approvals_count(const struct approvals *approvals)
{
	return approvals->heaps[BY_REQUEST].used;
}

const struct approval *approvals_first(const struct approvals *approvals, enum approval_order order)
{
	return approval_heap_first(&approvals->heaps[order]);
}

void approvals_walk(const struct approvals *approvals, enum approval_order order,
		    int (*each)(void *context, const struct approval *approval), void *context)
{
	approval_heap_walk(&approvals->heaps[order], each, context);
}
