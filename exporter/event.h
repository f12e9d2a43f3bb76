// SPDX-License-Identifier: Apache-2.0
/*
 * One event: what an application said, or what Operaglass itself noted, checked and compact.
 *
 * Made by event_parse() from one JSON object (shared/events.md is the contract), or by
 * event_make() for the internal types, which nobody outside can send. One allocation, no pointer
 * into anything else: it may go to another thread, and event_free() ends it.
 *
 * The tables of types and fields are event_types.h.
 */
#ifndef EXPORTER_EVENT_H
#define EXPORTER_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "event_types.h"

#define EVENT_SIZE_MAX (16 * 1024) /* bytes of one JSON object */
/* An event's time may be off by so much: 24 hours. */
#define EVENT_SKEW_MAX_US (INT64_C(24) * 3600 * 1000000)

/* How an event came in. */
enum event_way {
	WAY_DATAGRAM,
	WAY_STREAM, /* HTTP on the unix socket */
	WAY_WEB,
	WAY_INTERNAL,
	WAYS
};

/* Who sent it, and when it arrived. */
struct event_origin {
	enum event_way way;
	uint32_t uid;	  /* UINT32_MAX: unknown */
	uint32_t pid;	  /* as the initial pid namespace sees it; 0: unknown */
	int64_t wall_us;  /* Unix time of arrival */
	uint64_t boot_ns; /* CLOCK_BOOTTIME of arrival */
};

struct event; /* opaque; use the functions below */

struct event_error {
	const char
		*code; /* "invalid_json", "missing_field", "wrong_type", "unknown_type", "too_long",
			      "out_of_range", "too_large", "unknown_field" */
	char field[64];	   /* "" where it is about the whole */
	char message[192]; /* one line, printable UTF-8, never the sender's text in full */
};

/* Fills it; returns -EINVAL. `code` is a literal. */
__attribute__((format(printf, 4, 5))) int event_refuse(struct event_error *error, const char *code,
						       const char *field, const char *format, ...);

/*
 * Pure. 0 and an event; or -EINVAL (ret_error says why) or -ENOMEM. `json` need not end in NUL.
 * Unknown fields are refused.
 * An empty text is no text: an optional field is then left out, a required one is missing. Without
 * a `pid`, an event that came over a unix socket gets the sender's.
 */
int event_parse(const char *json, size_t size, const struct event_origin *origin,
		struct event **ret_event, struct event_error *ret_error);

/* An event of Operaglass itself, happened at its arrival. Texts that are too long are cut, bytes that
 * are no UTF-8 become '?'; NULL and empty texts are left out; FIELD_DETAILS is JSON. 0 or -ENOMEM. */
struct event_field_value {
	enum event_field field;
	const char *text; /* for text fields */
	double number;	  /* for the others */
};
int event_make(enum event_type type, const struct event_origin *origin,
	       const struct event_field_value *values, size_t count, struct event **ret_event);

void event_free(struct event *event);

enum event_type event_type(const struct event *event);
const struct event_origin *event_origin(const struct event *event);
/* When it happened: the `time` field, else arrival. Unix microseconds; CLOCK_BOOTTIME ns. */
int64_t event_wall_us(const struct event *event);
uint64_t event_boot_ns(const struct event *event);

bool event_has(const struct event *event, enum event_field field);
/* NULL without the field. Good as long as the event. */
const char *event_text(const struct event *event, enum event_field field);
/* Numbers, integers and bools (0, 1); `missing` without the field. */
double event_number(const struct event *event, enum event_field field, double missing);
/* FIELD_LABELS only: name and value of label `index`; false past the last. */
bool event_label(const struct event *event, unsigned index, const char **ret_name,
		 const char **ret_value);

/*
 * The agent root of the process that reported it, when the kernel half knows one: attached before
 * the event is submitted. event_root() returns its tgid, 0 without one; ret_start_ns and ret_type are
 * written only with one. The type is cut to 31 bytes.
 */
void event_set_root(struct event *event, uint32_t root, uint64_t root_start_ns,
		    const char *agent_type);
uint32_t event_root(const struct event *event, uint64_t *ret_start_ns, const char **ret_type);

/* The same event with another text (not empty) in a field that it has; the old one is freed. 0 or
 * -ENOMEM, *event is then as before. */
int event_replace_text(struct event **event, enum event_field field, const char *text);

/* Bytes it takes in memory. */
size_t event_size(const struct event *event);

/* The event as one line of JSON for storage, without what is stored beside it: type, id, time,
 * origin and root. NUL-terminated; returns its length, or -ENOSPC. EVENT_JSON_MAX always suffices. */
#define EVENT_JSON_MAX (64 * 1024)
ssize_t event_write_json(const struct event *event, char *out, size_t size);

#endif
