// SPDX-License-Identifier: Apache-2.0
/* operaglass: the command line and the observer. */
#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "log.h"

static int (*const commands[COMMANDS])(const struct options *options) = {
	[COMMAND_RUN] = command_run,	     [COMMAND_DOCTOR] = command_doctor,
	[COMMAND_UNLOAD] = command_unload,   [COMMAND_CHECK_CONFIG] = command_check_config,
	[COMMAND_VERSION] = command_version, [COMMAND_TLS] = command_tls,
};

int main(int argc, char **argv)
{
	char error[OPTIONS_ERROR_SIZE];
	struct options options;
	enum command command;

	if (argc < 2) {
		options_print_overview(stderr);
		return EXIT_USAGE;
	}
	if (!strcmp(argv[1], "--help")) {
		options_print_overview(stdout);
		return EXIT_OK;
	}
	if (options_is_passed(argv[1]))
		return command_pass_on(argv + 1);
	if (options_command(argv[1], &command)) {
		fprintf(stderr, "operaglass: no command '%s' ('operaglass --help' lists them)\n",
			argv[1]);
		return EXIT_USAGE;
	}
	if (options_parse(command, argc - 2, argv + 2, &options, error)) {
		fprintf(stderr, "operaglass: %s\n", error);
		return EXIT_USAGE;
	}
	if (options.help) {
		options_print_help(command, stdout);
		return EXIT_OK;
	}
	log_settings.level = options.log_level;
	log_settings.format = options.log_format;
	return commands[command](&options);
}
