// SPDX-License-Identifier: Apache-2.0
/* What the values of a configuration are read with. Locale-free on purpose. */
#ifndef OPERAGLASS_CONFIG_DIGITS_H
#define OPERAGLASS_CONFIG_DIGITS_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool is_lower(char c)
{
	return c >= 'a' && c <= 'z';
}

static inline int bad(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

/*
 * Reads digits; returns where they end, or NULL when there are none. A number too large becomes
 * INT64_MAX, which is out of every range.
 */
static inline const char *read_digits(const char *text, uint64_t *ret_value)
{
	const char *start = text;
	uint64_t value = 0;

	for (; is_digit(*text); text++) {
		value = value > (INT64_MAX - 9) / 10 ? INT64_MAX
						     : value * 10 + (uint64_t)(*text - '0');
	}
	if (text == start)
		return NULL;
	*ret_value = value;
	return text;
}

#endif
