// SPDX-License-Identifier: Apache-2.0
/* The commands of the command line; each returns the exit code. */
#ifndef OPERAGLASS_COMMANDS_H
#define OPERAGLASS_COMMANDS_H

#include "options.h"

enum exit_code {
	EXIT_OK = 0,
	EXIT_FAILED = 1, /* doctor: degraded */
	EXIT_USAGE = 2,	 /* wrong options or configuration, not root; doctor: cannot run */
};

/* Becomes the exporter's program with these words, the command first; returns only if it cannot. */
int command_pass_on(char **words);

int command_run(const struct options *options);
int command_doctor(const struct options *options);
int command_unload(const struct options *options);
int command_check_config(const struct options *options);
int command_tls(const struct options *options);
int command_version(const struct options *options);

#endif
