// SPDX-License-Identifier: Apache-2.0
/*
 * A request that changes something: one internal event says what and who asked, and the request
 * sleeps until it is on disk.
 */
#ifndef EXPORTER_API_NOTE_H
#define EXPORTER_API_NOTE_H

#include "recorder.h"
#include "web_request.h"

#define API_ACTOR_SIZE 64

/* request->state, from api_note_submit() on. */
struct api_note {
	struct ticket ticket;
	uint64_t amount; /* of whoever submitted it */
};

/* Who asks, as the audit log names it: "uid 1000", "192.0.2.7". */
void api_actor(const struct web_request *request, char ret_actor[API_ACTOR_SIZE]);

/* An event of this type with one field and the actor; `next` answers when it is done. */
enum MHD_Result api_note_submit(struct web_request *request, enum event_type type,
				const struct event_field_value *value, uint64_t amount,
				web_answer *next);
/* What was not stored: 503 for the journal, 409 with the accounts' reason. */
enum MHD_Result api_note_refuse(struct web_request *request);

#endif
