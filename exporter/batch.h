// SPDX-License-Identifier: Apache-2.0
/*
 * The events of one request, from its body to its answer. What is wrong with one does not spoil the
 * others.
 *
 * For a request to POST /api/v1/events, after it is known that the sender may report (else answer
 * 403 and count intake->refused[INTAKE_NOT_ALLOWED]):
 *
 *	batch_parse(body, size, ndjson, &origin, &batch);       -ENOMEM: answer 503
 *	batch_admit(batch, limit, &sender, intake);
 *	…each of batch->events[0 … batch->count - 1] may be joined with its agent: event_set_root()…
 *	batch->ticket.done = answer_it;
 *	batch->ticket.context = request;
 *	if (!batch_submit(batch, recorder_submit_of, recorder))
 *		answer_it(&batch->ticket);                      nobody else will call it
 *
 * and in answer_it(), in the loop's thread, at once or when the recorder is done:
 *
 *	batch_answer(batch, intake, now_boot_ns, &answer);      -ENOMEM: answer 503
 *	…answer.status, Content-Type: application/json, answer.text (free() it), and with
 *	answer.retry_after other than 0 the header Retry-After…
 *	batch_free(batch);
 *
 * A client that goes away meanwhile changes nothing: the batch lives until its ticket is done.
 */
#ifndef EXPORTER_BATCH_H
#define EXPORTER_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "event.h"
#include "intake.h"
#include "rate_limit.h"
#include "recorder.h"

#define BATCH_SIZE_MAX	 (1024 * 1024) /* bytes of a body */
#define BATCH_EVENTS_MAX 10000

struct batch_refusal {
	unsigned index; /* of the entry in the request, from 0 */
	struct event_error error;
};

struct batch {
	struct event_origin origin;
	bool single;	       /* one object, or wrong as a whole: the answer is one error */
	unsigned count;	       /* events that are good so far, in the order of the request */
	struct event **events; /* NULL once they are submitted */
	unsigned *indexes;     /* entry of events[i] */
	unsigned refused_count, refused_room;
	struct batch_refusal *refused;
	unsigned retry_after; /* seconds; 0: nothing to come again with */
	struct ticket ticket;
};

struct batch_answer {
	unsigned status; /* 200; 207 mixed; 400, 413, 429, 503 when nothing was taken */
	unsigned retry_after;
	char *text; /* malloc()ed JSON */
	size_t size;
};

/* 0 or -ENOMEM; a body that is wrong as a whole makes a batch with one refusal. Borrows nothing. */
int batch_parse(const char *body, size_t size, bool ndjson, const struct event_origin *origin,
		struct batch **ret_batch);
void batch_free(struct batch *batch);

/* Counts what was received and refuses what is over the limits at the time of arrival. */
void batch_admit(struct batch *batch, struct rate_limit *limit, const struct rate_sender *sender,
		 struct intake *intake);

/* As recorder_submit(): takes over the events, also on failure; 0, -ENOBUFS or -EIO. */
typedef int batch_submit_function(void *context, struct event **events, unsigned count,
				  struct ticket *ticket);
/* Whether the ticket's `done` will be called; else the answer is known. */
bool batch_submit(struct batch *batch, batch_submit_function *submit, void *context);

/* What the sender is told, and what is counted of it. 0 or -ENOMEM. */
int batch_answer(struct batch *batch, struct intake *intake, uint64_t now_boot_ns,
		 struct batch_answer *ret_answer);

#endif
