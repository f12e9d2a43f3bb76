// SPDX-License-Identifier: Apache-2.0
/*
 * The contract of application events as two tables.
 *
 * A label of a business family is an optional field: a sender that does not know it still counts.
 * Where a family has nothing but durations, the duration is required: without it an event would
 * say nothing. The field for the label `type` of escalations_total is `kind`, because `type` is
 * the event's own.
 */
#include "event_types.h"

#include <string.h>

#define BIT(field) (UINT64_C(1) << FIELD_##field)

#define EXACT	    9007199254740992.0 /* 2^53: every integer up to it is a double, too */
#define LONGEST	    315360000.0	       /* seconds: ten years */
#define LONGEST_TTL 2592000.0	       /* seconds: 30 days */

#define TEXT(name_, size_)                                                               \
	{                                                                                \
		.name = name_, .kind = KIND_TEXT, .size_max = size_, .min = 0, .max = 0, \
		.allowed = NULL                                                          \
	}
#define CHOICE(name_, allowed_)                                                       \
	{                                                                             \
		.name = name_, .kind = KIND_TEXT, .size_max = 32, .min = 0, .max = 0, \
		.allowed = allowed_                                                   \
	}
#define NUMBER(name_, kind_, min_, max_)                                               \
	{                                                                              \
		.name = name_, .kind = kind_, .size_max = 0, .min = min_, .max = max_, \
		.allowed = NULL                                                        \
	}
#define INTEGER(name_)	NUMBER(name_, KIND_INTEGER, 0, EXACT)
#define DURATION(name_) NUMBER(name_, KIND_NUMBER, 0, LONGEST)
#define BOOLEAN(name_)	NUMBER(name_, KIND_BOOL, 0, 1)

/*
 * Texts that become label values are at most as long as the model's label values (128 bytes), or
 * as the table they are looked up in (models 64, agent types 32, metric names 64, one of it the NUL).
 */
const struct field_row event_fields[EVENT_FIELDS] = {
	[FIELD_ID] = TEXT("id", 64),
	[FIELD_SESSION_ID] = TEXT("session_id", 128),
	[FIELD_PID] = NUMBER("pid", KIND_INTEGER, 1, 4194304), /* PID_MAX_LIMIT */
	[FIELD_TRACE_ID] = {.name = "trace_id", .kind = KIND_HEX, .size_max = 32},
	[FIELD_SPAN_ID] = {.name = "span_id", .kind = KIND_HEX, .size_max = 16},
	[FIELD_CORRELATION_ID] = TEXT("correlation_id", 128),
	[FIELD_APPROVAL_ID] = TEXT("approval_id", 128),
	[FIELD_TIMEOUT_SECONDS] = NUMBER("timeout_seconds", KIND_NUMBER, 0, LONGEST_TTL),
	[FIELD_TOOL] = TEXT("tool", 64),
	[FIELD_PRIORITY] = TEXT("priority", 32),
	[FIELD_REASON] = TEXT("reason", 128),
	[FIELD_ACTOR] = TEXT("actor", 128),
	[FIELD_AUTO] = BOOLEAN("auto"),
	[FIELD_ENDPOINT] = TEXT("endpoint", 64),
	[FIELD_ATTEMPT] = NUMBER("attempt", KIND_INTEGER, 0, 1000000),
	[FIELD_SERVICE] = TEXT("service", 64),
	[FIELD_STATE] = CHOICE("state", "closed|open|half_open"),
	[FIELD_HEALTHY] = BOOLEAN("healthy"),
	[FIELD_TTL_SECONDS] = NUMBER("ttl_seconds", KIND_NUMBER, 0, LONGEST_TTL),
	[FIELD_QUEUE] = TEXT("queue", 64),
	[FIELD_DEPTH] = INTEGER("depth"),
	[FIELD_MODEL] = TEXT("model", 63),
	[FIELD_INPUT] = NUMBER("input", KIND_INTEGER, 0, 1e12),
	[FIELD_OUTPUT] = NUMBER("output", KIND_INTEGER, 0, 1e12),
	[FIELD_CACHE_READ] = NUMBER("cache_read", KIND_INTEGER, 0, 1e12),
	[FIELD_CACHE_WRITE] = NUMBER("cache_write", KIND_INTEGER, 0, 1e12),
	[FIELD_AGENT_TYPE] = TEXT("agent_type", 31),
	[FIELD_EPIC] = TEXT("epic", 64),
	[FIELD_STORY] = TEXT("story", 64),
	[FIELD_OUTCOME] = TEXT("outcome", 32),
	[FIELD_DURATION_SECONDS] = DURATION("duration_seconds"),
	[FIELD_KIND] = TEXT("kind", 32),
	[FIELD_SEVERITY] = TEXT("severity", 32),
	[FIELD_STEP] = TEXT("step", 64),
	[FIELD_ENVIRONMENT] = TEXT("environment", 32),
	[FIELD_ACTION] = TEXT("action", 64),
	[FIELD_RESOURCE] = TEXT("resource", 256),
	[FIELD_DETAILS] = {.name = "details", .kind = KIND_ANY, .size_max = 8192},
	[FIELD_NAME] = TEXT("name", 63),
	[FIELD_VALUE] = NUMBER("value", KIND_NUMBER, -1e300, 1e300),
	[FIELD_LABELS] = {.name = "labels", .kind = KIND_LABELS, .size_max = 128},
	[FIELD_ROOT] = INTEGER("root"),
	[FIELD_ROOT_START] = INTEGER("root_start"),
	[FIELD_STATUS] = NUMBER("status", KIND_INTEGER, -1000, 1000),
	[FIELD_CPU_SECONDS] = DURATION("cpu_seconds"),
	[FIELD_AMOUNT] = INTEGER("amount"),
	[FIELD_RUNS] = INTEGER("runs"),
	[FIELD_FAILURES] = INTEGER("failures"),
	[FIELD_SOURCE] = INTEGER("source"),
};

