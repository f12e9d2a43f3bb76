// SPDX-License-Identifier: Apache-2.0
#include "intake.h"

#include <jansson.h>
#include <string.h>

#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)
#define SECOND	    UINT64_C(1000000000)

/* From a datagram that is read at once to a disk that takes its time. */
static const uint64_t ingest_bounds[INTAKE_BOUNDS] = {
	10 * MICROSECOND, 25 * MICROSECOND,   100 * MICROSECOND, 250 * MICROSECOND,
	1 * MILLISECOND,  2500 * MICROSECOND, 5 * MILLISECOND,	 10 * MILLISECOND,
	25 * MILLISECOND, 100 * MILLISECOND,  500 * MILLISECOND, 2 * SECOND,
};

const char *const intake_refusals[INTAKE_REFUSALS] = {
	[INTAKE_INVALID] = "invalid",
	[INTAKE_NOT_ALLOWED] = "not_allowed",
	[INTAKE_RATE_LIMITED] = "rate_limited",
	[INTAKE_TOO_LARGE] = "too_large",
	[INTAKE_QUEUE_FULL] = "queue_full",
	[INTAKE_JOURNAL] = "journal_failed",
	[INTAKE_NOT_APPLICABLE] = "not_applicable",
};

void intake_prepare(void)
{
	json_object_seed(0);
}

void intake_took(struct intake *intake, uint64_t nanoseconds, unsigned count)
{
	unsigned bucket = 0;

	while (bucket < INTAKE_BOUNDS && nanoseconds > ingest_bounds[bucket])
		bucket++;
	intake->ingest_counts[bucket] += count;
	intake->ingest_sum += nanoseconds * count;
}

enum intake_refusal intake_reason(const char *code)
{
	/* The codes of event_parse(), then those of the accounts. */
	static const char *const invalid[] = {
		"invalid_json", "missing_field", "wrong_type",	  "unknown_type",
		"too_long",	"out_of_range",	 "unknown_field",
	};
	unsigned i;

	for (i = 0; i < INTAKE_REFUSALS; i++)
		if (!strcmp(code, intake_refusals[i]))
			return (enum intake_refusal)i;
	for (i = 0; i < sizeof(invalid) / sizeof(*invalid); i++)
		if (!strcmp(code, invalid[i]))
			return INTAKE_INVALID;
	return INTAKE_NOT_APPLICABLE;
}

void intake_add(const struct intake *intake, struct model *model)
{
	const struct distribution ingest = {
		.bounds = ingest_bounds,
		.counts = intake->ingest_counts,
		.bound_count = INTAKE_BOUNDS,
		.sum = intake->ingest_sum,
	};
	unsigned i;

	for (i = 0; i < EVENT_TYPES; i++)
		if (!event_types[i].internal)
			model_add(model, FAMILY_EVENTS_RECEIVED, intake->received[i],
				  event_types[i].name);
	for (i = 0; i < INTAKE_REFUSALS; i++)
		model_add(model, FAMILY_EVENTS_REFUSED, intake->refused[i], intake_refusals[i]);
	model_add_distribution(model, FAMILY_EVENT_INGEST, &ingest);
}
