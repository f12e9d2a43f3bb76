// SPDX-License-Identifier: Apache-2.0
/* The fields of an event before it has its memory; texts are borrowed. Inside event*.c only. */
#ifndef EXPORTER_EVENT_DRAFT_H
#define EXPORTER_EVENT_DRAFT_H

#include "event.h"

struct event_draft {
	enum event_type type;
	int64_t wall_us;
	uint64_t present; /* bit N: values[N] is set */
	union {
		double number;
		struct {
			const char *bytes; /* labels: name, NUL, value, NUL, … */
			size_t size;
		} text;
	} values[EVENT_FIELDS];
};

void draft_number(struct event_draft *draft, enum event_field field, double number);
void draft_text(struct event_draft *draft, enum event_field field, const char *bytes, size_t size);

/* 0 or -ENOMEM. */
int draft_build(const struct event_draft *draft, const struct event_origin *origin,
		struct event **ret_event);

/* Whether fields of this kind are kept as a number. */
static inline bool kind_is_number(enum field_kind kind)
{
	return kind == KIND_INTEGER || kind == KIND_NUMBER || kind == KIND_BOOL;
}

#endif
