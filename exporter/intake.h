// SPDX-License-Identifier: Apache-2.0
/*
 * What came in and what was refused, on all ways together: one value, for the event loop's thread.
 *
 * Every datagram, and every entry of a request, counts once: as received by its type when it is a
 * good event of somebody who may report, and as refused when it was not taken. What was good but
 * found no room in the queue or no journal counts as both.
 */
#ifndef EXPORTER_INTAKE_H
#define EXPORTER_INTAKE_H

#include <stdint.h>

#include "event.h"
#include "model.h"

enum intake_refusal {
	INTAKE_INVALID,	       /* not as the contract says */
	INTAKE_NOT_ALLOWED,    /* the sender may not report */
	INTAKE_RATE_LIMITED,   /* of the sender, or of all */
	INTAKE_TOO_LARGE,      /* the event, or the request that it came in */
	INTAKE_QUEUE_FULL,     /* the recorder's queue, or memory */
	INTAKE_JOURNAL,	       /* the journal cannot write */
	INTAKE_NOT_APPLICABLE, /* good, but the accounts have no place for it: an undeclared metric,
				  too many pending approvals */
	INTAKE_REFUSALS
};

#define INTAKE_BOUNDS 12

struct intake {
	uint64_t received[EVENT_TYPES];
	uint64_t refused[INTAKE_REFUSALS];
	uint64_t ingest_counts[INTAKE_BOUNDS + 1]; /* not cumulative */
	uint64_t ingest_sum;			   /* nanoseconds */
};

/* Label values of operaglass_events_refused_total; also the codes of the refusals that do not come
 * from reading an event. */
extern const char *const intake_refusals[INTAKE_REFUSALS];

/* To be called before confine_calls(): the JSON library seeds its hashes from a file. */
void intake_prepare(void);

/* `count` events that were stored, or queued when nobody waits, `nanoseconds` after they arrived. */
void intake_took(struct intake *intake, uint64_t nanoseconds, unsigned count);

/* The reason that a refusal with this event_error code counts as. */
enum intake_refusal intake_reason(const char *code);

/* The three families; every known type and reason is there from the start. */
void intake_add(const struct intake *intake, struct model *model);

#endif
