// SPDX-License-Identifier: Apache-2.0
/*
 * A request's body → the bytes of each event in it. Pure, reads no more than it is given.
 *
 * Only as much JSON is understood as finding the borders needs: brackets and strings. So what is
 * wrong inside one entry stays inside it: a string that is not closed ends with its line.
 */
#ifndef EXPORTER_BATCH_SPLIT_H
#define EXPORTER_BATCH_SPLIT_H

#include <stdbool.h>
#include <stddef.h>

enum batch_form {
	FORM_SINGLE, /* one object, on however many lines */
	FORM_ARRAY,
	FORM_LINES, /* one object a line, blank lines between them are nothing */
};

struct batch_slice {
	const char *at;
	size_t size;
};

/* The content decides; `ndjson` is what the Content-Type said. */
enum batch_form batch_form(const char *body, size_t size, bool ndjson);

/*
 * Writes at most `max` slices; `slices` NULL only counts. 0; -E2BIG for more than `max`; -EINVAL for
 * an array that does not end, or something behind it. ret_count is written always: the entries that
 * were found.
 */
int batch_split(enum batch_form form, const char *body, size_t size, struct batch_slice *slices,
		unsigned max, unsigned *ret_count);

#endif
