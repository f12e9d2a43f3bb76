// SPDX-License-Identifier: Apache-2.0
/*
 * Query strings, strictly: every name is known and comes once, every pair has a value, every escape
 * is whole, every value is printable UTF-8. Pure.
 *
 *	static const char *const names[] = {"from", "to", NULL};
 *	err = web_query_parse(text, names, &query, &error);
 *	if (!err)
 *		err = web_query_time(&query, 0, &from_us, &error);
 *
 * Errors are -EINVAL with the name of the parameter in `field`.
 */
#ifndef EXPORTER_WEB_QUERY_H
#define EXPORTER_WEB_QUERY_H

#include <stdint.h>

#include "event.h"

#define WEB_QUERY_MAX	2048 /* bytes as they were sent */
#define WEB_QUERY_NAMES 8

struct web_query {
	const char *const *names;
	const char
		*values[WEB_QUERY_NAMES]; /* decoded, by the index of the name; NULL: not given */
	char text[WEB_QUERY_MAX + 1];
};

/* `text` NULL: no query. `names` ends with NULL and outlives the query. */
int web_query_parse(const char *text, const char *const *names, struct web_query *ret_query,
		    struct event_error *ret_error);

/* Each leaves *ret_… as it is when the parameter was not given. */

/* RFC 3339, or Unix seconds with up to six decimals; as Unix microseconds. */
int web_query_time(const struct web_query *query, unsigned index, int64_t *ret_us,
		   struct event_error *ret_error);
int web_query_number(const struct web_query *query, unsigned index, int64_t min, int64_t max,
		     int64_t *ret_number, struct event_error *ret_error);
/* `choices` ends with NULL; *ret_choice is an index into it. */
int web_query_choice(const struct web_query *query, unsigned index, const char *const *choices,
		     unsigned *ret_choice, struct event_error *ret_error);

#endif
