// SPDX-License-Identifier: Apache-2.0
#include "batch_split.h"

#include <errno.h>
#include <string.h>

static bool is_blank(char byte)
{
	return byte == ' ' || byte == '\t' || byte == '\n' || byte == '\r';
}

static size_t skip_blanks(const char *body, size_t size, size_t at)
{
	while (at < size && is_blank(body[at]))
		at++;
	return at;
}

/* Index of the quote that closes the string begun at `at`, or of the end of its line. */
static size_t string_end(const char *body, size_t size, size_t at)
{
	for (at++; at < size && body[at] != '"' && body[at] != '\n'; at++)
		if (body[at] == '\\' && at + 1 < size && body[at + 1] != '\n')
			at++;
	return at;
}

/* Index of the first byte from `at` on that is `one` or `other` outside strings and inner brackets;
 * `size` when there is none. */
static size_t find_end(const char *body, size_t size, size_t at, char one, char other)
{
	size_t depth = 0;

	for (; at < size; at++) {
		if (depth == 0 && (body[at] == one || body[at] == other))
			return at;
		if (body[at] == '"')
			at = string_end(body, size, at);
		else if (body[at] == '{' || body[at] == '[')
			depth++;
		else if ((body[at] == '}' || body[at] == ']') && depth > 0)
			depth--;
	}
	return size;
}

static size_t line_end(const char *body, size_t size, size_t at)
{
	const char *end = memchr(body + at, '\n', size - at);

	return end ? (size_t)(end - body) : size;
}

enum batch_form batch_form(const char *body, size_t size, bool ndjson)
{
	size_t at = skip_blanks(body, size, 0), end;

	if (ndjson)
		return FORM_LINES;
	if (at == size)
		return FORM_SINGLE;
	if (body[at] == '[')
		return FORM_ARRAY;
	if (body[at] == '{') {
		end = find_end(body, size, at + 1, '}', '}');
		if (end < size)
			return skip_blanks(body, size, end + 1) == size ? FORM_SINGLE : FORM_LINES;
	}
	/* The first entry is broken; are there others? */
	for (end = line_end(body, size, at); end < size; end = line_end(body, size, end + 1))
		if (end + 1 < size && body[end + 1] == '{')
			return FORM_LINES;
	return FORM_SINGLE;
}

struct output {
	struct batch_slice *slices;
	unsigned max, count;
};

/* The bytes from `begin` to `end` without the blanks around them. */
static bool emit(struct output *output, const char *body, size_t begin, size_t end)
{
	if (output->count == output->max)
		return false;
	begin = skip_blanks(body, end, begin);
	while (end > begin && is_blank(body[end - 1]))
		end--;
	if (output->slices)
		output->slices[output->count] = (struct batch_slice){body + begin, end - begin};
	output->count++;
	return true;
}

static int split_array(const char *body, size_t size, struct output *output)
{
	size_t at = skip_blanks(body, size, 0) + 1, end = skip_blanks(body, size, at);

	if (end < size && body[end] == ']')
		return skip_blanks(body, size, end + 1) == size ? 0 : -EINVAL;
	do {
		end = find_end(body, size, at, ',', ']');
		if (end == size)
			return -EINVAL;
		if (!emit(output, body, at, end))
			return -E2BIG;
		at = end + 1;
	} while (body[end] == ',');
	return skip_blanks(body, size, at) == size ? 0 : -EINVAL;
}

static int split_lines(const char *body, size_t size, struct output *output)
{
	size_t at, end;

	for (at = skip_blanks(body, size, 0); at < size; at = skip_blanks(body, size, end)) {
		end = line_end(body, size, at);
		if (!emit(output, body, at, end))
			return -E2BIG;
	}
	return 0;
}

int batch_split(enum batch_form form, const char *body, size_t size, struct batch_slice *slices,
		unsigned max, unsigned *ret_count)
{
	struct output output = {.slices = slices, .max = max};
	int err = 0;

	if (form == FORM_ARRAY)
		err = split_array(body, size, &output);
	else if (form == FORM_LINES)
		err = split_lines(body, size, &output);
	else if (!emit(&output, body, 0, size))
		err = -E2BIG;
	*ret_count = output.count;
	return err;
}