#define DECISION_FIELDS (BIT(REASON) | BIT(ACTOR) | BIT(AUTO))
#define WORK_FIELDS	(BIT(OUTCOME) | BIT(DURATION_SECONDS))

#define TYPE(name_, required_, optional_)                                                      \
	{                                                                                      \
		.name = name_, .required = required_, .optional = optional_, .internal = false \
	}
#define INTERNAL(name_, required_, optional_)                                                 \
	{                                                                                     \
		.name = name_, .required = required_, .optional = optional_, .internal = true \
	}

const struct type_row event_types[EVENT_TYPES] = {
	[EVENT_APPROVAL_REQUESTED] = TYPE("approval.requested", BIT(APPROVAL_ID),
					  BIT(TIMEOUT_SECONDS) | BIT(TOOL) | BIT(PRIORITY)),
	[EVENT_APPROVAL_ACCEPTED] = TYPE("approval.accepted", BIT(APPROVAL_ID), DECISION_FIELDS),
	[EVENT_APPROVAL_REJECTED] = TYPE("approval.rejected", BIT(APPROVAL_ID), DECISION_FIELDS),
	[EVENT_APPROVAL_CANCELLED] = TYPE("approval.cancelled", BIT(APPROVAL_ID), DECISION_FIELDS),
	[EVENT_APPROVAL_TIMEOUT] = TYPE("approval.timeout", BIT(APPROVAL_ID), DECISION_FIELDS),
	[EVENT_TELEGRAM_RETRY] = TYPE("telegram.retry", BIT(ENDPOINT), BIT(ATTEMPT)),
	[EVENT_CIRCUIT_BREAKER] = TYPE("circuit_breaker.state", BIT(SERVICE) | BIT(STATE), 0),
	[EVENT_SERVICE_HEALTH] =
		TYPE("service.health", BIT(SERVICE) | BIT(HEALTHY), BIT(TTL_SECONDS)),
	[EVENT_QUEUE_DEPTH] = TYPE("queue.depth", BIT(QUEUE) | BIT(DEPTH), 0),
	[EVENT_TOKENS_USED] = TYPE("tokens.used", BIT(MODEL),
				   BIT(INPUT) | BIT(OUTPUT) | BIT(CACHE_READ) | BIT(CACHE_WRITE) |
					   BIT(AGENT_TYPE) | BIT(EPIC) | BIT(STORY)),
	[EVENT_TASK_COMPLETED] = TYPE("task.completed", BIT(OUTCOME),
				      BIT(DURATION_SECONDS) | BIT(AGENT_TYPE) | BIT(MODEL)),
	[EVENT_SMS_RECEIVED] = TYPE("sms.received", 0, BIT(OUTCOME)),
	[EVENT_SMS_SENT] = TYPE("sms.sent", 0, BIT(OUTCOME)),
	[EVENT_AI_RESPONSE] = TYPE("ai.response", 0, WORK_FIELDS | BIT(MODEL) | BIT(AGENT_TYPE)),
	[EVENT_PAYMENT_PLAN] = TYPE("payment_plan", 0, BIT(OUTCOME)),
	[EVENT_ESCALATION_RAISED] =
		TYPE("escalation.raised", 0, BIT(KIND) | BIT(SEVERITY) | BIT(REASON)),
	[EVENT_ESCALATION_RESOLVED] = TYPE("escalation.resolved", 0,
					   BIT(KIND) | BIT(SEVERITY) | BIT(REASON) | WORK_FIELDS),
	[EVENT_WORKFLOW_STEP] =
		TYPE("workflow.step", BIT(STEP) | BIT(DURATION_SECONDS), BIT(OUTCOME)),
	[EVENT_PULL_REQUEST_MERGED] = TYPE("pull_request.merged", BIT(DURATION_SECONDS), 0),
	[EVENT_CODE_REVIEW_DONE] = TYPE("code_review.done", BIT(DURATION_SECONDS), BIT(OUTCOME)),
	[EVENT_DEPLOYMENT] = TYPE("deployment", 0, BIT(ENVIRONMENT) | WORK_FIELDS),
	[EVENT_RECOVERY] = TYPE("recovery", BIT(DURATION_SECONDS), BIT(SERVICE)),
	[EVENT_STORY] = TYPE("story", 0, BIT(OUTCOME) | BIT(STORY) | BIT(EPIC)),
	[EVENT_AUDIT] = TYPE("audit", BIT(ACTOR) | BIT(ACTION) | BIT(RESOURCE), BIT(DETAILS)),
	[EVENT_METRIC] = TYPE("metric", BIT(NAME) | BIT(VALUE), BIT(LABELS)),

	[EVENT_APPROVAL_EXPIRED] = INTERNAL("approval.expired", BIT(APPROVAL_ID), 0),
	[EVENT_APPROVAL_DELIVERED] =
		INTERNAL("approval.delivered", BIT(APPROVAL_ID), WORK_FIELDS | BIT(STATUS)),
	[EVENT_AGENT_STARTED] =
		INTERNAL("agent.started", BIT(AGENT_TYPE), BIT(ROOT) | BIT(ROOT_START)),
	[EVENT_AGENT_ENDED] = INTERNAL("agent.ended", BIT(AGENT_TYPE),
				       BIT(ROOT) | BIT(ROOT_START) | BIT(REASON) | WORK_FIELDS |
					       BIT(CPU_SECONDS)),
	[EVENT_CONFIGURATION_CHANGED] =
		INTERNAL("configuration.changed", 0, BIT(DETAILS) | BIT(ACTOR)),
	[EVENT_ACCESS_REFUSED] =
		INTERNAL("access.refused", 0, BIT(ACTOR) | BIT(RESOURCE) | BIT(REASON)),
	[EVENT_BUDGET_SET] = INTERNAL("budget.set", BIT(AMOUNT), BIT(ACTOR)),
	[EVENT_METRIC_DECLARED] = INTERNAL("metric.declared", BIT(DETAILS), BIT(ACTOR)),
	[EVENT_TOOLS_ENDED] = INTERNAL(
		"tools.ended", BIT(AGENT_TYPE) | BIT(RUNS) | BIT(FAILURES) | BIT(SOURCE), 0),
};

int event_type_find(const char *name)
{
	int type;

	for (type = 0; type < EVENT_TYPES; type++)
		if (!strcmp(event_types[type].name, name))
			return type;
	return -1;
}

int event_field_find(const char *name)
{
	int field;

	for (field = 0; field < EVENT_FIELDS; field++)
		if (!strcmp(event_fields[field].name, name))
			return field;
	return -1;
}
