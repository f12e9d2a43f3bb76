// SPDX-License-Identifier: Apache-2.0
/* From event types to what they change: three tables. A new effect is a row. */
#include <errno.h>
#include <jansson.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "accounts_parts.h"

#define COUNT(array) (sizeof(array) / sizeof(*(array)))
#define NANOSECONDS  1e9
#define NONE	     EVENT_FIELDS
#define LABEL(field)                     \
	{                                \
		FIELD_##field, "unknown" \
	}
#define CONSTANT(text)     \
	{                  \
		NONE, text \
	}
#define BIT(field) (UINT64_C(1) << FIELD_##field)

enum effect_kind {
	COUNT_ONE,
	COUNT_FIELD,
	SET_FIELD,
	OBSERVE_FIELD
};

/* A tally that changes when the event is taken; nothing, when the field of its value is missing. */
static const struct effect {
	enum event_type type;
	enum family family;
	enum effect_kind kind;
	enum event_field value;
	struct {
		enum event_field field; /* NONE: the text itself */
		const char *missing;
	} labels[FAMILY_LABELS_MAX];
} effects[] = {
	{EVENT_TELEGRAM_RETRY,
	 FAMILY_TELEGRAM_REPORTED_RETRIES,
	 COUNT_ONE,
	 NONE,
	 {LABEL(ENDPOINT)}},
	{EVENT_QUEUE_DEPTH, FAMILY_QUEUE_DEPTH, SET_FIELD, FIELD_DEPTH, {LABEL(QUEUE)}},
	{EVENT_TOKENS_USED,
	 FAMILY_TOKENS,
	 COUNT_FIELD,
	 FIELD_INPUT,
	 {LABEL(MODEL), CONSTANT("input")}},
	{EVENT_TOKENS_USED,
	 FAMILY_TOKENS,
	 COUNT_FIELD,
	 FIELD_OUTPUT,
	 {LABEL(MODEL), CONSTANT("output")}},
	{EVENT_TOKENS_USED,
	 FAMILY_TOKENS,
	 COUNT_FIELD,
	 FIELD_CACHE_READ,
	 {LABEL(MODEL), CONSTANT("cache_read")}},
	{EVENT_TOKENS_USED,
	 FAMILY_TOKENS,
	 COUNT_FIELD,
	 FIELD_CACHE_WRITE,
	 {LABEL(MODEL), CONSTANT("cache_write")}},
	{EVENT_TASK_COMPLETED, FAMILY_TASKS, COUNT_ONE, NONE, {LABEL(OUTCOME)}},
	{EVENT_TASK_COMPLETED,
	 FAMILY_TASK_DURATION,
	 OBSERVE_FIELD,
	 FIELD_DURATION_SECONDS,
	 {{NONE, NULL}}},
	{EVENT_SMS_RECEIVED, FAMILY_SMS, COUNT_ONE, NONE, {CONSTANT("received"), LABEL(OUTCOME)}},
	{EVENT_SMS_SENT, FAMILY_SMS, COUNT_ONE, NONE, {CONSTANT("sent"), LABEL(OUTCOME)}},
	{EVENT_AI_RESPONSE, FAMILY_AI_RESPONSES, COUNT_ONE, NONE, {LABEL(OUTCOME)}},
	{EVENT_AI_RESPONSE,
	 FAMILY_AI_DURATION,
	 OBSERVE_FIELD,
	 FIELD_DURATION_SECONDS,
	 {{NONE, NULL}}},
	{EVENT_PAYMENT_PLAN, FAMILY_PAYMENT_PLANS, COUNT_ONE, NONE, {LABEL(OUTCOME)}},
	{EVENT_ESCALATION_RAISED,
	 FAMILY_ESCALATIONS,
	 COUNT_ONE,
	 NONE,
	 {LABEL(KIND), LABEL(SEVERITY)}},
	{EVENT_WORKFLOW_STEP,
	 FAMILY_WORKFLOW_STEP,
	 OBSERVE_FIELD,
	 FIELD_DURATION_SECONDS,
	 {LABEL(STEP), LABEL(OUTCOME)}},
	{EVENT_PULL_REQUEST_MERGED,
	 FAMILY_PULL_REQUEST,
	 OBSERVE_FIELD,
	 FIELD_DURATION_SECONDS,
	 {{NONE, NULL}}},
	{EVENT_CODE_REVIEW_DONE,
	 FAMILY_CODE_REVIEW,
	 OBSERVE_FIELD,
	 FIELD_DURATION_SECONDS,
	 {{NONE, NULL}}},
	{EVENT_DEPLOYMENT,
	 FAMILY_DEPLOYMENTS,
	 COUNT_ONE,
	 NONE,
	 {LABEL(ENVIRONMENT), LABEL(OUTCOME)}},
	{EVENT_RECOVERY, FAMILY_RECOVERY, OBSERVE_FIELD, FIELD_DURATION_SECONDS, {{NONE, NULL}}},
	{EVENT_STORY, FAMILY_STORIES, COUNT_ONE, NONE, {LABEL(OUTCOME)}},
};

