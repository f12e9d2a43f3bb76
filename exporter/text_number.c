// SPDX-License-Identifier: Apache-2.0
/* How numbers and labels are written. No printf where a scrape goes through thousands of times. */
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Writes the decimal digits of `value` right-aligned before `end`; returns their begin. */
static char *digits_before(uint64_t value, char *end)
{
	static const char pairs[] =
		"00010203040506070809101112131415161718192021222324252627282930313233"
		"34353637383940414243444546474849505152535455565758596061626364656667"
		"68697071727374757677787980818283848586878889909192939495969798"
		"99";

	while (value >= 100) {
		end -= 2;
		memcpy(end, pairs + 2 * (value % 100), 2);
		value /= 100;
	}
	if (value >= 10) {
		end -= 2;
		memcpy(end, pairs + 2 * value, 2);
	} else {
		*--end = (char)('0' + value);
	}
	return end;
}

char *text_integer(uint64_t value, char *out)
{
	char digits[20], *begin = digits_before(value, digits + sizeof(digits));
	size_t size = (size_t)(digits + sizeof(digits) - begin);

	memcpy(out, begin, size);
	return out + size;
}

char *text_decimal(uint64_t value, unsigned decimals, char *out)
{
	static const uint32_t powers[] = {1,	  10,	   100,	     1000,	10000,
					  100000, 1000000, 10000000, 100000000, 1000000000};
	uint32_t fraction = (uint32_t)(value % powers[decimals]);
	int digit;

	out = text_integer(value / powers[decimals], out);
	if (!fraction)
		return out;
	*out++ = '.';
	for (digit = (int)decimals - 1; digit >= 0; digit--) {
		out[digit] = (char)('0' + fraction % 10);
		fraction /= 10;
	}
	out += decimals;
	while (out[-1] == '0')
		out--;
	return out;
}

/* d.ddde+XX */
static char *scientific(const char *digits, int count, int exponent, char *out)
{
	*out++ = digits[0];
	if (count > 1) {
		*out++ = '.';
		memcpy(out, digits + 1, (size_t)count - 1);
		out += count - 1;
	}
	*out++ = 'e';
	*out++ = exponent < 0 ? '-' : '+';
	exponent = abs(exponent);
	*out++ = (char)('0' + exponent / 10);
	*out++ = (char)('0' + exponent % 10);
	return out;
}

char *text_bound(uint64_t value, enum family_unit unit, char *out)
{
	char buffer[20], *digits = digits_before(value, buffer + sizeof(buffer));
	int count = (int)(buffer + sizeof(buffer) - digits), point, i;

	/* value = 0.DIGITS * 10^point */
	point = count - (int)family_unit_decimals(unit);
	while (count > 1 && digits[count - 1] == '0')
		count--;
	if (value == 0)
		point = 1;
	/* The limits of Go's strconv 'g' with the shortest precision, which Prometheus writes `le`
	 * with. */
	if (point - 1 < -4 || point - 1 >= 6)
		return scientific(digits, count, point - 1, out);
	if (point <= 0) {
		*out++ = '0';
		*out++ = '.';
		for (i = point; i < 0; i++)
			*out++ = '0';
		memcpy(out, digits, (size_t)count);
		return out + count;
	}
	for (i = 0; i < point; i++)
		*out++ = i < count ? digits[i] : '0';
	*out++ = '.';
	if (count <= point)
		*out++ = '0';
	for (i = point; i < count; i++)
		*out++ = digits[i];
	return out;
}

char *text_real(double value, char *out)
{
	char buffer[TEXT_NUMBER_SIZE];
	int precision, size = 0;

	if (isnan(value) || isinf(value)) {
		const char *name = isnan(value) ? "NaN" : value > 0 ? "+Inf" : "-Inf";

		memcpy(out, name, strlen(name));
		return out + strlen(name);
	}
	if (value >= 0 && value < 9007199254740992.0 && value == floor(value) && !signbit(value))
		return text_integer((uint64_t)value, out); /* below 2^53 doubles are exact */
	for (precision = 15; precision <= 17; precision++) {
		size = snprintf(buffer, sizeof(buffer), "%.*g", precision, value);
		if (strtod(buffer, NULL) == value)
			break;
	}
	memcpy(out, buffer, (size_t)size);
	return out + size;
}

char *text_label(const char *value, char *out)
{
	for (; *value; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n') {
			*out++ = '\\';
			*out++ = *value == '\n' ? 'n' : *value;
		} else {
			*out++ = *value;
		}
	}
	return out;
}
