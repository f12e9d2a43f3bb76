// SPDX-License-Identifier: Apache-2.0
#include "json_writer.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "utf8.h"

#define ESCAPED_MAX 6 /* \u001f, of one byte */

void write_raw(struct json_writer *writer, const char *bytes, size_t size)
{
	struct text *out = writer->text;

	if (!writer->err)
		writer->err = text_reserve(out, size);
	if (writer->err)
		return;
	memcpy(out->data + out->size, bytes, size);
	out->size += size;
}

static void put_string(struct json_writer *writer, const char *string)
{
	static const char shorts[] = "\"\"\\\\\nn\rr\tt";
	size_t left = strlen(string), length;
	struct text *out = writer->text;
	const char *escape;
	char *at;

	if (!writer->err)
		writer->err = text_reserve(out, left * ESCAPED_MAX + 3);
	if (writer->err)
		return;
	at = out->data + out->size;
	*at++ = '"';
	for (; left; string += length, left -= length) {
		length = utf8_length((const unsigned char *)string, left);
		escape = memchr(shorts, *string, sizeof(shorts) - 1);
		if (!length) {
			memcpy(at, UTF8_REPLACEMENT, 3);
			at += 3;
			length = 1;
		} else if (escape && (escape - shorts) % 2 == 0) {
			*at++ = '\\';
			*at++ = escape[1];
		} else if ((unsigned char)*string < 0x20 || *string == 0x7f) {
			at += sprintf(at, "\\u%04x", (unsigned char)*string);
		} else {
			memcpy(at, string, length);
			at += length;
		}
	}
	*at++ = '"';
	out->size = (size_t)(at - out->data);
}

/* The comma and the key before a value. */
static void begin(struct json_writer *writer, const char *key)
{
	if (writer->filled[writer->depth])
		write_raw(writer, ",", 1);
	writer->filled[writer->depth] = true;
	if (!key)
		return;
	put_string(writer, key);
	write_raw(writer, ":", 1);
}

void write_open(struct json_writer *writer, const char *key, char bracket)
{
	begin(writer, key);
	if (writer->depth == JSON_DEPTH_MAX && !writer->err)
		writer->err = -EOVERFLOW;
	if (writer->err)
		return;
	write_raw(writer, &bracket, 1);
	writer->closing[writer->depth++] = bracket == '{' ? '}' : ']';
	writer->filled[writer->depth] = false;
}

void write_close(struct json_writer *writer)
{
	if (!writer->err)
		write_raw(writer, &writer->closing[--writer->depth], 1);
}

void write_text(struct json_writer *writer, const char *key, const char *value)
{
	begin(writer, key);
	put_string(writer, value);
}

void write_json(struct json_writer *writer, const char *key, const char *json, size_t size)
{
	begin(writer, key);
	write_raw(writer, json, size);
}

void write_unsigned(struct json_writer *writer, const char *key, uint64_t value)
{
	char digits[TEXT_NUMBER_SIZE];

	write_json(writer, key, digits, (size_t)(text_integer(value, digits) - digits));
}

void write_integer(struct json_writer *writer, const char *key, int64_t value)
{
	char digits[TEXT_NUMBER_SIZE] = "-";

	if (value >= 0)
		write_unsigned(writer, key, (uint64_t)value);
	else
		write_json(writer, key, digits,
			   (size_t)(text_integer(-(uint64_t)value, digits + 1) - digits));
}

void write_real(struct json_writer *writer, const char *key, double value)
{
	char digits[TEXT_NUMBER_SIZE];

	if (!isfinite(value))
		write_null(writer, key);
	else
		write_json(writer, key, digits, (size_t)(text_real(value, digits) - digits));
}

void write_decimal(struct json_writer *writer, const char *key, uint64_t value, unsigned decimals)
{
	char digits[TEXT_NUMBER_SIZE];

	write_json(writer, key, digits, (size_t)(text_decimal(value, decimals, digits) - digits));
}

void write_bool(struct json_writer *writer, const char *key, bool value)
{
	write_json(writer, key, value ? "true" : "false", value ? 4 : 5);
}

void write_null(struct json_writer *writer, const char *key)
{
	write_json(writer, key, "null", 4);
}

void write_time(struct json_writer *writer, const char *key, int64_t microseconds)
{
	time_t seconds = microseconds / 1000000;
	char date[32], text[48];
	struct tm parts;

	if (microseconds <= 0 || !gmtime_r(&seconds, &parts) ||
	    !strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &parts)) {
		write_null(writer, key);
		return;
	}
	snprintf(text, sizeof(text), "%s.%03dZ", date, (int)(microseconds % 1000000 / 1000));
	write_text(writer, key, text);
}
