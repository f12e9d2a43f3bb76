// SPDX-License-Identifier: Apache-2.0
/*
 * The options of operaglass-exporter. It is started by `operaglass run`, which passes them on;
 * the long form --name=value is the only one.
 */
#ifndef EXPORTER_COMMAND_LINE_H
#define EXPORTER_COMMAND_LINE_H

#include <stdbool.h>

#include "log.h"
#include "web.h"

/* Strings point into argv or to constants. */
struct command_line {
	const char *listen_addresses[WEB_LISTEN_MAX];
	unsigned listen_count;
	const char *telemetry_path;
	/* NULL: not given, and then not opened. */
	const char *events_socket, *events_stream_socket, *journal_directory;
	bool web_config; /* nothing is served before one was handed over */
	const char *user;
	int handover_fd; /* -1: missing */
	enum log_level log_level;
	enum log_format log_format;
	bool help, version;
};

#define COMMAND_LINE_PROBLEM_SIZE 256

/*
 * Pure. 0; or -EINVAL, and `problem` (COMMAND_LINE_PROBLEM_SIZE bytes) says what is wrong and
 * what is allowed.
 */
int command_line_parse(int argc, char *const *argv, char *problem,
		       struct command_line *ret_command_line);

/* What --help prints. */
extern const char command_line_help[];

#endif
