// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>

#include "commands.h"
#include "config.h"
#include "reporting_files.h"
#include "web_config.h"

int command_check_config(const struct options *options)
{
	static struct config config;
	static struct reporting_settings settings;
	static struct web_settings web_settings;
	static struct web_config_files web_files;
	struct reporting_files files;
	struct config_error error;
	const struct config_report report = {
		options->config_file ? options->config_file : "defaults", &error};

	config_defaults(&config);
	if (options->config_file && config_load(options->config_file, &config, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return EXIT_USAGE;
	}
	if (reporting_read(&report, &config.reporting, NULL, &settings, &files)) {
		fprintf(stderr, "%s\n", error.text);
		return EXIT_USAGE;
	}
	if (options->web_config_file &&
	    web_config_load(options->web_config_file, &web_settings, &web_files, &error)) {
		fprintf(stderr, "%s\n", error.text);
		return EXIT_USAGE;
	}
	if (options->dump)
		return config_dump(&config, stdout) ? EXIT_FAILED : EXIT_OK;
	puts("ok");
	return EXIT_OK;
}
