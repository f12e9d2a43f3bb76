// SPDX-License-Identifier: Apache-2.0
#include "report_main.h"

#include <errno.h>
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "emit_client.h"
#include "journal_tool.h"
#include "report.h"
#include "report_period.h"
#include "report_table.h"

#define STREAM_SOCKET	"/run/operaglass/api.sock"
#define TIMEOUT_SECONDS 10
#define BUDGET_MAX	1e9 /* dollars a month */

enum {
	EXIT_DONE,
	EXIT_CANNOT,
	EXIT_USAGE
};

static const char cost_help[] =
	"usage: operaglass cost report [options]            what the tokens cost, with trend and forecast\n"
	"       operaglass cost budget set --monthly=N      dollars a month; 0 removes it\n"
	"\n"
	"report:\n"
	"  --month=YYYY-MM       the month (the present one)\n"
	"  --by=COLUMN           model, agent, epic or story (model)\n"
	"  --limit=N             at most so many rows (100)\n"
	"  --json                as JSON\n"
	"  --state.dir=DIR       where operaglass keeps its state (" JOURNAL_STATE_DIR ")\n"
	"budget set:\n"
	"  --monthly=N           dollars\n"
	"  --events.stream-socket=PATH  where operaglass listens (" STREAM_SOCKET ")\n";

static const char analytics_help[] =
	"usage: operaglass analytics agents [options]   how agents do, by type and model\n"
	"\n"
	"  --from=DAY, --to=DAY  2026-01-31, both included (the last 7 days)\n"
	"  --limit=N             at most so many rows (100)\n"
	"  --json                as JSON\n"
	"  --state.dir=DIR       where operaglass keeps its state (" JOURNAL_STATE_DIR ")\n";

struct command {
	const char *state_dir, *socket;
	struct report_query query;
	const char *monthly;
	bool json, wants_help;
};

static int set_number(const char *text, unsigned *ret_number)
{
	char *end;
	unsigned long number = strtoul(text, &end, 10);

	if (end == text || *end || number < 1 || number > REPORT_LIMIT_MAX)
		return -EINVAL;
	*ret_number = (unsigned)number;
	return 0;
}

static int set_by(const char *text, enum report_by *ret_by)
{
	int by;

	for (by = 0; by < REPORT_BYS; by++)
		if (!strcmp(text, report_by_names[by])) {
			*ret_by = (enum report_by)by;
			return 0;
		}
	return -EINVAL;
}

static int set_month(const char *text, char month[REPORT_MONTH_SIZE])
{
	if (strlen(text) != REPORT_MONTH_SIZE - 1)
		return -EINVAL;
	strcpy(month, text);
	return 0;
}

static int set_option(struct command *command, int option, const char *value)
{
	switch (option) {
	case 'm':
		return set_month(value, command->query.month);
	case 'b':
		return set_by(value, &command->query.by);
	case 'l':
		return set_number(value, &command->query.limit);
	case 'f':
		return report_day_begin(value, &command->query.from_us);
	case 't':
		if (report_day_begin(value, &command->query.to_us))
			return -EINVAL;
		command->query.to_us++; /* that day is in it */
		return 0;
	case 'd':
		command->state_dir = value;
		return 0;
	case 's':
		command->socket = value;
		return 0;
	case 'n':
		command->monthly = value;
		return 0;
	case 'j':
		command->json = true;
		return 0;
	default:
		command->wants_help = true;
		return 0;
	}
}

static int parse(int argc, char **argv, const char *name, const struct option *options,
		 struct command *command)
{
	int option;

