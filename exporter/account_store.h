// SPDX-License-Identifier: Apache-2.0
/*
 * What the accounts keep in the journal: rows, and the functions that write them. The journal
 * implements them in its open transaction; tests implement them in memory.
 *
 * Texts are NUL-terminated and only borrowed for the call. Every function returns 0 or -errno, and
 * the first failure ends the batch (accounts_rollback).
 */
#ifndef EXPORTER_ACCOUNT_STORE_H
#define EXPORTER_ACCOUNT_STORE_H

#include <stddef.h>
#include <stdint.h>

/* One tally: its value replaces the stored one. */
struct tally_row {
	const char *family; /* the metric's name */
	const char *labels; /* label values, each ended by 0x1f */
	const void *value;  /* the tally's own encoding, versioned by its first byte */
	size_t value_size;
};

enum approval_state {
	APPROVAL_PENDING,
	APPROVAL_ACCEPTED,
	APPROVAL_REJECTED,
	APPROVAL_CANCELLED,
	APPROVAL_TIMED_OUT,
	APPROVAL_STATES
};

struct approval_row {
	const char *approval_id, *session_id, *tool, *priority, *reason, *actor, *agent_type;
	int64_t requested_us, due_us; /* Unix; due: timeout and grace included */
	int64_t decided_us;	      /* 0 while pending */
	uint64_t requested_boot_ns,
		boot_epoch; /* epoch: hash of the boot id; other boots use wall time */
	uint64_t root_start_ns;
	uint64_t message_ns; /* duration of the message that carried the question */
	uint32_t pid, root;
	int32_t message_status; /* 0: not seen; HTTP status, or -1 - enum call_failure */
	uint8_t state;		/* enum approval_state */
	uint8_t automatic;
};

/* Added to the row of (day, model, agent_type, epic, story). */
struct cost_row {
	int64_t time_us;
	const char *model, *agent_type, *epic, *story;	 /* "" when not given */
	uint64_t input, output, cache_read, cache_write; /* tokens */
	uint64_t microdollars;
	int priced; /* 0: the model has no price */
};

/* Added to the roll-ups of the minute, the 5 minutes, the hour and the day that time_us is in. */
struct rollup_row {
	int64_t time_us;
	const char *series; /* "sms_received", "ai_responses", "approvals", "auto_approvals",
			       "response_time", "messages", "escalations", "payment_plans" */
	uint64_t count;
	uint64_t value_ns; /* with count 1: a duration to add to the series' distribution; else 0 */
};

/* Added to the row of (day, agent_type, model): facts for analytics. Failed, of agents and of tools, is
 * every enum end_reason but success. The kernel's facts know no model: theirs is "". */
struct run_row {
	int64_t time_us;
	const char *agent_type, *model;
	uint32_t runs, successes;     /* reported tasks */
	uint32_t exits, failed_exits; /* kernel facts */
	uint64_t duration_ns;	      /* of one task (runs == 1); enters the distribution */
	uint64_t tokens, cpu_ns, blocked_ns;
	uint32_t tool_runs, tool_failures;
};

struct audit_row {
	int64_t time_us;
	const char *actor, *action, *resource, *details; /* details: JSON or "" */
};

struct account_store {
	void *context;
	int (*put_tally)(void *context, const struct tally_row *row);
	int (*put_approval)(void *context, const struct approval_row *row);
	int (*put_value)(void *context, const char *name,
			 const char *value); /* small named values */
	int (*add_cost)(void *context, const struct cost_row *row);
	int (*add_rollup)(void *context, const struct rollup_row *row);
	int (*add_run)(void *context, const struct run_row *row);
	int (*add_audit)(void *context, const struct audit_row *row);
};

#endif
