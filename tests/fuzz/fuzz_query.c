// SPDX-License-Identifier: Apache-2.0
/* Input: a query string. What is accepted is printable, and every reader of a value gives an answer. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web_query.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct web_query *query, unsigned index)
{
	static const char *const choices[] = {"model", "agent", NULL};
	struct event_error error;
	int64_t us = 0, number = 1;
	unsigned choice = 0;
	const char *at;

	for (at = query->values[index]; at && *at; at++)
		if ((unsigned char)*at < 0x20)
			abort();
	if (!web_query_time(query, index, &us, &error) && us < 0)
		abort();
	if (!web_query_number(query, index, 1, 100, &number, &error) &&
	    (number < 1 || number > 100))
		abort();
	web_query_choice(query, index, choices, &choice, &error);
	if (choice > 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {"from", "to", "by", "limit", NULL};
	struct event_error error;
	struct web_query query;
	char *text = malloc(size + 1);
	unsigned i;

	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!web_query_parse(text, names, &query, &error))
		for (i = 0; names[i]; i++)
			check(&query, i);
	else if (!error.code || strlen(error.field) >= sizeof(error.field))
		abort();
	free(text);
	return 0;
}
