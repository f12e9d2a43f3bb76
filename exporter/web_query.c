// SPDX-License-Identifier: Apache-2.0
#include "web_query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_time.h"
#include "utf8.h"

#define DECIMALS_MAX 6 /* of a Unix time: microseconds */

static int digit_of(char character)
{
	if (character >= '0' && character <= '9')
		return character - '0';
	if (character >= 'a' && character <= 'f')
		return character - 'a' + 10;
	return character >= 'A' && character <= 'F' ? character - 'A' + 10 : -1;
}

/* In place; false: an escape that is none. What it decodes to is checked by printable(). */
static bool decode(char *text)
{
	char *out = text;
	int value;

	for (; *text; text++) {
		if (*text != '%') {
			*out++ = *text == '+' ? ' ' : *text;
			continue;
		}
		/* The second digit is looked at only behind a first one, so never past the end. */
		if (digit_of(text[1]) < 0 || digit_of(text[2]) < 0)
			return false;
		value = digit_of(text[1]) * 16 + digit_of(text[2]);
		*out++ = value ? (char)value : '\x01'; /* as bad as a NUL, and no end */
		text += 2;
	}
	*out = '\0';
	return true;
}

static bool printable(const char *text)
{
	size_t left = strlen(text), length;

	for (; left; text += length, left -= length) {
		length = utf8_length((const unsigned char *)text, left);
		if (!length || (unsigned char)*text < 0x20 || *text == 0x7f)
			return false;
	}
	return true;
}

static int parse_pair(char *pair, struct web_query *query, struct event_error *error)
{
	char *value = strchr(pair, '=');
	unsigned i;

	if (value)
		*value++ = '\0';
	if (!decode(pair) || !printable(pair))
		return event_refuse(error, "invalid_query", "",
				    "the name of a parameter is badly escaped");
	for (i = 0; query->names[i] && strcmp(query->names[i], pair); i++)
		;
	if (!query->names[i])
		return event_refuse(error, "unknown_parameter", pair,
				    "this path takes no parameter of this name");
	if (!value)
		return event_refuse(error, "invalid_query", pair, "it has no value");
	if (query->values[i])
		return event_refuse(error, "duplicate_parameter", pair, "it is given twice");
	if (!decode(value) || !printable(value))
		return event_refuse(error, "invalid_query", pair,
				    "its value is badly escaped, or not printable UTF-8");
	query->values[i] = value;
	return 0;
}

int web_query_parse(const char *text, const char *const *names, struct web_query *ret_query,
		    struct event_error *ret_error)
{
	size_t size = text ? strlen(text) : 0;
	char *pair, *end;
	int err;

	ret_query->names = names;
	memset(ret_query->values, 0, sizeof(ret_query->values));
	if (size > WEB_QUERY_MAX)
		return event_refuse(ret_error, "too_long", "", "the query is longer than %d bytes",
				    WEB_QUERY_MAX);
	if (!size)
		return 0;
	memcpy(ret_query->text, text, size + 1);
	for (pair = ret_query->text; pair; pair = end) {
		end = strchr(pair, '&');
		if (end)
			*end++ = '\0';
		err = parse_pair(pair, ret_query, ret_error);
		if (err)
			return err;
	}
	return 0;
}

/* Seconds with decimals; false: it is none, or after the year 9999. */
static bool parse_unix(const char *text, int64_t *ret_us)
{
	int64_t value = 0;
	unsigned decimals = 0;
	bool point = false;

	if (digit_of(*text) < 0)
		return false;
	for (; *text; text++) {
		if (*text == '.' && !point && text[1]) {
			point = true;
			continue;
		}
		if (*text < '0' || *text > '9' || (!point && value > INT64_C(25340230079)))
			return false;
		if (point && ++decimals > DECIMALS_MAX)
			return false;
		value = value * 10 + (*text - '0');
	}
	for (; decimals < DECIMALS_MAX; decimals++)
		value *= 10;
	*ret_us = value;
	return true;
}

int web_query_time(const struct web_query *query, unsigned index, int64_t *ret_us,
		   struct event_error *ret_error)
{
	const char *value = query->values[index];

	if (!value || parse_unix(value, ret_us) || !event_time_parse(value, strlen(value), ret_us))
		return 0;
	return event_refuse(ret_error, "invalid_time", query->names[index],
			    "not a time; write 2026-01-31T12:00:00Z (a plus sign as %%2B) or "
			    "Unix seconds");
}

int web_query_number(const struct web_query *query, unsigned index, int64_t min, int64_t max,
		     int64_t *ret_number, struct event_error *ret_error)
{
	const char *value = query->values[index];
	long long number;
	char *end;

	if (!value)
		return 0;
	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno || *end || (*value != '-' && (*value < '0' || *value > '9')) || number < min ||
	    number > max)
		return event_refuse(ret_error, "out_of_range", query->names[index],
				    "not a whole number from %lld to %lld", (long long)min,
				    (long long)max);
	*ret_number = number;
	return 0;
}

int web_query_choice(const struct web_query *query, unsigned index, const char *const *choices,
		     unsigned *ret_choice, struct event_error *ret_error)
{
	char list[128] = "";
	size_t size = 0;
	unsigned i;

	if (!query->values[index])
		return 0;
	for (i = 0; choices[i]; i++) {
		if (!strcmp(choices[i], query->values[index])) {
			*ret_choice = i;
			return 0;
		}
		if (size < sizeof(list))
			size += (size_t)snprintf(list + size, sizeof(list) - size, "%s%s",
						 i ? ", " : "", choices[i]);
	}
	return event_refuse(ret_error, "invalid_value", query->names[index], "it takes %s", list);
}
