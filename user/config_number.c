// SPDX-License-Identifier: Apache-2.0
/* Numbers of config_value.h: durations, sizes, amounts. */
#include "config_value.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config_digits.h"

#define NS_IN_S		UINT64_C(1000000000)
#define MICRO_IN_DOLLAR UINT64_C(1000000)

int config_value_whole(const char *text, uint64_t *ret_value, const char **ret_why)
{
	uint64_t value;
	const char *end = read_digits(text, &value);

	if (!end || *end)
		return bad(ret_why, "not a whole number");
	*ret_value = value;
	return 0;
}

static const struct {
	const char *suffix;
	uint64_t ns;
} duration_units[] = {
	{"h", 3600 * NS_IN_S},
	{"m", 60 * NS_IN_S},
	{"s", NS_IN_S},
	{"ms", NS_IN_S / 1000},
};
#define DURATION_UNITS (sizeof(duration_units) / sizeof(duration_units[0]))

int config_value_duration(const char *text, uint64_t *ret_ns, const char **ret_why)
{
	uint64_t value;
	const char *end = read_digits(text, &value);

	if (!end)
		return bad(ret_why, "not a duration");
	if (!*end)
		return bad(ret_why, "no unit");
	for (size_t i = 0; i < DURATION_UNITS; i++) {
		if (strcmp(end, duration_units[i].suffix) != 0)
			continue;
		if (value > INT64_MAX / duration_units[i].ns)
			return bad(ret_why, "out of range");
		*ret_ns = value * duration_units[i].ns;
		return 0;
	}
	return bad(ret_why, "not a duration");
}

void config_format_duration(uint64_t ns, char ret_text[CONFIG_DURATION_SIZE])
{
	size_t i = 0;

	while (i < DURATION_UNITS - 1 && (ns == 0 || ns % duration_units[i].ns != 0))
		i++;
	snprintf(ret_text, CONFIG_DURATION_SIZE, "%" PRIu64 "%s", ns / duration_units[i].ns,
		 duration_units[i].suffix);
}

/* A number with at most as many decimals as `unit`, a power of ten, has zeros: exact. */
struct fixed {
	uint64_t unit, max; /* max: of whole ones */
	const char *nothing, *finer;
};

static int read_fixed(const struct fixed *fixed, const char *text, uint64_t *ret_value,
		      const char **ret_why)
{
	uint64_t whole, part = 0, digit = fixed->unit;
	const char *at = read_digits(text, &whole);

	if (!at)
		return bad(ret_why, fixed->nothing);
	if (*at == '.') {
		for (at++; is_digit(*at); at++) {
			digit /= 10;
			if (digit == 0)
				return bad(ret_why, fixed->finer);
			part += (uint64_t)(*at - '0') * digit;
		}
		if (digit == fixed->unit)
			return bad(ret_why, fixed->nothing);
	}
	if (*at)
		return bad(ret_why, fixed->nothing);
	if (whole > fixed->max || (whole == fixed->max && part))
		return bad(ret_why, "out of range");
	*ret_value = whole * fixed->unit + part;
	return 0;
}

static void format_fixed(uint64_t value, uint64_t unit, int decimals,
			 char ret_text[CONFIG_SECONDS_SIZE])
{
	size_t length = (size_t)snprintf(ret_text, CONFIG_SECONDS_SIZE, "%" PRIu64 ".%0*" PRIu64,
					 value / unit, decimals, value % unit);

	while (ret_text[length - 1] == '0')
		ret_text[--length] = '\0';
	if (ret_text[length - 1] == '.')
		ret_text[length - 1] = '\0';
}

int config_value_seconds(const char *text, uint64_t *ret_ns, const char **ret_why)
{
	static const struct fixed seconds = {NS_IN_S, CONFIG_SECONDS_MAX, "not a number",
					     "finer than a nanosecond"};
	uint64_t ns;
	int err = read_fixed(&seconds, text, &ns, ret_why);

	if (err)
		return err;
	if (ns == 0)
		return bad(ret_why, "out of range");
	*ret_ns = ns;
	return 0;
}

void config_format_seconds(uint64_t ns, char ret_text[CONFIG_SECONDS_SIZE])
{
	format_fixed(ns, NS_IN_S, 9, ret_text);
}

static const struct {
	const char *suffix;
	unsigned int shift;
} size_units[] = {{"GiB", 30}, {"MiB", 20}, {"KiB", 10}, {"", 0}};
#define SIZE_UNITS (sizeof(size_units) / sizeof(size_units[0]))

int config_value_size(const char *text, uint64_t *ret_bytes, const char **ret_why)
{
	uint64_t value;
	const char *end = read_digits(text, &value);

	for (size_t i = 0; end && i < SIZE_UNITS; i++) {
		if (strcmp(end, size_units[i].suffix) != 0)
			continue;
		if (value > (uint64_t)INT64_MAX >> size_units[i].shift)
			return bad(ret_why, "out of range");
		*ret_bytes = value << size_units[i].shift;
		return 0;
	}
	return bad(ret_why, "not a size");
}

void config_format_size(uint64_t bytes, char ret_text[CONFIG_SECONDS_SIZE])
{
	size_t i = 0;

	while (i < SIZE_UNITS - 1 &&
	       (bytes == 0 || bytes & ((UINT64_C(1) << size_units[i].shift) - 1)))
		i++;
	snprintf(ret_text, CONFIG_SECONDS_SIZE, "%" PRIu64 "%s", bytes >> size_units[i].shift,
		 size_units[i].suffix);
}

int config_value_dollars(const char *text, uint64_t *ret_micro, const char **ret_why)
{
	static const struct fixed dollars = {MICRO_IN_DOLLAR, CONFIG_DOLLARS_MAX, "not an amount",
					     "finer than a millionth of a dollar"};

	return read_fixed(&dollars, text, ret_micro, ret_why);
}

void config_format_dollars(uint64_t micro, char ret_text[CONFIG_SECONDS_SIZE])
{
	format_fixed(micro, MICRO_IN_DOLLAR, 6, ret_text);
}

int config_value_number(const char *text, double *ret_number, const char **ret_why)
{
	double number;
	char *end;

	/* Neither hexadecimal nor "inf" nor leading blanks, which strtod() would take. */
	if (!*text || strspn(text, "0123456789.eE+-") != strlen(text))
		return bad(ret_why, "not a number");
	number = strtod(text, &end);
	if (*end)
		return bad(ret_why, "not a number");
	if (!isfinite(number))
		return bad(ret_why, "out of range");
	*ret_number = number;
	return 0;
}

void config_format_number(double number, char ret_text[CONFIG_SECONDS_SIZE + 8])
{
	int digits = 15;

	do
		snprintf(ret_text, CONFIG_SECONDS_SIZE + 8, "%.*g", digits, number);
	while (strtod(ret_text, NULL) != number && digits++ < 17);
}