	opterr = 0;
	optind = 1;
	while ((option = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (option == '?' || option == ':' || set_option(command, option, optarg)) {
			fprintf(stderr,
				"operaglass: %s: '%s' is not allowed ('operaglass %s "
				"--help' lists the options)\n",
				name, argv[optind - 1], name);
			return -EINVAL;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "operaglass: %s: unexpected '%s'\n", name, argv[optind]);
		return -EINVAL;
	}
	return 0;
}

typedef int report_function(const char *journal_path, const struct report_query *query,
			    struct text *out);
typedef int table_function(const struct text *json, FILE *out);

/* 0, or -EIO after one line on standard error. */
static int print(bool as_json, const struct text *json, table_function *table)
{
	int err = 0;

	if (as_json)
		printf("%.*s\n", (int)json->size, json->data);
	else
		err = table(json, stdout);
	if (!err && !fflush(stdout) && !ferror(stdout))
		return 0;
	fprintf(stderr, "operaglass: cannot write the report: %s\n", strerror(err ? -err : errno));
	return -EIO;
}

static int run_report(const struct command *command, report_function *report, table_function *table)
{
	char path[PATH_MAX];
	struct text json = {};
	int err = journal_tool_path(command->state_dir, path);

	if (!err)
		err = report(path, &command->query, &json);
	if (!err)
		err = print(command->json, &json, table);
	else if (err == -EINVAL)
		fputs("operaglass: there is no such month, or the days end before they begin\n",
		      stderr);
	else
		fprintf(stderr,
			"operaglass: cannot read the journal '%s': %s; has operaglass run "
			"with this --state.dir?\n",
			path, strerror(-err));
	text_release(&json);
	if (err == -EINVAL)
		return EXIT_USAGE;
	return err ? EXIT_CANNOT : EXIT_DONE;
}

static int set_budget(const struct command *command)
{
	struct emit_reply reply;
	char body[64], *end;
	double dollars = command->monthly ? strtod(command->monthly, &end) : -1;
	int err;

	if (!command->monthly || end == command->monthly || *end || !(dollars >= 0) ||
	    dollars > BUDGET_MAX) {
		fputs("operaglass: cost: --monthly needs dollars, 0 or more\n", stderr);
		return EXIT_USAGE;
	}
	snprintf(body, sizeof(body), "{\"monthly_usd\":%.6f}", dollars);
	err = emit_post(command->socket, "/api/v1/budget", "application/json", body, strlen(body),
			TIMEOUT_SECONDS, &reply);
	if (err) {
		fprintf(stderr, "operaglass: no answer from %s: %s; is operaglass running?\n",
			command->socket, strerror(-err));
		return EXIT_CANNOT;
	}
	if (reply.status != 200)
		fprintf(stderr, "operaglass: refused: %.*s\n", (int)reply.body_size,
			reply.bytes + reply.body);
	err = reply.status != 200;
	free(reply.bytes);
	return err ? EXIT_CANNOT : EXIT_DONE;
}

static int usage(const char *help, bool wanted)
{
	fputs(help, wanted ? stdout : stderr);
	return wanted ? EXIT_DONE : EXIT_USAGE;
}

static bool is_help(int argc, char **argv)
{
	return argc > 1 && !strcmp(argv[1], "--help");
}

int cost_main(int argc, char **argv)
{
	static const struct option report_options[] = {
		{"month", required_argument, NULL, 'm'},
		{"by", required_argument, NULL, 'b'},
		{"limit", required_argument, NULL, 'l'},
		{"json", no_argument, NULL, 'j'},
		{"state.dir", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	static const struct option budget_options[] = {
		{"monthly", required_argument, NULL, 'n'},
		{"events.stream-socket", required_argument, NULL, 's'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct command command = {
		.state_dir = JOURNAL_STATE_DIR, .socket = STREAM_SOCKET, .query.limit = 100};
	bool report = argc > 1 && !strcmp(argv[1], "report");

	if (!report && (argc < 3 || strcmp(argv[1], "budget") != 0 || strcmp(argv[2], "set") != 0))
		return usage(cost_help, is_help(argc, argv));
	if (parse(argc - (report ? 1 : 2), argv + (report ? 1 : 2), "cost",
		  report ? report_options : budget_options, &command))
		return EXIT_USAGE;
	if (command.wants_help)
		return usage(cost_help, true);
	tzset();
	return report ? run_report(&command, report_cost, report_table_cost) : set_budget(&command);
}

int analytics_main(int argc, char **argv)
{
	static const struct option options[] = {
		{"from", required_argument, NULL, 'f'},
		{"to", required_argument, NULL, 't'},
		{"limit", required_argument, NULL, 'l'},
		{"json", no_argument, NULL, 'j'},
		{"state.dir", required_argument, NULL, 'd'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	struct command command = {.state_dir = JOURNAL_STATE_DIR, .query.limit = 100};

	if (argc < 2 || strcmp(argv[1], "agents") != 0)
		return usage(analytics_help, is_help(argc, argv));
	if (parse(argc - 1, argv + 1, "analytics", options, &command))
		return EXIT_USAGE;
	if (command.wants_help)
		return usage(analytics_help, true);
	tzset();
	return run_report(&command, report_analytics, report_table_analytics);
}