/* A message is a text message in either direction, or the question of an approval. */
static const struct {
	enum event_type type;
	const char *series;
} rollups[] = {
	{EVENT_SMS_RECEIVED, "sms_received"},  {EVENT_SMS_RECEIVED, "messages"},
	{EVENT_SMS_SENT, "messages"},	       {EVENT_APPROVAL_REQUESTED, "messages"},
	{EVENT_AI_RESPONSE, "ai_responses"},   {EVENT_ESCALATION_RAISED, "escalations"},
	{EVENT_PAYMENT_PLAN, "payment_plans"},
};

/* The action is the name of the event's type; for `audit` events it is what they say. */
static const struct audited {
	enum event_type type;
	enum event_field resource;
	const char *no_resource;
	uint64_t details; /* fields, unless the event has details of its own */
} audited[] = {
	{EVENT_APPROVAL_ACCEPTED, FIELD_APPROVAL_ID, "", BIT(REASON) | BIT(AUTO)},
	{EVENT_APPROVAL_REJECTED, FIELD_APPROVAL_ID, "", BIT(REASON) | BIT(AUTO)},
	{EVENT_APPROVAL_CANCELLED, FIELD_APPROVAL_ID, "", BIT(REASON) | BIT(AUTO)},
	{EVENT_APPROVAL_TIMEOUT, FIELD_APPROVAL_ID, "", BIT(REASON) | BIT(AUTO)},
	{EVENT_APPROVAL_EXPIRED, FIELD_APPROVAL_ID, "", 0},
	{EVENT_AUDIT, FIELD_RESOURCE, "", 0},
	{EVENT_AGENT_STARTED, FIELD_AGENT_TYPE, "", BIT(PID) | BIT(ROOT)},
	{EVENT_AGENT_ENDED, FIELD_AGENT_TYPE, "",
	 BIT(PID) | BIT(ROOT) | BIT(REASON) | BIT(OUTCOME) | BIT(DURATION_SECONDS) |
		 BIT(CPU_SECONDS)},
	{EVENT_CONFIGURATION_CHANGED, NONE, "configuration", 0},
	{EVENT_ACCESS_REFUSED, FIELD_RESOURCE, "", BIT(REASON)},
	{EVENT_BUDGET_SET, NONE, "budget", BIT(AMOUNT)},
	{EVENT_METRIC_DECLARED, NONE, "metric", 0},
};

