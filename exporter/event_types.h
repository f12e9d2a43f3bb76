// SPDX-License-Identifier: Apache-2.0
/* Every event type and every field: two tables. A new type is a row. */
#ifndef EXPORTER_EVENT_TYPES_H
#define EXPORTER_EVENT_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum event_type {
	EVENT_APPROVAL_REQUESTED,
	EVENT_APPROVAL_ACCEPTED,
	EVENT_APPROVAL_REJECTED,
	EVENT_APPROVAL_CANCELLED,
	EVENT_APPROVAL_TIMEOUT,
	EVENT_TELEGRAM_RETRY,
	EVENT_CIRCUIT_BREAKER,
	EVENT_SERVICE_HEALTH,
	EVENT_QUEUE_DEPTH,
	EVENT_TOKENS_USED,
	EVENT_TASK_COMPLETED,
	EVENT_SMS_RECEIVED,
	EVENT_SMS_SENT,
	EVENT_AI_RESPONSE,
	EVENT_PAYMENT_PLAN,
	EVENT_ESCALATION_RAISED,
	EVENT_ESCALATION_RESOLVED,
	EVENT_WORKFLOW_STEP,
	EVENT_PULL_REQUEST_MERGED,
	EVENT_CODE_REVIEW_DONE,
	EVENT_DEPLOYMENT,
	EVENT_RECOVERY,
	EVENT_STORY,
	EVENT_AUDIT,
	EVENT_METRIC,
	/* Noted by Operaglass itself; nobody outside can send them. */
	EVENT_APPROVAL_EXPIRED,	  /* approval_id: nobody decided in time */
	EVENT_APPROVAL_DELIVERED, /* approval_id, duration_seconds, status, outcome: the message that
				      carried the question */
	EVENT_AGENT_STARTED,	  /* agent_type, pid */
	EVENT_AGENT_ENDED, /* agent_type, pid, root_start (ns), reason, outcome (code), duration_seconds,
				      cpu_seconds */
	EVENT_CONFIGURATION_CHANGED, /* details */
	EVENT_ACCESS_REFUSED,	     /* actor (address or uid), resource (path), reason */
	EVENT_BUDGET_SET,	     /* amount (micro-dollars a month; 0 removes it), actor */
	EVENT_METRIC_DECLARED,	     /* details: the declaration as JSON */
	EVENT_TOOLS_ENDED, /* agent_type; runs, failures: of its tools so far; source: the map that counts */
	EVENT_TYPES
};

enum event_field {
	/* every type */
	FIELD_ID,
	FIELD_SESSION_ID,
	FIELD_PID,
	FIELD_TRACE_ID,
	FIELD_SPAN_ID,
	FIELD_CORRELATION_ID,
	/* per type */
	FIELD_APPROVAL_ID,
	FIELD_TIMEOUT_SECONDS,
	FIELD_TOOL,
	FIELD_PRIORITY,
	FIELD_REASON,
	FIELD_ACTOR,
	FIELD_AUTO,
	FIELD_ENDPOINT,
	FIELD_ATTEMPT,
	FIELD_SERVICE,
	FIELD_STATE,
	FIELD_HEALTHY,
	FIELD_TTL_SECONDS,
	FIELD_QUEUE,
	FIELD_DEPTH,
	FIELD_MODEL,
	FIELD_INPUT,
	FIELD_OUTPUT,
	FIELD_CACHE_READ,
	FIELD_CACHE_WRITE,
	FIELD_AGENT_TYPE,
	FIELD_EPIC,
	FIELD_STORY,
	FIELD_OUTCOME,
	FIELD_DURATION_SECONDS,
	FIELD_KIND, /* escalation.raised: label `type` of escalations_total */
	FIELD_SEVERITY,
	FIELD_STEP,
	FIELD_ENVIRONMENT,
	FIELD_ACTION,
	FIELD_RESOURCE,
	FIELD_DETAILS, /* any JSON value, stored as text */
	FIELD_NAME,
	FIELD_VALUE,
	FIELD_LABELS,
	/* internal types only */
	FIELD_ROOT,	  /* tgid of an agent root */
	FIELD_ROOT_START, /* ns of CLOCK_BOOTTIME */
	FIELD_STATUS,
	FIELD_CPU_SECONDS,
	FIELD_AMOUNT,
	FIELD_RUNS,
	FIELD_FAILURES,
	FIELD_SOURCE,
	EVENT_FIELDS
};

enum field_kind {
	KIND_TEXT,
	KIND_INTEGER, /* 0..2^53 */
	KIND_NUMBER,  /* finite */
	KIND_BOOL,
	KIND_LABELS, /* an object of texts, at most 4 */
	KIND_ANY,    /* any JSON value, kept as its text */
	KIND_HEX,    /* a text of exactly size_max lower-case hexadecimal digits, not all 0 */
};

struct field_row {
	const char *name;
	enum field_kind kind;
	size_t size_max;     /* texts: bytes */
	double min, max;     /* numbers */
	const char *allowed; /* texts: "a|b|c", or NULL: any */
};

struct type_row {
	const char *name;
	uint64_t required,
		optional; /* bit N: enum event_field N; common fields are always optional */
	bool internal;
};

_Static_assert(EVENT_FIELDS <= 64, "one bit a field");

extern const struct field_row event_fields[EVENT_FIELDS];
extern const struct type_row event_types[EVENT_TYPES];

/* Bits of the fields that every type may have. */
#define EVENT_COMMON_FIELDS ((UINT64_C(1) << FIELD_APPROVAL_ID) - 1)

/* enum event_type (internal ones, too) or enum event_field of this name; -1: none. */
int event_type_find(const char *name);
int event_field_find(const char *name);

#endif
