// SPDX-License-Identifier: Apache-2.0
/* A configuration from text and back; include it after cmocka. */
#ifndef OPERAGLASS_TESTS_CONFIG_TEXT_H
#define OPERAGLASS_TESTS_CONFIG_TEXT_H

#include <stdlib.h>
#include <string.h>

#include "config.h"

/* To be freed. */
static inline char *dump(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(config_dump(config, out), 0);
	fclose(out);
	return text;
}

/* The parser sees an exact-size copy, so that one byte too far is an error of the sanitizer. */
static inline int parse(const char *text, size_t size, const char *name, struct config *ret_config,
			struct config_error *ret_error)
{
	char *exact = malloc(size ? size : 1);
	int err;

	assert_non_null(exact);
	memcpy(exact, text, size);
	err = config_parse(exact, size, name, ret_config, ret_error);
	free(exact);
	return err;
}

#endif
