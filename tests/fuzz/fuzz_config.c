// SPDX-License-Identifier: Apache-2.0
/*
 * Any bytes either parse or are refused in one printable line, and what parses has a dump that
 * reads back as itself.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char *dump(const struct config *config, size_t *ret_size)
{
	char *text = NULL;
	FILE *out = open_memstream(&text, ret_size);

	if (!out || config_dump(config, out))
		abort();
	fclose(out);
	return text;
}

static void check_error(const struct config_error *error)
{
	if (!memchr(error->text, '\0', sizeof(error->text)) || !error->text[0])
		abort();
	for (const char *at = error->text; *at; at++)
		if (*at < ' ' || *at == 0x7f)
			abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config, again;
	struct config_error error;
	size_t first_size, second_size;
	char *first, *second;

	if (config_parse((const char *)data, size, "fuzz.yaml", &config, &error)) {
		check_error(&error);
		return 0;
	}
	first = dump(&config, &first_size);
	if (config_parse(first, first_size, "dump.yaml", &again, &error))
		abort();
	second = dump(&again, &second_size);
	if (first_size != second_size || memcmp(first, second, first_size) != 0)
		abort();
	if (config_needs_reload_of_programs(&config, &again))
		abort();
	free(second);
	free(first);
	return 0;
}
