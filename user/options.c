// SPDX-License-Identifier: Apache-2.0
#include "options.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define ON(command)  (1U << COMMAND_##command)
#define FIELD(name)  offsetof(struct options, name)

const char *const command_names[COMMANDS] = {
	[COMMAND_RUN] = "run",	       [COMMAND_DOCTOR] = "doctor",
	[COMMAND_UNLOAD] = "unload",   [COMMAND_CHECK_CONFIG] = "check-config",
	[COMMAND_VERSION] = "version", [COMMAND_TLS] = "tls",
};

static const char *const command_texts[COMMANDS] = {
	[COMMAND_RUN] = "watch this host and serve the metrics until a signal comes",
	[COMMAND_DOCTOR] = "say what this host has, what is lost without it, and what to do",
	[COMMAND_UNLOAD] = "remove every program and map that an earlier run left in the kernel",
	[COMMAND_CHECK_CONFIG] = "check a configuration file",
	[COMMAND_VERSION] = "print the version",
	[COMMAND_TLS] = "list the TLS files of this host by process, or inspect one",
};

const struct passed_command passed_commands[] = {
	{"emit", "report an application event and wait until it is on disk"},
	{"audit", "search the audit log, or verify its chain"},
	{"cost", "report what models cost, set the budget"},
	{"analytics", "compare agents by type and model"},
};
const size_t passed_command_count = COUNT(passed_commands);

enum option_kind {
	OPTION_FLAG,
	OPTION_TEXT,
	OPTION_PATH,   /* absolute */
	OPTION_SOCKET, /* absolute, and short enough for a socket's address */
	OPTION_LISTEN, /* repeatable */
	OPTION_LOG_LEVEL,
	OPTION_LOG_FORMAT,
};

struct option_row {
	const char *name;
	const char *value; /* what --help calls it; NULL for a flag */
	const char *text;
	unsigned int commands;
	enum option_kind kind;
	size_t field;
};

/* clang-format off: one option, one row */
static const struct option_row rows[] = {
	{"config.file", "FILE", "configuration (YAML); without it the defaults hold",
	 ON(RUN) | ON(DOCTOR) | ON(CHECK_CONFIG), OPTION_TEXT, FIELD(config_file)},
	{"web.listen-address", "HOST:PORT", "where to serve; may be repeated (127.0.0.1:9782)",
	 ON(RUN), OPTION_LISTEN, 0},
	{"web.telemetry-path", "PATH", "path of the metrics (/metrics)", ON(RUN), OPTION_PATH,
	 FIELD(telemetry_path)},
	{"bpf.pin-path", "DIR", "where programs and maps are pinned (/sys/fs/bpf/operaglass)",
	 ON(RUN) | ON(DOCTOR) | ON(UNLOAD) | ON(TLS), OPTION_PATH, FIELD(pin_path)},
	{"cgroup.path", "DIR", "root of the cgroup v2 hierarchy; without it, it is looked for",
	 ON(RUN) | ON(DOCTOR), OPTION_PATH, FIELD(cgroup_path)},
	{"state.dir", "DIR", "what must outlive a restart (/var/lib/operaglass)",
	 ON(RUN) | ON(DOCTOR) | ON(TLS), OPTION_PATH, FIELD(state_dir)},
	{"events.socket", "PATH", "unix datagram socket for events (/run/operaglass/events.sock)",
	 ON(RUN), OPTION_SOCKET, FIELD(events_socket)},
	{"events.stream-socket", "PATH", "unix stream socket for HTTP (/run/operaglass/api.sock)",
	 ON(RUN), OPTION_SOCKET, FIELD(events_stream_socket)},
	{"web.config.file", "FILE", "TLS and passwords (YAML, as of Prometheus' exporters)",
	 ON(RUN) | ON(CHECK_CONFIG), OPTION_TEXT, FIELD(web_config_file)},
	{"user", "NAME", "user that the exporter becomes (nobody)", ON(RUN), OPTION_TEXT,
	 FIELD(user)},
	{"log.level", "LEVEL", "debug, info, warning or error (info)",
	 ON(RUN) | ON(DOCTOR) | ON(UNLOAD), OPTION_LOG_LEVEL, 0},
	{"log.format", "FORMAT", "logfmt or json (logfmt)", ON(RUN) | ON(DOCTOR) | ON(UNLOAD),
	 OPTION_LOG_FORMAT, 0},
	{"json", NULL, "print JSON", ON(DOCTOR) | ON(TLS), OPTION_FLAG, FIELD(json)},
	{"dump", NULL, "print the whole configuration, defaults included", ON(CHECK_CONFIG),
	 OPTION_FLAG, FIELD(dump)},
	{"help", NULL, "print this", ~0U, OPTION_FLAG, FIELD(help)},
};
/* clang-format on */

