// SPDX-License-Identifier: Apache-2.0
/* What happens when an approval is requested, decided or delivered. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "accounts_parts.h"

#define NANOSECONDS 1e9

static const char *const state_names[APPROVAL_STATES] = {
	[APPROVAL_PENDING] = "pending",	  [APPROVAL_ACCEPTED] = "accepted",
	[APPROVAL_REJECTED] = "rejected", [APPROVAL_CANCELLED] = "cancelled",
	[APPROVAL_TIMED_OUT] = "timeout",
};

static const struct {
	enum event_type type;
	enum approval_input input;
} inputs[] = {
	{EVENT_APPROVAL_REQUESTED, INPUT_REQUEST}, {EVENT_APPROVAL_ACCEPTED, INPUT_ACCEPT},
	{EVENT_APPROVAL_REJECTED, INPUT_REJECT},   {EVENT_APPROVAL_CANCELLED, INPUT_CANCEL},
	{EVENT_APPROVAL_TIMEOUT, INPUT_TIMEOUT},   {EVENT_APPROVAL_EXPIRED, INPUT_EXPIRE},
};

static const struct {
	enum outcome_kind kind;
	const char *name; /* NULL: not counted */
} verdicts[] = {
	[VERDICT_TAKEN] = {OUTCOME_TAKEN, NULL},
	[VERDICT_DUPLICATE] = {OUTCOME_DUPLICATE, "duplicate"},
	[VERDICT_LATE] = {OUTCOME_LATE, "late"},
	[VERDICT_UNMATCHED] = {OUTCOME_UNMATCHED, "unmatched"},
	[VERDICT_IGNORED] = {OUTCOME_DUPLICATE, NULL},
	[VERDICT_FULL] = {OUTCOME_REFUSED, NULL},
};

#define ADD(accounts, family, more, ...) \
	tally_count((accounts)->tallies, family, more, MODEL_LABELS(__VA_ARGS__))

static int count_depth(struct accounts *accounts, enum family family)
{
	int err = ADD(accounts, family, 1);

	return err ? err
		   : tally_observe(accounts->tallies, FAMILY_APPROVAL_DEPTH,
				   approvals_tentative_count(accounts->approvals), 0,
				   MODEL_LABELS());
}

static int request(struct accounts *accounts, const struct event *event,
		   enum approval_verdict *ret_verdict)
{
	const struct reporting_settings *settings = &accounts->settings;
	struct event_moment moment = accounts_moment(event);
	double timeout = event_number(event, FIELD_TIMEOUT_SECONDS, -1);
	int64_t wait_ns = timeout < 0 ? (int64_t)settings->approval_timeout_ns
				      : (int64_t)round(timeout * NANOSECONDS);
	struct approval_request what = {
		.id = accounts_text(event, FIELD_APPROVAL_ID, ""),
		.session = accounts_text(event, FIELD_SESSION_ID, ""),
		.tool = accounts_text(event, FIELD_TOOL, ""),
		.priority = accounts_text(event, FIELD_PRIORITY, ""),
		.agent_type = accounts_agent_type(event, ""),
		.requested_us = moment.wall_us,
		.requested_ns = moment.boot_ns,
		.pid = (uint32_t)event_number(event, FIELD_PID, event_origin(event)->pid),
	};
	const struct approval *approval;
	const char *type;
	int err;

	wait_ns += (int64_t)settings->approval_grace_ns;
	what.due_us = what.requested_us + wait_ns / 1000;
	what.due_ns = what.requested_ns + wait_ns;
	what.root = event_root(event, &what.root_start_ns, &type);
	err = approvals_request(accounts->approvals, &what, ret_verdict, &approval);
	if (err || *ret_verdict != VERDICT_TAKEN)
		return err;
	if (what.root)
		blocked_begin(accounts->blocked, what.root, what.root_start_ns,
			      what.agent_type[0] ? what.agent_type : "unknown", what.requested_ns,
			      what.due_ns);
	err = count_depth(accounts, FAMILY_APPROVAL_ENQUEUE);
	return err ? err : accounts_effects(accounts, event);
}

/* Counters that depend on how it ended. */
static int count_result(struct accounts *accounts, const struct event *event,
			const struct approval *approval)
{
	char text[SESSION_LABEL_SIZE];
	const char *id = approval_session(approval);
	const char *session =
		session_label(&accounts->hash, accounts->settings.session_label,
			      id[0] ? id : accounts_text(event, FIELD_SESSION_ID, ""), text);

	if (approval->state == APPROVAL_ACCEPTED)
		return ADD(accounts, FAMILY_APPROVAL_ACCEPTED, 1, session);
	if (approval->state == APPROVAL_REJECTED)
		return ADD(accounts, FAMILY_APPROVAL_REJECTED, 1, session,
			   accounts_text(event, FIELD_REASON, "unknown"));
	if (approval->state == APPROVAL_TIMED_OUT)
		return ADD(accounts, FAMILY_APPROVAL_TIMEOUT, 1, session);
	return 0;
}

/* Decisions, by whomever, are what acceptance and rejection are: not cancelled, not timed out. */
static int roll_up(struct accounts *accounts, const struct approval *approval, uint64_t waited_ns)
{
	struct rollup_row row = {
		.time_us = approval->decided_us, .series = "approvals", .count = 1};
	int err;

	if (approval->state != APPROVAL_ACCEPTED && approval->state != APPROVAL_REJECTED)
		return 0;
	err = account_rows_rollup(&accounts->rows, &row);
	row.series = "auto_approvals";
	if (!err && approval->state == APPROVAL_ACCEPTED && approval->automatic)
		err = account_rows_rollup(&accounts->rows, &row);
	row.series = "response_time";
	row.value_ns = waited_ns ? waited_ns : 1; /* 0 would say that there is no duration */
	return err ? err : account_rows_rollup(&accounts->rows, &row);
}

