// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "commands.h"
#include "config.h"

int command_check_config(const struct options *options)
{
	static struct config config;
	struct config_error error;

	config_defaults(&config);
	if (options->config_file && config_load(options->config_file, &config, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return EXIT_USAGE;
	}
	if (options->dump)
		return config_dump(&config, stdout) ? EXIT_FAILED : EXIT_OK;
	puts("ok");
	return EXIT_OK;
}
