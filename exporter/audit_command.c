// SPDX-License-Identifier: Apache-2.0
/* `operaglass audit search` and `operaglass audit verify`. */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <jansson.h>
#include <limits.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "audit.h"
#include "event_time.h"
#include "journal.h"
#include "journal_tool.h"

#define DEFAULT_LIMIT 100
#define TIME_SIZE     40

enum {
	EXIT_FOUND,
	EXIT_NOT,
	EXIT_USAGE
};

static const char help[] =
	"usage: operaglass audit search [options]     rows of the audit log, newest first\n"
	"       operaglass audit verify [options]     whether nothing was changed, removed or moved\n"
	"\n"
	"  --state.dir=DIR    where operaglass keeps its state (" JOURNAL_STATE_DIR ")\n"
	"\n"
	"search only:\n"
	"  --since=TIME       from then on: 2026-01-31T12:00:00Z, 2026-01-31 (local), Unix seconds, or\n"
	"                     an age: 90s, 30m, 12h, 7d\n"
	"  --until=TIME       before then\n"
	"  --actor=NAME       who; * stands for any characters, here and in the next two\n"
	"  --action=NAME      did what\n"
	"  --resource=NAME    to what\n"
	"  --text=WORDS       rows that hold all these words; word* is the beginning of one\n"
	"  --limit=N          at most so many rows (1 to 10000; 100)\n"
	"  --before=SEQ       only rows before this one: the next page\n"
	"  --json             one JSON object a row\n"
	"\n"
	"exit: 0 found, or whole; 1 nothing found, broken, or unreadable; 2 wrong usage\n";

struct audit_options {
	const char *state_dir;
	struct audit_query query;
	bool json, help;
};

static int parse_age(const char *text, int64_t *ret_us)
{
	static const char units[] = "smhd";
	static const int64_t seconds[] = {1, 60, 3600, 86400};
	char *end;
	const char *unit;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	unit = *end ? strchr(units, *end) : NULL;
	if (errno || end == text || number < 0 || number > INT64_C(100000000) || !unit || end[1])
		return -EINVAL;
	*ret_us = ((int64_t)time(NULL) - number * seconds[unit - units]) * 1000000;
	return 0;
}

static int parse_time(const char *text, int64_t *ret_us)
{
	struct tm day = {.tm_isdst = -1};
	const char *end = strptime(text, "%Y-%m-%d", &day);
	char *number_end;
	double number;

	if (end && !*end) {
		*ret_us = (int64_t)mktime(&day) * 1000000;
		return 0;
	}
	number = strtod(text, &number_end);
	if (number_end != text && !*number_end && number >= 0 && number < 1e11) {
		*ret_us = (int64_t)(number * 1e6);
		return 0;
	}
	return parse_age(text, ret_us) ? event_time_parse(text, strlen(text), ret_us) : 0;
}

static int usage(const char *format, const char *what)
{
	fputs("operaglass: audit: ", stderr);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
	fprintf(stderr, format, what);
#pragma GCC diagnostic pop
	fputs(" ('operaglass audit --help' lists the options)\n", stderr);
	return -EINVAL;
}

static int parse_number(const char *name, const char *text, long long max, long long *ret_number)
{
	char *end;
	long long number;

	errno = 0;
	number = strtoll(text, &end, 10);
	if (errno || end == text || *end || number < 1 || number > max)
		return usage(!strcmp(name, "limit") ? "--limit: '%s' is not 1 to 10000"
						    : "--before: '%s' is not the number of a row",
			     text);
	*ret_number = number;
	return 0;
}

static int set_option(struct audit_options *options, const char *name, const char *value)
{
	struct audit_query *query = &options->query;
	const struct {
		const char *name, **text;
		int64_t *time;
	} rows[] = {
		{"state.dir", &options->state_dir, NULL},
		{"actor", &query->actor, NULL},
		{"action", &query->action, NULL},
		{"resource", &query->resource, NULL},
		{"text", &query->text, NULL},
		{"since", NULL, &query->since_us},
		{"until", NULL, &query->until_us},
	};
	long long number;
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (strcmp(rows[i].name, name) != 0)
			continue;
		if (rows[i].text)
			*rows[i].text = value;
		else if (parse_time(value, rows[i].time))
			return usage("'%s' is no time (2026-01-31T12:00:00Z, 2026-01-31, 12h)",
				     value);
		return 0;
	}
	if (!strcmp(name, "json"))
		options->json = true;
	else if (!strcmp(name, "help"))
		options->help = true;
	else if (parse_number(name, value, !strcmp(name, "limit") ? AUDIT_LIMIT_MAX : INT64_MAX,
			      &number))
		return -EINVAL;
	else if (!strcmp(name, "limit"))
		query->limit = (unsigned)number;
	else
		query->before_seq = number;
	return 0;
}

