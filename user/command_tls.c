// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "commands.h"
#include "log.h"
#include "tls_inspect.h"
#include "tls_list.h"
#include "tls_signatures.h"

static int inspect(const struct options *options)
{
	static struct tls_inspection inspection;
	struct tls_signature_directories signatures;
	const char *path = options->words[1];
	int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), err;

	if (file < 0)
		return log_error(EXIT_USAGE, "cannot open '%s': %s", path, strerror(errno));
	tls_signatures_directories(options->state_dir, &signatures);
	err = tls_inspect(file, path, signatures.list, &inspection);
	close(file);
	if (err)
		return log_error(EXIT_USAGE, "cannot read '%s': %s", path, strerror(-err));
	(options->json ? tls_inspect_print_json : tls_inspect_print_table)(&inspection, stdout);
	return tls_inspect_readable(&inspection) ? EXIT_OK : EXIT_FAILED;
}

#define TEXT_SIZE (6 * 4096) /* of a path, escaped */

/* Names are others' to choose, and this may be root's terminal. */
static void print_row(void *context, const struct tls_list_row *row)
{
	char command[TEXT_SIZE], path[TEXT_SIZE];

	(void)context;
	log_escape(row->command, command, sizeof(command));
	log_escape(row->path, path, sizeof(path));
	printf("%-8d %-16s %-10s %-10s %-8s %s%s%s\n", row->pid, command, row->stack,
	       tls_list_states[row->state], *row->trust ? row->trust : "-", path,
	       *row->why ? ": " : "", row->why);
}

static void print_text(const char *name, const char *text)
{
	char escaped[TEXT_SIZE];

	log_escape(text, escaped, sizeof(escaped));
	printf(",\"%s\":\"%s\"", name, escaped);
}

static void print_json_row(void *context, const struct tls_list_row *row)
{
	const char **separator = context;

	printf("%s\n{\"pid\":%d", *separator, row->pid);
	print_text("command", row->command);
	print_text("stack", row->stack);
	print_text("state", tls_list_states[row->state]);
	print_text("trust", row->trust);
	print_text("file", row->path);
	print_text("why", row->why);
	printf("}");
	*separator = ",";
}

static int list(const struct options *options)
{
	const char *separator = "";
	int err;

	if (options->json)
		printf("[");
	else
		printf("%-8s %-16s %-10s %-10s %-8s %s\n", "PID", "COMMAND", "STACK", "STATE",
		       "TRUST", "FILE");
	err = tls_list(options->pin_path, options->state_dir,
		       options->json ? print_json_row : print_row, &separator);
	if (options->json)
		printf("\n]\n");
	return err ? log_error(EXIT_USAGE, "cannot list TLS files: %s", strerror(-err)) : EXIT_OK;
}

int command_tls(const struct options *options)
{
	log_settings.component = "tls";
	if (options->word_count == 2 && !strcmp(options->words[0], "inspect"))
		return inspect(options);
	if (options->word_count == 1 && !strcmp(options->words[0], "list"))
		return list(options);
	fputs("operaglass: tls is used as 'operaglass tls list' or 'operaglass tls inspect FILE'\n",
	      stderr);
	return EXIT_USAGE;
}
