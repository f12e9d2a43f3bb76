// SPDX-License-Identifier: Apache-2.0
/*
 * An event in memory: a head, eight bytes for each field that is there in the order of the fields,
 * then the texts, each ended by NUL.
 */
#include "event.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_draft.h"
#include "utf8.h"

union slot {
	double number;
	struct {
		uint32_t offset; /* from the event's begin */
		uint32_t size;	 /* without the NUL */
	} text;
};

struct event {
	uint64_t present; /* bit N: enum event_field N */
	struct event_origin origin;
	int64_t wall_us;
	uint64_t root_start_ns;
	uint32_t root;
	uint32_t size; /* of all */
	enum event_type type;
	char agent_type[32]; /* of the root */
	union slot slots[];
};

int event_refuse(struct event_error *error, const char *code, const char *field, const char *format,
		 ...)
{
	va_list arguments;

	error->code = code;
	snprintf(error->field, sizeof(error->field), "%s", field);
	va_start(arguments, format);
	vsnprintf(error->message, sizeof(error->message), format, arguments);
	va_end(arguments);
	return -EINVAL;
}

void draft_number(struct event_draft *draft, enum event_field field, double number)
{
	draft->present |= UINT64_C(1) << field;
	draft->values[field].number = number;
}

void draft_text(struct event_draft *draft, enum event_field field, const char *bytes, size_t size)
{
	draft->present |= UINT64_C(1) << field;
	draft->values[field].text.bytes = bytes;
	draft->values[field].text.size = size;
}

/* The lowest field of a set that is not empty; then it is taken out. */
static enum event_field take_field(uint64_t *fields)
{
	int field = __builtin_ctzll(*fields);

	*fields &= *fields - 1;
	return (enum event_field)field;
}

static size_t draft_size(const struct event_draft *draft)
{
	size_t size = sizeof(struct event);
	uint64_t left = draft->present;
	enum event_field field;

	while (left) {
		field = take_field(&left);
		size += sizeof(union slot);
		if (!kind_is_number(event_fields[field].kind))
			size += draft->values[field].text.size + 1;
	}
	return size;
}

int draft_build(const struct event_draft *draft, const struct event_origin *origin,
		struct event **ret_event)
{
	size_t size = draft_size(draft), text_size, at;
	struct event *event = malloc(size);
	uint64_t left = draft->present;
	enum event_field field;
	union slot *slot;

	if (!event)
		return -ENOMEM;
	*event = (struct event){
		.present = draft->present,
		.origin = *origin,
		.wall_us = draft->wall_us,
		.size = (uint32_t)size,
		.type = draft->type,
	};
	at = sizeof(*event) + (size_t)__builtin_popcountll(left) * sizeof(*slot);
	for (slot = event->slots; left; slot++) {
		field = take_field(&left);
		if (kind_is_number(event_fields[field].kind)) {
			slot->number = draft->values[field].number;
			continue;
		}
		text_size = draft->values[field].text.size;
		memcpy((char *)event + at, draft->values[field].text.bytes, text_size);
		((char *)event)[at + text_size] = '\0';
		slot->text.offset = (uint32_t)at;
		slot->text.size = (uint32_t)text_size;
		at += text_size + 1;
	}
	*ret_event = event;
	return 0;
}

static const union slot *find_slot(const struct event *event, enum event_field field)
{
	uint64_t bit = UINT64_C(1) << field;

	if (!(event->present & bit))
		return NULL;
	return &event->slots[__builtin_popcountll(event->present & (bit - 1))];
}

/* Other bytes than UTF-8 come from the kernel's names only: paths, command lines. */
static void scrub(char *text, size_t size)
{
	size_t length;

	while (size > 0) {
		length = utf8_length((const unsigned char *)text, size);
		if (length == 0) {
			*text = '?';
			length = 1;
		}
		text += length;
		size -= length;
	}
}

static void scrub_texts(struct event *event)
{
	uint64_t left = event->present;
	const union slot *slot;
	enum event_field field;

	for (slot = event->slots; left; slot++) {
		field = take_field(&left);
		if (!kind_is_number(event_fields[field].kind))
			scrub((char *)event + slot->text.offset, slot->text.size);
	}
}

