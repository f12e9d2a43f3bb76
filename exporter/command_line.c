// SPDX-License-Identifier: Apache-2.0
#include "command_line.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

const char command_line_help[] =
	"usage: operaglass-exporter --handover.fd=N [options]\n"
	"\n"
	"Serves /metrics without any privilege. Started by `operaglass run`, which hands over what it reads.\n"
	"\n"
	"  --handover.fd=N              socket to the observer (struct handover_message)\n"
	"  --web.listen-address=ADDR    HOST:PORT, [IPV6]:PORT or :PORT; up to 8 times (127.0.0.1:9782)\n"
	"  --web.telemetry-path=PATH    where the metrics are (/metrics)\n"
	"  --events.socket=PATH         unix datagram socket for events\n"
	"  --events.stream-socket=PATH  unix stream socket for HTTP\n"
	"  --journal.directory=DIR      where events are kept; without it, in memory only\n"
	"  --web.config=handed-over     do not serve without the web configuration\n"
	"  --user=NAME                  who to become when started by root (nobody)\n"
	"  --log.level=LEVEL            debug, info, warning or error (info)\n"
	"  --log.format=FORMAT          logfmt or json (logfmt)\n"
	"  --help, --version\n";

/* Each returns 0, or -EINVAL for a value that is not allowed. */
static int set_handover(struct command_line *line, const char *value)
{
	char *end;
	long fd = strtol(value, &end, 10);

	if (end == value || *end || fd < 3 || fd > 1 << 20)
		return -EINVAL;
	line->handover_fd = (int)fd;
	return 0;
}

static int set_listen_address(struct command_line *line, const char *value)
{
	if (line->listen_count == WEB_LISTEN_MAX)
		return -EINVAL;
	line->listen_addresses[line->listen_count++] = value;
	return 0;
}

static int set_telemetry_path(struct command_line *line, const char *value)
{
	static const char *const taken[] = {"/", "/-/healthy", "/-/ready"};
	const char *at;
	size_t i;

	if (value[0] != '/')
		return -EINVAL;
	for (at = value; *at; at++)
		if (*at <= ' ' || *at > '~' || strchr("?#%\"<>", *at))
			return -EINVAL;
	for (i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (!strcmp(value, taken[i]))
			return -EINVAL;
	line->telemetry_path = value;
	return 0;
}

/* Absolute, and short enough for the address of a socket. */
static bool is_socket_path(const char *value)
{
	return value[0] == '/' && strlen(value) < sizeof(((struct sockaddr_un *)NULL)->sun_path);
}

static int set_events_socket(struct command_line *line, const char *value)
{
	line->events_socket = value;
	return is_socket_path(value) ? 0 : -EINVAL;
}

static int set_events_stream_socket(struct command_line *line, const char *value)
{
	line->events_stream_socket = value;
	return is_socket_path(value) ? 0 : -EINVAL;
}

static int set_journal_directory(struct command_line *line, const char *value)
{
	line->journal_directory = value;
	return value[0] == '/' ? 0 : -EINVAL;
}

static int set_web_config(struct command_line *line, const char *value)
{
	line->web_config = true;
	return strcmp(value, "handed-over") ? -EINVAL : 0;
}

static int set_user(struct command_line *line, const char *value)
{
	line->user = value;
	return *value ? 0 : -EINVAL;
}

static int set_log_level(struct command_line *line, const char *value)
{
	return log_parse_level(value, &line->log_level);
}

static int set_log_format(struct command_line *line, const char *value)
{
	return log_parse_format(value, &line->log_format);
}

static int set_help(struct command_line *line, const char *value)
{
	(void)value;
	line->help = true;
	return 0;
}

static int set_version(struct command_line *line, const char *value)
{
	(void)value;
	line->version = true;
	return 0;
}

static const struct option_row {
	const char *name;
	const char *allowed; /* NULL: the option takes no value */
	int (*set)(struct command_line *line, const char *value);
} rows[] = {
	{"handover.fd", "a descriptor number above 2", set_handover},
	{"web.listen-address", "at most 8 addresses", set_listen_address},
	{"web.telemetry-path", "a path like /metrics that is not taken", set_telemetry_path},
	{"events.socket", "an absolute path of at most 107 characters", set_events_socket},
	{"events.stream-socket", "an absolute path of at most 107 characters",
	 set_events_stream_socket},
	{"journal.directory", "an absolute path", set_journal_directory},
	{"web.config", "handed-over", set_web_config},
	{"user", "a user's name", set_user},
	{"log.level", "debug, info, warning, error", set_log_level},
	{"log.format", "logfmt, json", set_log_format},
	{"help", NULL, set_help},
	{"version", NULL, set_version},
};

/* The row that --name or --name=value is about, or NULL. */
static const struct option_row *find_row(const char *argument, size_t name_size)
{
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (strlen(rows[i].name) == name_size &&
		    !strncmp(argument + 2, rows[i].name, name_size))
			return &rows[i];
	return NULL;
}

static int parse_argument(const char *argument, char *problem, struct command_line *line)
{
	const char *equals = strchr(argument, '=');
	const struct option_row *row = NULL;

	if (!strncmp(argument, "--", 2))
		row = find_row(argument,
			       equals ? (size_t)(equals - argument - 2) : strlen(argument + 2));
	if (!row) {
		snprintf(problem, COMMAND_LINE_PROBLEM_SIZE, "unknown argument '%.64s'; see --help",
			 argument);
		return -EINVAL;
	}
	if (!equals != !row->allowed) {
		snprintf(problem, COMMAND_LINE_PROBLEM_SIZE,
			 row->allowed ? "--%s needs a value: --%s=VALUE"
				      : "--%s takes no value%.0s",
			 row->name, row->name);
		return -EINVAL;
	}
	if (row->set(line, equals ? equals + 1 : NULL)) {
		snprintf(problem, COMMAND_LINE_PROBLEM_SIZE,
			 "--%s: '%.64s' is not allowed; it takes %s", row->name, equals + 1,
			 row->allowed);
		return -EINVAL;
	}
	return 0;
}

int command_line_parse(int argc, char *const *argv, char *problem,
		       struct command_line *ret_command_line)
{
	struct command_line line = {
		.telemetry_path = "/metrics",
		.user = "nobody",
		.handover_fd = -1,
		.log_level = LOG_LEVEL_INFO,
	};
	int i, err;

	for (i = 1; i < argc; i++) {
		err = parse_argument(argv[i], problem, &line);
		if (err)
			return err;
	}
	if (line.handover_fd < 0 && !line.help && !line.version) {
		snprintf(problem, COMMAND_LINE_PROBLEM_SIZE,
			 "--handover.fd is missing; this program is started by `operaglass run`");
		return -EINVAL;
	}
	if (line.listen_count == 0)
		line.listen_addresses[line.listen_count++] = "127.0.0.1:9782";
	*ret_command_line = line;
	return 0;
}