static int apply_effect(struct accounts *accounts, const struct effect *effect,
			const struct event *event)
{
	const char *values[FAMILY_LABELS_MAX];
	struct model_labels labels = {values, family_label_count(effect->family)};
	double value = 0;
	unsigned i;

	if (effect->value != NONE && !event_has(event, effect->value))
		return 0;
	for (i = 0; i < labels.count; i++)
		values[i] = effect->labels[i].field == NONE
				    ? effect->labels[i].missing
				    : accounts_text(event, effect->labels[i].field,
						    effect->labels[i].missing);
	if (effect->value != NONE)
		value = event_number(event, effect->value, 0);
	switch (effect->kind) {
	case COUNT_ONE:
		return tally_count(accounts->tallies, effect->family, 1, labels);
	case COUNT_FIELD:
		return tally_count(accounts->tallies, effect->family, (uint64_t)value, labels);
	case SET_FIELD:
		return tally_set(accounts->tallies, effect->family, value, NULL, labels);
	case OBSERVE_FIELD:
		return tally_observe(accounts->tallies, effect->family,
				     (uint64_t)round(value * NANOSECONDS), 0, labels);
	}
	return 0;
}

int accounts_effects(struct accounts *accounts, const struct event *event)
{
	struct rollup_row rollup = {.time_us = event_wall_us(event), .count = 1};
	enum event_type type = event_type(event);
	unsigned i;
	int err = 0;

	for (i = 0; i < COUNT(effects) && !err; i++)
		if (effects[i].type == type)
			err = apply_effect(accounts, &effects[i], event);
	for (i = 0; i < COUNT(rollups) && !err; i++) {
		rollup.series = rollups[i].series;
		if (rollups[i].type == type)
			err = account_rows_rollup(&accounts->rows, &rollup);
	}
	return err;
}

/* The fields as a JSON object; NULL without memory. */
static char *write_details(const struct event *event, uint64_t fields, const char *verdict)
{
	json_t *object = json_object(), *value;
	char *text;
	int field;

	if (verdict)
		json_object_set_new(object, "verdict", json_string(verdict));
	for (field = 0; field < EVENT_FIELDS; field++) {
		if (!(fields >> field & 1) || !event_has(event, (enum event_field)field))
			continue;
		if (event_fields[field].kind == KIND_TEXT)
			value = json_string(event_text(event, (enum event_field)field));
		else if (event_fields[field].kind == KIND_BOOL)
			value = json_boolean(event_number(event, (enum event_field)field, 0) != 0);
		else if (event_fields[field].kind == KIND_INTEGER)
			value = json_integer(
				(json_int_t)event_number(event, (enum event_field)field, 0));
		else
			value = json_real(event_number(event, (enum event_field)field, 0));
		json_object_set_new(object, event_fields[field].name, value);
	}
	text = json_object_size(object) ? json_dumps(object, JSON_COMPACT) : strdup("");
	json_decref(object);
	return text;
}

int accounts_audit(struct accounts *accounts, const struct event *event, const char *verdict)
{
	const char *own = event_text(event, FIELD_DETAILS);
	enum event_type type = event_type(event);
	char actor[SESSION_LABEL_SIZE], *details = NULL;
	struct audit_row row = {.time_us = event_wall_us(event)};
	unsigned i;
	int err;

	for (i = 0; i < COUNT(audited) && audited[i].type != type; i++)
		;
	if (i == COUNT(audited))
		return 0;
	row.actor = session_label(&accounts->hash,
				  accounts->settings.plain_actors || event_types[type].internal
					  ? SESSION_LABEL_PLAIN
					  : SESSION_LABEL_HASHED,
				  event_text(event, FIELD_ACTOR), actor);
	if (!row.actor[0] && event_types[type].internal)
		row.actor = "operaglass";
	row.action = accounts_text(event, FIELD_ACTION, event_types[type].name);
	row.resource = audited[i].no_resource;
	if (audited[i].resource != NONE)
		row.resource = accounts_text(event, audited[i].resource, "");
	if (!own) {
		details = write_details(event, audited[i].details, verdict);
		if (!details)
			return -ENOMEM;
	}
	row.details = own ? own : details;
	err = account_rows_audit(&accounts->rows, &row);
	free(details);
	return err;
}