static int unblock(struct accounts *accounts, const struct approval *approval, int64_t end_ns)
{
	struct run_row row = {.time_us = approval->decided_us, .model = ""};

	if (!approval->root)
		return 0;
	row.blocked_ns = blocked_end(accounts->blocked, approval->root, approval->root_start_ns,
				     end_ns, &row.agent_type);
	return row.blocked_ns ? account_rows_run(&accounts->rows, &row) : 0;
}

/* Everything that follows from the end of an approval. */
static int finish(struct accounts *accounts, const struct event *event,
		  const struct approval *approval, int64_t decided_ns)
{
	int64_t end_ns = (int64_t)event_origin(event)->boot_ns;
	uint64_t waited_ns;
	int err;

	if (approval->state == APPROVAL_TIMED_OUT && decided_ns > approval->due_ns)
		decided_ns = end_ns = approval->due_ns;
	waited_ns = decided_ns > approval->requested_ns
			    ? (uint64_t)(decided_ns - approval->requested_ns)
			    : 0;
	err = count_depth(accounts, FAMILY_APPROVAL_DEQUEUE);
	if (!err)
		err = count_result(accounts, event, approval);
	if (!err)
		err = tally_observe(accounts->tallies, FAMILY_APPROVAL_RESPONSE, waited_ns, 0,
				    MODEL_LABELS(state_names[approval->state]));
	if (!err && approval->message_status == 0)
		err = ADD(accounts, FAMILY_APPROVAL_MESSAGES, 1, "missing");
	if (!err)
		err = unblock(accounts, approval, end_ns);
	return err ? err : roll_up(accounts, approval, waited_ns);
}

static int decide(struct accounts *accounts, const struct event *event, enum approval_input input,
		  enum approval_verdict *ret_verdict)
{
	char actor[SESSION_LABEL_SIZE];
	struct event_moment moment = accounts_moment(event);
	struct approval_decision decision = {
		.id = accounts_text(event, FIELD_APPROVAL_ID, ""),
		.actor = session_label(&accounts->hash,
				       accounts->settings.plain_actors ? SESSION_LABEL_PLAIN
								       : SESSION_LABEL_HASHED,
				       event_text(event, FIELD_ACTOR), actor),
		.reason = accounts_text(event, FIELD_REASON, ""),
		.input = input,
		.decided_us = moment.wall_us,
		.decided_ns = moment.boot_ns,
		.automatic = event_number(event, FIELD_AUTO, 0) != 0,
	};
	const struct approval *approval;
	int err;

	/* Whenever it was noticed: it was over when it was due. */
	if (input == INPUT_EXPIRE)
		decision.decided_ns = INT64_MAX;
	err = approvals_decide(accounts->approvals, &decision, ret_verdict, &approval);
	if (!err && approval)
		err = finish(accounts, event, approval, decision.decided_ns);
	if (!err && *ret_verdict != VERDICT_IGNORED)
		err = accounts_audit(accounts, event, verdicts[*ret_verdict].name);
	return err;
}

static void refuse_full(const struct accounts *accounts, struct outcome *ret_outcome)
{
	memset(&ret_outcome->why, 0, sizeof(ret_outcome->why));
	ret_outcome->why.code = "pending_limit";
	memcpy(ret_outcome->why.field, "approval_id", sizeof("approval_id"));
	snprintf(ret_outcome->why.message, sizeof(ret_outcome->why.message),
		 "%u approvals wait, and no more may: decide or cancel some",
		 approvals_tentative_count(accounts->approvals));
}

int accounts_approval(struct accounts *accounts, const struct event *event,
		      struct outcome *ret_outcome)
{
	enum approval_verdict verdict;
	unsigned i = 0;
	int err;

	while (inputs[i].type != event_type(event))
		i++;
	err = inputs[i].input == INPUT_REQUEST ? request(accounts, event, &verdict)
					       : decide(accounts, event, inputs[i].input, &verdict);
	if (err)
		return err;
	ret_outcome->kind = verdicts[verdict].kind;
	if (verdict == VERDICT_FULL)
		refuse_full(accounts, ret_outcome);
	return verdicts[verdict].name
		       ? ADD(accounts, FAMILY_APPROVAL_IGNORED, 1, verdicts[verdict].name)
		       : 0;
}

int accounts_message(struct accounts *accounts, const struct event *event,
		     struct outcome *ret_outcome)
{
	const char *outcome = accounts_text(event, FIELD_OUTCOME, "");
	int32_t status = (int32_t)event_number(event, FIELD_STATUS, 0);
	const struct approval *approval;
	enum approval_verdict verdict;
	int err;

	/* 0 would say that no message was seen. */
	if (status == 0)
		status = !strcmp(outcome, "failed") ? -1 : 200;
	err = approvals_message(
		accounts->approvals, accounts_text(event, FIELD_APPROVAL_ID, ""), status,
		(uint64_t)round(event_number(event, FIELD_DURATION_SECONDS, 0) * NANOSECONDS),
		&verdict, &approval);
	if (err)
		return err;
	ret_outcome->kind = verdicts[verdict].kind;
	if (verdict != VERDICT_TAKEN)
		return 0;
	return ADD(accounts, FAMILY_APPROVAL_MESSAGES, 1,
		   status >= 200 && status < 300 ? "delivered" : "failed");
}
