// SPDX-License-Identifier: Apache-2.0
/*
 * Whatever /proc says about a process (its path, a NUL, its arguments), it is judged within the
 * bytes given, and whoever is an agent is one by a rule that exists.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "bootstrap.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct config config;
	static struct agent_tables tables;
	const uint8_t *end = memchr(data, '\0', size);
	const struct agent_rule *rule;
	size_t path_size, arguments_size;
	char *path, *arguments;

	if (!tables.rule_count) {
		config_defaults(&config);
		if (agent_tables_plan(&config, &tables))
			abort();
	}
	path_size = end ? (size_t)(end - data) : size;
	arguments_size = end ? size - path_size - 1 : 0;
	/* Copies of the exact size, so that the sanitizer sees a step beyond them. */
	path = strndup((const char *)data, path_size);
	arguments = malloc(arguments_size ? arguments_size : 1);
	if (!path || !arguments)
		abort();
	if (arguments_size)
		memcpy(arguments, end + 1, arguments_size);
	rule = bootstrap_judge(&tables, path, arguments, arguments_size);
	if (rule && (!rule->type || !tables.types[rule->type].name[0]))
		abort();
	free(arguments);
	free(path);
	return 0;
}