static const struct options default_options = {
	.listen_addresses = {"127.0.0.1:9782"},
	.listen_count = 0, /* set to 1 at the end unless one was given */
	.telemetry_path = "/metrics",
	.pin_path = "/sys/fs/bpf/operaglass",
	.state_dir = "/var/lib/operaglass",
	.events_socket = "/run/operaglass/events.sock",
	.events_stream_socket = "/run/operaglass/api.sock",
	.user = "nobody",
	.log_level = LOG_LEVEL_INFO,
	.log_format = LOG_FORMAT_LOGFMT,
};

static int fail(char *ret_error, const char *format, ...) __attribute__((format(printf, 2, 3)));
static int fail(char *ret_error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(ret_error, OPTIONS_ERROR_SIZE, format, arguments);
	va_end(arguments);
	return -EINVAL;
}

int options_command(const char *name, enum command *ret_command)
{
	int command = log_name_index(command_names, COMMANDS, name);

	if (command < 0)
		return command;
	*ret_command = (enum command)command;
	return 0;
}

bool options_is_passed(const char *name)
{
	size_t i;

	for (i = 0; i < passed_command_count; i++)
		if (!strcmp(passed_commands[i].name, name))
			return true;
	return false;
}

static const struct option_row *find(enum command command, const char *name, size_t length)
{
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		if ((rows[i].commands & (1U << command)) && strlen(rows[i].name) == length &&
		    !memcmp(rows[i].name, name, length))
			return &rows[i];
	return NULL;
}

static int set_path(const struct option_row *row, const char *value, const char **field,
		    char *error)
{
	size_t length = strlen(value);

	if (value[0] != '/')
		return fail(error, "--%s: '%s' does not begin with '/'", row->name, value);
	if (length > 1 && value[length - 1] == '/')
		return fail(error, "--%s: '%s' ends with '/'", row->name, value);
	if (length > OPTIONS_PATH_MAX)
		return fail(error, "--%s: longer than %d characters", row->name, OPTIONS_PATH_MAX);
	*field = value;
	return 0;
}

static int set_socket(const struct option_row *row, const char *value, const char **field,
		      char *error)
{
	const size_t longest = sizeof(((struct sockaddr_un *)NULL)->sun_path) - 1;

	if (strlen(value) > longest)
		return fail(error, "--%s: longer than %zu characters", row->name, longest);
	return set_path(row, value, field, error);
}

static bool ends_with_port(const char *address)
{
	const char *colon = strrchr(address, ':');
	unsigned long port;
	char *end;

	if (!colon || colon[1] < '0' || colon[1] > '9')
		return false;
	port = strtoul(colon + 1, &end, 10);
	return !*end && port <= 65535;
}

static int add_address(const struct option_row *row, const char *value, struct options *options,
		       char *error)
{
	if (options->listen_count == OPTIONS_LISTEN_MAX)
		return fail(error, "--%s: given more than %d times", row->name, OPTIONS_LISTEN_MAX);
	if (!ends_with_port(value))
		return fail(error,
			    "--%s: '%s' is not HOST:PORT (127.0.0.1:9782, [::1]:9782, :9782)",
			    row->name, value);
	options->listen_addresses[options->listen_count++] = value;
	return 0;
}

