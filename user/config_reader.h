// SPDX-License-Identifier: Apache-2.0
/*
 * Reads the YAML subset that a configuration may use: one document of mappings, lists and
 * scalars, without anchors, aliases and tags. It works on the event stream, so nothing is ever
 * expanded, and reading stops at the first event that the schema does not allow.
 *
 * Every int function returns 0, or -EINVAL or -ENOMEM after it has written the error; the caller
 * stops then. A parse function finds its value's first event in reader->event and leaves with the
 * event after the value.
 */
#ifndef OPERAGLASS_CONFIG_READER_H
#define OPERAGLASS_CONFIG_READER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <yaml.h>

#include "config_report.h"

struct config_reader {
	yaml_parser_t parser;
	yaml_event_t event; /* the one to be looked at next */
	struct config_report report;
	const char *text;
	size_t size;
};

struct config_key;
typedef int config_parse_fn(struct config_reader *reader, const struct config_key *key, void *into);

/* A row of a mapping's schema. */
struct config_key {
	const char *name;
	config_parse_fn *parse;
	size_t offset;	   /* of the member of *into that a generic parse function writes */
	uint64_t min, max; /* for numbers and durations (ns) */
};

/* Opens on the first value of the document; reader->event.type is YAML_STREAM_END_EVENT if it is
 * empty. config_reader_close() is due also after an error. */
int config_reader_open(struct config_reader *reader);
int config_reader_end(struct config_reader *reader);
void config_reader_close(struct config_reader *reader);

int config_reader_next(struct config_reader *reader);
struct config_mark config_reader_mark(const struct config_reader *reader);

int config_reader_mapping(struct config_reader *reader, const struct config_key *keys,
			  size_t key_count, const struct config_scope *scope, void *into);
/* Calls item with each value of a list. */
int config_reader_list(struct config_reader *reader, const struct config_key *key,
		       config_parse_fn *item, void *into);
/* ret_text lives until the next event. */
int config_reader_text(struct config_reader *reader, const struct config_key *key,
		       const char *expected, const char **ret_text);
/* The same, but quotes make it a text: refused. */
int config_reader_plain(struct config_reader *reader, const struct config_key *key,
			const char *expected, const char **ret_text);
/* "bad value 'text' for KEY: why (allowed: ...)"; always -EINVAL. */
int config_reader_fail_value(struct config_reader *reader, const struct config_key *key,
			     const char *text, const char *why, const char *allowed);
/* Generic parse functions: a bool, a uint32_t, a duration as uint64_t. */
config_parse_fn config_parse_bool, config_parse_uint32, config_parse_duration;

#endif
