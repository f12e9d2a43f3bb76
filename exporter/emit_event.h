// SPDX-License-Identifier: Apache-2.0
/* Words of a command line, or a line of NDJSON → one event as JSON. Pure. */
#ifndef EXPORTER_EMIT_EVENT_H
#define EXPORTER_EMIT_EVENT_H

#include <stddef.h>
#include <stdint.h>

#define EMIT_PROBLEM_SIZE 160
#define EMIT_ID_SIZE	  37 /* of a UUID, with the NUL */

/* What every event gets that does not say otherwise. */
struct emit_defaults {
	char id[EMIT_ID_SIZE]; /* "": none */
	uint32_t pid;	       /* 0: none */
};

/* A random UUID of version 4 out of 16 random bytes. */
void emit_make_id(const uint8_t random[16], char ret_id[EMIT_ID_SIZE]);

/*
 * `type` and `count` words: field=value, where the value is read as the field's kind says, or
 * field:=JSON. ret_json is malloc()ed. 0; -EINVAL and ret_problem; or -ENOMEM. What the value may
 * be is for the exporter to judge.
 */
int emit_event(const char *type, char *const *words, int count,
	       const struct emit_defaults *defaults, char **ret_json,
	       char ret_problem[EMIT_PROBLEM_SIZE]);

/* The line with the defaults; a line that is no JSON object stays as it is, to be refused with its
 * reason. malloc()ed; NULL without memory. */
char *emit_line(const char *line, size_t size, const struct emit_defaults *defaults);

#endif
