// SPDX-License-Identifier: Apache-2.0
#include "event_time.h"

#include <errno.h>
#include <stdbool.h>

#define MICRO INT64_C(1000000)
#define DAY   INT64_C(86400)

/* What is not read yet. */
struct rest {
	const char *at, *end;
};

/* Exactly `count` digits with a value from min to max. */
static bool take_number(struct rest *rest, int count, int min, int max, int *ret_number)
{
	int number = 0;

	if (rest->end - rest->at < count)
		return false;
	for (; count > 0; count--, rest->at++) {
		if (*rest->at < '0' || *rest->at > '9')
			return false;
		number = number * 10 + (*rest->at - '0');
	}
	if (number < min || number > max)
		return false;
	*ret_number = number;
	return true;
}

static bool take_either(struct rest *rest, char one, char other)
{
	if (rest->at == rest->end || (*rest->at != one && *rest->at != other))
		return false;
	rest->at++;
	return true;
}

static bool take_fraction(struct rest *rest, int64_t *ret_us)
{
	int64_t us = 0, unit = MICRO / 10;
	const char *begin;

	if (!take_either(rest, '.', '.')) {
		*ret_us = 0;
		return true;
	}
	for (begin = rest->at; rest->at < rest->end && *rest->at >= '0' && *rest->at <= '9';
	     rest->at++, unit /= 10)
		us += (*rest->at - '0') * unit;
	*ret_us = us;
	return rest->at > begin;
}

static bool take_zone(struct rest *rest, int64_t *ret_seconds)
{
	int hours, minutes, sign;

	if (take_either(rest, 'Z', 'z')) {
		*ret_seconds = 0;
		return true;
	}
	sign = rest->at < rest->end && *rest->at == '-' ? -1 : 1;
	if (!take_either(rest, '+', '-') || !take_number(rest, 2, 0, 23, &hours) ||
	    !take_either(rest, ':', ':') || !take_number(rest, 2, 0, 59, &minutes))
		return false;
	*ret_seconds = sign * (hours * 3600 + minutes * 60);
	return true;
}

static bool leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

/* Days since 1970. */
static bool take_date(struct rest *rest, int64_t *ret_days)
{
	static const int lengths[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int year, month, day, earlier, each;
	int64_t days;

	if (!take_number(rest, 4, 1970, 9999, &year) || !take_either(rest, '-', '-') ||
	    !take_number(rest, 2, 1, 12, &month) || !take_either(rest, '-', '-') ||
	    !take_number(rest, 2, 1, lengths[month - 1], &day))
		return false;
	if (month == 2 && day == 29 && !leap(year))
		return false;
	earlier = year - 1; /* 477 leap days came before 1970 */
	days = (year - 1970) * 365 + earlier / 4 - earlier / 100 + earlier / 400 - 477;
	for (each = 1; each < month; each++)
		days += each == 2 && !leap(year) ? 28 : lengths[each - 1];
	*ret_days = days + day - 1;
	return true;
}

int event_time_parse(const char *text, size_t size, int64_t *ret_us)
{
	struct rest rest = {text, text + size};
	int64_t days, fraction, zone;
	int hour, minute, second;

	/* RFC 3339 allows a blank for the T, and many write one. */
	if (!take_date(&rest, &days) ||
	    !(take_either(&rest, 'T', 't') || take_either(&rest, ' ', ' ')) ||
	    !take_number(&rest, 2, 0, 23, &hour) || !take_either(&rest, ':', ':') ||
	    !take_number(&rest, 2, 0, 59, &minute) || !take_either(&rest, ':', ':') ||
	    !take_number(&rest, 2, 0, 60, &second) || !take_fraction(&rest, &fraction) ||
	    !take_zone(&rest, &zone) || rest.at != rest.end)
		return -EINVAL;
	*ret_us = (days * DAY + hour * 3600 + minute * 60 + second - zone) * MICRO + fraction;
	return 0;
}
