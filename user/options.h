// SPDX-License-Identifier: Apache-2.0
/* The command line: one table of options for all commands, one parser.
 *
 * `--name value` and `--name=value` mean the same. Parsing is pure: nothing is opened, nothing is
 * printed. Texts point into argv or are constants; nothing is to be freed.
 */
#ifndef OPERAGLASS_OPTIONS_H
#define OPERAGLASS_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "log.h"

#define OPTIONS_LISTEN_MAX 8
#define OPTIONS_WORDS_MAX  2
#define OPTIONS_ERROR_SIZE 256
/* A pin is PIN_PATH/programs/NAME, and PATH_MAX is for all of it. */
#define OPTIONS_PATH_MAX 512

enum command {
	COMMAND_RUN,
	COMMAND_DOCTOR,
	COMMAND_UNLOAD,
	COMMAND_CHECK_CONFIG,
	COMMAND_VERSION,
	COMMAND_TLS,
	COMMANDS
};

/* A command that the exporter's program does; its arguments are passed on as they are. */
struct passed_command {
	const char *name;
	const char *text;
};

extern const struct passed_command passed_commands[];
extern const size_t passed_command_count;

struct options {
	const char *config_file;			  /* NULL: the defaults */
	const char *listen_addresses[OPTIONS_LISTEN_MAX]; /* HOST:PORT */
	unsigned int listen_count;			  /* 1..OPTIONS_LISTEN_MAX */
	const char *telemetry_path;			  /* begins with / */
	const char *pin_path;				  /* absolute, no / at the end */
	const char *cgroup_path;			  /* NULL: find it */
	const char *state_dir;				  /* absolute */
	const char *events_socket, *events_stream_socket; /* absolute, fit a socket's address */
	const char *web_config_file;			  /* NULL: plain HTTP */
	const char *user;				  /* whom the exporter becomes */
	enum log_level log_level;
	enum log_format log_format;
	const char *words[OPTIONS_WORDS_MAX]; /* tls: what to do, and with what */
	unsigned int word_count;
	bool json; /* doctor, tls */
	bool dump; /* check-config */
	bool help; /* nothing but --help is wanted */
};

extern const char *const command_names[COMMANDS];

/* The command called `name`; -EINVAL if there is none. */
int options_command(const char *name, enum command *ret_command);

bool options_is_passed(const char *name);

/*
 * Parses what follows the command's name. Returns 0, or -EINVAL with one line in ret_error that
 * says what is wrong and what is allowed.
 */
int options_parse(enum command command, int count, char *const *arguments,
		  struct options *ret_options, char ret_error[OPTIONS_ERROR_SIZE]);

/* `operaglass COMMAND --help`, and `operaglass --help`. */
void options_print_help(enum command command, FILE *out);
void options_print_overview(FILE *out);

#endif