int event_make(enum event_type type, const struct event_origin *origin,
	       const struct event_field_value *values, size_t count, struct event **ret_event)
{
	struct event_draft draft = {.type = type, .wall_us = origin->wall_us};
	const struct field_row *row;
	size_t i, size;
	int err;

	for (i = 0; i < count; i++) {
		row = &event_fields[values[i].field];
		if (kind_is_number(row->kind)) {
			draft_number(&draft, values[i].field, values[i].number);
			continue;
		}
		size = values[i].text ? strlen(values[i].text) : 0;
		if (size > row->size_max && row->kind != KIND_ANY)
			size = row->size_max;
		if (size > 0)
			draft_text(&draft, values[i].field, values[i].text, size);
	}
	err = draft_build(&draft, origin, ret_event);
	if (!err)
		scrub_texts(*ret_event);
	return err;
}

int event_replace_text(struct event **event, enum event_field field, const char *text)
{
	const struct event *old = *event;
	struct event_draft draft = {.type = old->type, .wall_us = old->wall_us};
	uint64_t left = old->present;
	const union slot *slot;
	enum event_field each;
	struct event *made;
	int err;

	for (slot = old->slots; left; slot++) {
		each = take_field(&left);
		if (kind_is_number(event_fields[each].kind))
			draft_number(&draft, each, slot->number);
		else if (each == field)
			draft_text(&draft, each, text, strlen(text));
		else
			draft_text(&draft, each, (const char *)old + slot->text.offset,
				   slot->text.size);
	}
	err = draft_build(&draft, &old->origin, &made);
	if (err)
		return err;
	event_set_root(made, old->root, old->root_start_ns, old->agent_type);
	event_free(*event);
	*event = made;
	return 0;
}

void event_free(struct event *event)
{
	free(event);
}

enum event_type event_type(const struct event *event)
{
	return event->type;
}

const struct event_origin *event_origin(const struct event *event)
{
	return &event->origin;
}

int64_t event_wall_us(const struct event *event)
{
	return event->wall_us;
}

uint64_t event_boot_ns(const struct event *event)
{
	/* Within a day of the arrival, see EVENT_SKEW_MAX_US: no overflow. */
	int64_t late_ns = (event->origin.wall_us - event->wall_us) * 1000;

	if (late_ns > 0 && (uint64_t)late_ns > event->origin.boot_ns)
		return 0; /* before this boot */
	return event->origin.boot_ns - (uint64_t)late_ns;
}

bool event_has(const struct event *event, enum event_field field)
{
	return event->present >> field & 1;
}

const char *event_text(const struct event *event, enum event_field field)
{
	const union slot *slot = find_slot(event, field);

	if (!slot || kind_is_number(event_fields[field].kind))
		return NULL;
	return (const char *)event + slot->text.offset;
}

double event_number(const struct event *event, enum event_field field, double missing)
{
	const union slot *slot = find_slot(event, field);

	return slot && kind_is_number(event_fields[field].kind) ? slot->number : missing;
}

bool event_label(const struct event *event, unsigned index, const char **ret_name,
		 const char **ret_value)
{
	const union slot *slot = find_slot(event, FIELD_LABELS);
	const char *at, *end;

	if (!slot)
		return false;
	at = (const char *)event + slot->text.offset;
	end = at + slot->text.size;
	for (; at < end; at += strlen(at) + 1) {
		if (index-- == 0) {
			*ret_name = at;
			*ret_value = at + strlen(at) + 1;
			return true;
		}
		at += strlen(at) + 1;
	}
	return false;
}

void event_set_root(struct event *event, uint32_t root, uint64_t root_start_ns,
		    const char *agent_type)
{
	size_t size = strnlen(agent_type, sizeof(event->agent_type) - 1);

	event->root = root;
	event->root_start_ns = root_start_ns;
	memmove(event->agent_type, agent_type, size);
	event->agent_type[size] = '\0';
}

uint32_t event_root(const struct event *event, uint64_t *ret_start_ns, const char **ret_type)
{
	if (event->root) {
		*ret_start_ns = event->root_start_ns;
		*ret_type = event->agent_type;
	}
	return event->root;
}

size_t event_size(const struct event *event)
{
	return event->size;
}
