// SPDX-License-Identifier: Apache-2.0
/*
 * JSON, written from front to back into a text. Pure.
 *
 *	struct json_writer writer = {.text = out};
 *	write_open(&writer, NULL, '{');
 *	write_text(&writer, "name", "Ada \"the\" first");
 *	write_close(&writer);
 *	return writer.err;
 *
 * `key` is NULL in an array and at the top. The first failure is kept in `err`, and nothing is
 * written after it. Texts are UTF-8; a byte that is none becomes U+FFFD. Numbers that JSON does
 * not know (NaN, infinities) become null.
 */
#ifndef EXPORTER_JSON_WRITER_H
#define EXPORTER_JSON_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "text.h"

#define JSON_DEPTH_MAX 16

struct json_writer {
	struct text *text;
	int err; /* 0, -ENOMEM, or -EOVERFLOW: deeper than JSON_DEPTH_MAX */
	unsigned depth;
	char closing[JSON_DEPTH_MAX];
	bool filled[JSON_DEPTH_MAX + 1]; /* a comma is due */
};

void write_open(struct json_writer *writer, const char *key, char bracket); /* '{' or '[' */
void write_close(struct json_writer *writer);
void write_text(struct json_writer *writer, const char *key, const char *value);
void write_integer(struct json_writer *writer, const char *key, int64_t value);
void write_unsigned(struct json_writer *writer, const char *key, uint64_t value);
void write_real(struct json_writer *writer, const char *key, double value);
/* value / 10^decimals (at most 9), exactly: nanoseconds, 9 are seconds. */
void write_decimal(struct json_writer *writer, const char *key, uint64_t value, unsigned decimals);
void write_bool(struct json_writer *writer, const char *key, bool value);
void write_null(struct json_writer *writer, const char *key);
/* Unix microseconds as RFC 3339 in UTC, to the millisecond; 0 as null. */
void write_time(struct json_writer *writer, const char *key, int64_t microseconds);
/* A key and a value that is JSON already. */
void write_json(struct json_writer *writer, const char *key, const char *json, size_t size);
/* Bytes as they are, with neither key nor comma. */
void write_raw(struct json_writer *writer, const char *bytes, size_t size);

#endif