/* The last two are for both. */
static int parse(int argc, char **argv, bool search, struct audit_options *options)
{
	static const struct option table[] = {
		{"since", required_argument, NULL, 1},	  {"until", required_argument, NULL, 1},
		{"actor", required_argument, NULL, 1},	  {"action", required_argument, NULL, 1},
		{"resource", required_argument, NULL, 1}, {"text", required_argument, NULL, 1},
		{"limit", required_argument, NULL, 1},	  {"before", required_argument, NULL, 1},
		{"json", no_argument, NULL, 1},		  {"state.dir", required_argument, NULL, 1},
		{"help", no_argument, NULL, 1},		  {NULL, 0, NULL, 0},
	};
	const struct option *allowed = search ? table : table + 9;
	int index = 0, got;

	opterr = 0;
	optind = 1;
	while ((got = getopt_long(argc, argv, ":", allowed, &index)) != -1) {
		if (got == ':')
			return usage("%s needs a value", argv[optind - 1]);
		if (got != 1)
			return usage("unknown option '%s'", argv[optind - 1]);
		if (set_option(options, allowed[index].name, optarg))
			return -EINVAL;
	}
	return optind < argc ? usage("unexpected argument '%s'", argv[optind]) : 0;
}

static int open_journal(const char *state_dir, sqlite3 **ret_db)
{
	char path[PATH_MAX];
	int err = journal_tool_path(state_dir, path);

	if (!err)
		err = journal_open_reader(path, ret_db);
	if (err)
		fprintf(stderr, "operaglass: cannot read the journal '%s': %s\n", path,
			strerror(-err));
	return err;
}

static void format_time(int64_t time_us, char out[TIME_SIZE])
{
	time_t seconds = (time_t)(time_us / 1000000);
	char date[24];
	struct tm utc;

	gmtime_r(&seconds, &utc);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &utc);
	snprintf(out, TIME_SIZE, "%s.%06dZ", date, (int)(time_us % 1000000));
}

struct printer {
	bool json;
	unsigned rows;
};

static int print_json(const struct audit_entry *entry, const char *when)
{
	char hash[AUDIT_HEX_SIZE];
	json_t *details = json_loads(entry->row.details, JSON_DECODE_ANY, NULL), *object;
	int err;

	audit_hex(entry->link.hash, hash);
	if (!details)
		details = json_string(entry->row.details);
	object = json_pack("{s:I,s:s,s:s,s:s,s:s,s:o,s:s}", "seq", (json_int_t)entry->link.seq,
			   "time", when, "actor", entry->row.actor, "action", entry->row.action,
			   "resource", entry->row.resource, "details", details, "hash", hash);
	err = !object || json_dumpf(object, stdout, JSON_COMPACT) || putchar('\n') == EOF;
	json_decref(object);
	return err;
}

/* What outsiders wrote may hold control characters, which a terminal would obey. */
static void print_text(const char *text)
{
	for (; *text; text++)
		putchar((unsigned char)*text < 0x20 || *text == 0x7f ? '?' : *text);
}

static int print_row(void *context, const struct audit_entry *entry)
{
	const char *texts[] = {entry->row.actor, entry->row.action, entry->row.resource,
			       entry->row.details};
	struct printer *printer = context;
	char when[TIME_SIZE];
	size_t i;

	printer->rows++;
	format_time(entry->row.time_us, when);
	if (printer->json)
		return print_json(entry, when);
	printf("%" PRId64 "  %s", entry->link.seq, when);
	for (i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		fputs("  ", stdout);
		print_text(*texts[i] ? texts[i] : "-");
	}
	putchar('\n');
	return 0;
}

static int search(sqlite3 *db, const struct audit_options *options)
{
	struct printer printer = {.json = options->json};
	int err = audit_search(db, &options->query, print_row, &printer);

	if (err == -EINVAL || err == -E2BIG) {
		usage("--text: '%s' holds no word, or too many", options->query.text);
		return EXIT_USAGE;
	}
	if (err) {
		fprintf(stderr, "operaglass: cannot search the audit log: %s\n", strerror(-err));
		return EXIT_NOT;
	}
	return printer.rows ? EXIT_FOUND : EXIT_NOT;
}

static int verify(sqlite3 *db, const struct audit_options *options)
{
	struct audit_report report;
	int err = audit_verify(db, &report);

	(void)options;
	if (err == -EBADMSG) {
		printf("broken at row %" PRId64 ": %s (%" PRId64 " rows before it are whole)\n",
		       report.bad_seq, report.why, report.rows);
		return EXIT_NOT;
	}
	if (err) {
		fprintf(stderr, "operaglass: cannot verify the audit log: %s\n", strerror(-err));
		return EXIT_NOT;
	}
	printf("whole: %" PRId64 " rows\n", report.rows);
	return EXIT_FOUND;
}

int audit_main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(sqlite3 *db, const struct audit_options *options);
	} commands[] = {{"verify", verify}, {"search", search}};
	struct audit_options options = {.state_dir = JOURNAL_STATE_DIR,
					.query.limit = DEFAULT_LIMIT};
	sqlite3 *db;
	size_t i;
	int status;

	for (i = 0; argc > 0 && i < 2 && strcmp(argv[0], commands[i].name) != 0; i++)
		;
	if (argc > 0 && !strcmp(argv[0], "--help"))
		options.help = true;
	else if (argc < 1 || i == 2)
		return usage("what? search or verify%s", ""), EXIT_USAGE;
	else if (parse(argc, argv, i == 1, &options))
		return EXIT_USAGE;
	if (options.help) {
		fputs(help, stdout);
		return EXIT_FOUND;
	}
	if (open_journal(options.state_dir, &db))
		return EXIT_NOT;
	status = commands[i].run(db, &options);
	sqlite3_close_v2(db);
	return fflush(stdout) ? EXIT_NOT : status;
}
