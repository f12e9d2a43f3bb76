// SPDX-License-Identifier: Apache-2.0
/* The endpoint of a request's target, found by searching the whole text: fuzz_http.c's second
 * opinion on bpf/endpoint.bpf.h. */
#ifndef OPERAGLASS_TESTS_SEARCH_PATH_H
#define OPERAGLASS_TESTS_SEARCH_PATH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "parse_http.bpf.h"

static inline bool is_id(const uint8_t *text, size_t length)
{
	size_t i, digits = 0, uppers = 0, lowers = 0, hex = 0, others = 0;

	for (i = 0; i < length; i++) {
		digits += text[i] >= '0' && text[i] <= '9';
		uppers += text[i] >= 'A' && text[i] <= 'Z';
		lowers += text[i] >= 'a' && text[i] <= 'z';
		hex += text[i] && strchr("0123456789abcdefABCDEF", text[i]) != NULL;
		others += !(text[i] && strchr("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
					      "abcdefghijklmnopqrstuvwxyz-_.~",
					      text[i]));
	}
	if (others || length > ENDPOINT_SEGMENT_MAX)
		return true;
	if (text[0] >= '0' && text[0] <= '9')
		return length != 10 || digits != 8 || text[4] != '-' || text[7] != '-';
	return digits > 3 || (digits && uppers) || (uppers > 4 && lowers) ||
	       (length >= 8 && hex == length && digits);
}

static inline void generic_name(const uint8_t *path, size_t size, char *name)
{
	size_t at = 0, segments = 0, length;

	memset(name, 0, ENDPOINT_SIZE);
	while (at < size && segments < ENDPOINT_SEGMENTS) {
		if (path[at] == '/') {
			at++;
			continue;
		}
		for (length = 0; at + length < size && path[at + length] != '/'; length++)
			;
		strcat(name, "/");
		if (is_id(path + at, length))
			strcat(name, ":id");
		else
			strncat(name, (const char *)path + at, length);
		at += length;
		segments++;
	}
	if (!segments)
		strcpy(name, "/");
}

/* The part of a target that is a path; false: it has none. */
static inline bool path_of(const uint8_t **target, size_t *size)
{
	size_t slashes = 0;

	if (*size && **target == '/')
		return true;
	if (!*size || (**target | 0x20) != 'h')
		return false;
	while (*size) {
		if (**target == '/' && ++slashes == 3)
			return true;
		++*target;
		--*size;
	}
	return slashes == 2;
}

#endif