static int set(const struct option_row *row, const char *value, struct options *options,
	       char *error)
{
	void *field = (char *)options + row->field;

	if (value && !*value)
		return fail(error, "--%s: its %s is empty", row->name, row->value);
	switch (row->kind) {
	case OPTION_FLAG:
		*(bool *)field = true;
		return 0;
	case OPTION_TEXT:
		*(const char **)field = value;
		return 0;
	case OPTION_PATH:
		return set_path(row, value, field, error);
	case OPTION_SOCKET:
		return set_socket(row, value, field, error);
	case OPTION_LISTEN:
		return add_address(row, value, options, error);
	case OPTION_LOG_LEVEL:
		if (!log_parse_level(value, &options->log_level))
			return 0;
		return fail(error, "--%s: no level '%s' (debug, info, warning, error)", row->name,
			    value);
	case OPTION_LOG_FORMAT:
		if (!log_parse_format(value, &options->log_format))
			return 0;
		return fail(error, "--%s: no format '%s' (logfmt, json)", row->name, value);
	}
	return -EINVAL;
}

/* A word that is no option: check-config takes one, its file; tls what to do. */
static int set_word(enum command command, const char *word, struct options *options, char *error)
{
	const char *name = command_names[command];

	if (command == COMMAND_TLS && options->word_count < OPTIONS_WORDS_MAX) {
		options->words[options->word_count++] = word;
		return 0;
	}
	if (command != COMMAND_CHECK_CONFIG)
		return fail(error,
			    "%s takes no argument '%s' ('operaglass %s --help' lists its options)",
			    name, word, name);
	if (options->config_file)
		return fail(error, "%s takes one file, and '%s' is a second one", name, word);
	options->config_file = word;
	return 0;
}

int options_parse(enum command command, int count, char *const *arguments,
		  struct options *ret_options, char ret_error[OPTIONS_ERROR_SIZE])
{
	struct options options = default_options;
	const struct option_row *row;
	const char *name, *value;
	int i, code;

	for (i = 0; i < count; i++) {
		if (strncmp(arguments[i], "--", 2)) {
			code = set_word(command, arguments[i], &options, ret_error);
			if (code)
				return code;
			continue;
		}
		name = arguments[i] + 2;
		value = strchr(name, '=');
		row = find(command, name, value ? (size_t)(value - name) : strlen(name));
		if (!row)
			return fail(
				ret_error,
				"unknown option '%.*s' of %s ('operaglass %s --help' lists them)",
				value ? (int)(value - arguments[i]) : 128, arguments[i],
				command_names[command], command_names[command]);
		if (!row->value && value)
			return fail(ret_error, "--%s takes no value", row->name);
		if (row->value && !value && i + 1 == count)
			return fail(ret_error, "--%s needs a %s", row->name, row->value);
		if (row->value)
			value = value ? value + 1 : arguments[++i];
		code = set(row, value, &options, ret_error);
		if (code)
			return code;
	}
	if (options.listen_count == 0)
		options.listen_count = 1;
	*ret_options = options;
	return 0;
}

void options_print_help(enum command command, FILE *out)
{
	char left[64];
	size_t i;

	fprintf(out, "usage: operaglass %s [options]%s\n\n%c%s.\n\n", command_names[command],
		command == COMMAND_CHECK_CONFIG ? " [FILE]"
		: command == COMMAND_TLS	? " list | inspect FILE"
						: "",
		command_texts[command][0] - 'a' + 'A', command_texts[command] + 1);
	for (i = 0; i < COUNT(rows); i++) {
		if (!(rows[i].commands & (1U << command)))
			continue;
		snprintf(left, sizeof(left), "--%s%s%s", rows[i].name, rows[i].value ? " " : "",
			 rows[i].value ? rows[i].value : "");
		fprintf(out, "  %-30s %s\n", left, rows[i].text);
	}
}

void options_print_overview(FILE *out)
{
	int i;

	fputs("usage: operaglass COMMAND [options]\n\n"
	      "Watches AI agents, their tools and their calls to Telegram and other upstreams on\n"
	      "this host, without a change to any of them, and serves it as Prometheus metrics.\n\n",
	      out);
	for (i = 0; i < COMMANDS; i++)
		fprintf(out, "  %-14s %s\n", command_names[i], command_texts[i]);
	for (i = 0; i < (int)passed_command_count; i++)
		fprintf(out, "  %-14s %s\n", passed_commands[i].name, passed_commands[i].text);
	fputs("\n'operaglass COMMAND --help' lists the options of a command.\n", out);
}
