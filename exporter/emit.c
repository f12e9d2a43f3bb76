// SPDX-License-Identifier: Apache-2.0
#include "emit.h"

#include <errno.h>
#include <getopt.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emit_client.h"
#include "emit_event.h"

#define DEFAULT_SOCKET	"/run/operaglass/api.sock"
#define DEFAULT_TIMEOUT 10 /* seconds */
#define INPUT_SIZE	(256 * 1024)
/* Of one request: with the defaults of each it stays below the exporter's 1 MiB. */
#define LINES_MAX 5000
/* The inode of /proc/PID/ns/pid in the initial pid namespace (PROC_PID_INIT_INO). */
#define INITIAL_PID_NAMESPACE 0xEFFFFFFCU

static const char usage[] =
	"usage: operaglass emit [options] TYPE [field=value | field:=JSON]...\n"
	"       operaglass emit [options] [-]      events as NDJSON from standard input\n"
	"\n"
	"  --events.stream-socket=PATH  where the exporter listens (" DEFAULT_SOCKET ")\n"
	"  --timeout=SECONDS            how long to wait for an answer (10)\n"
	"\n"
	"Ends with 0 when every event is on disk, 1 when one was refused or nobody answered, and\n"
	"2 for a wrong command line. Without id= an event gets a random one, without pid= that of\n"
	"the process that called.\n";

struct emit {
	const char *socket;
	unsigned timeout;
	struct emit_defaults defaults; /* id: made anew for each event */
	int result;
};

/* Standard input, cut into lines. */
struct input {
	char bytes[INPUT_SIZE];
	size_t used;
	unsigned long line; /* number of the first that is not sent */
	bool ended;
};

static void make_id(struct emit *emit)
{
	uint8_t random[16];

	/* Without it a retry is not known as one; that is no reason to lose the event. */
	emit->defaults.id[0] = '\0';
	if (getrandom(random, sizeof(random), 0) == sizeof(random))
		emit_make_id(random, emit->defaults.id);
}

/* The caller's pid as the exporter knows it; in a container it only knows this process by itself. */
static uint32_t caller_pid(void)
{
	struct stat status;

	if (stat("/proc/self/ns/pid", &status) || status.st_ino != INITIAL_PID_NAMESPACE)
		return 0;
	return (uint32_t)getppid();
}

static void print_error(const json_t *error, const unsigned long *lines, size_t count)
{
	size_t index = (size_t)json_integer_value(json_object_get(error, "index"));
	const char *message = json_string_value(json_object_get(error, "message"));
	const char *code = json_string_value(json_object_get(error, "code"));

	if (lines && index < count)
		fprintf(stderr, "operaglass emit: line %lu: ", lines[index]);
	else
		fputs("operaglass emit: ", stderr);
	fprintf(stderr, "refused: %s (%s)\n", message ? message : "no reason was given",
		code ? code : "no code");
}

/* One line for each refusal of the answer. */
static void print_refusals(const struct emit_reply *reply, const unsigned long *lines, size_t count)
{
	json_t *answer = json_loadb(reply->bytes + reply->body, reply->body_size, 0, NULL);
	const json_t *errors = json_object_get(answer, "errors"), *error;
	size_t i;

	json_array_foreach(errors, i, error) print_error(error, lines, count);
	error = json_object_get(answer, "error");
	if (!errors && error)
		print_error(error, lines, count);
	else if (!errors)
		fprintf(stderr, "operaglass emit: refused with HTTP status %d\n", reply->status);
	json_decref(answer);
}

static void post(struct emit *emit, const char *content_type, const char *body, size_t size,
		 const unsigned long *lines, size_t count)
{
	struct emit_reply reply;
	int err = emit_post(emit->socket, "/api/v1/events", content_type, body, size, emit->timeout,
			    &reply);

	if (err) {
		emit->result = EMIT_REFUSED;
		fprintf(stderr,
			"operaglass emit: no answer from %s: %s; is operaglass running, and may you "
			"write to it?\n",
			emit->socket, strerror(-err));
		return;
	}
	if (reply.status != 200) {
		emit->result = EMIT_REFUSED;
		print_refusals(&reply, lines, count);
	}
	free(reply.bytes);
}

static void emit_words(struct emit *emit, const char *type, char *const *words, int count)
{
	char problem[EMIT_PROBLEM_SIZE], *json = NULL;
	int err;

	make_id(emit);
	err = emit_event(type, words, count, &emit->defaults, &json, problem);
	if (err == -EINVAL) {
		fprintf(stderr, "operaglass emit: %s\n", problem);
		emit->result = EMIT_USAGE;
	} else if (err) {
		fputs("operaglass emit: out of memory\n", stderr);
		emit->result = EMIT_REFUSED;
	} else {
		post(emit, "application/json", json, strlen(json), NULL, 0);
	}
	free(json);
}

static bool is_blank(const char *line, size_t size)
{
	while (size > 0 && strchr(" \t\r", line[size - 1]))
		size--;
	return size == 0;
}

/* Writes the next lines into `out`, with their numbers; returns the bytes they took of the input. */
static size_t gather(struct emit *emit, struct input *input, size_t from, FILE *out,
		     unsigned long numbers[LINES_MAX], size_t *ret_count)
{
	size_t at = from, size, count = 0;
	const char *end;
	char *json;

	while (count < LINES_MAX && at < input->used) {
		end = memchr(input->bytes + at, '\n', input->used - at);
		if (!end && !input->ended)
			break;
		size = end ? (size_t)(end - input->bytes) - at : input->used - at;
		if (!is_blank(input->bytes + at, size)) {
			make_id(emit);
			json = emit_line(input->bytes + at, size, &emit->defaults);
			fprintf(out, "%s\n", json ? json : "");
			numbers[count++] = input->line;
			free(json);
		}
		input->line++;
		at += size + (end ? 1 : 0);
	}
	*ret_count = count;
	return at - from;
}

/* Sends every whole line that is there. */
static void send_lines(struct emit *emit, struct input *input)
{
	static unsigned long numbers[LINES_MAX];
	size_t at = 0, taken, count, size;
	char *body;
	FILE *out;

	do {
		out = open_memstream(&body, &size);
		if (!out) {
			fputs("operaglass emit: out of memory\n", stderr);
			emit->result = EMIT_REFUSED;
			return;
		}
		taken = gather(emit, input, at, out, numbers, &count);
		fclose(out);
		if (count > 0)
			post(emit, "application/x-ndjson", body, size, numbers, count);
		free(body);
		at += taken;
	} while (taken > 0);
	memmove(input->bytes, input->bytes + at, input->used - at);
	input->used -= at;
}

/* What one read brings is sent at once: whoever writes slowly does not wait for more. */
static void emit_input(struct emit *emit)
{
	static struct input input; /* too large for the stack */
	ssize_t count;

	input.used = 0;
	input.line = 1;
	input.ended = false;
	while (!input.ended) {
		if (input.used == sizeof(input.bytes)) {
			fprintf(stderr,
				"operaglass emit: line %lu: refused: longer than an event "
				"may be\n",
				input.line);
			emit->result = EMIT_REFUSED;
			return;
		}
		count = read(STDIN_FILENO, input.bytes + input.used,
			     sizeof(input.bytes) - input.used);
		if (count < 0 && errno == EINTR)
			continue;
		if (count < 0) {
			fprintf(stderr, "operaglass emit: cannot read standard input: %s\n",
				strerror(errno));
			emit->result = EMIT_REFUSED;
		}
		input.ended = count <= 0;
		input.used += count > 0 ? (size_t)count : 0;
		send_lines(emit, &input);
	}
}

/* Whether there is something to do; else emit->result is the exit code. */
static bool read_options(struct emit *emit, int argc, char **argv)
{
	static const struct option options[] = {
		{"events.stream-socket", required_argument, NULL, 's'},
		{"timeout", required_argument, NULL, 't'},
		{"help", no_argument, NULL, 'h'},
		{NULL, 0, NULL, 0},
	};
	unsigned long seconds;
	int option;
	char *end;

	optind = 0; /* the program may have looked at its command line before */
	while ((option = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (option == 's') {
			emit->socket = optarg;
		} else if (option == 't') {
			seconds = strtoul(optarg, &end, 10);
			if (end == optarg || *end || seconds < 1 || seconds > 3600) {
				fputs("operaglass emit: --timeout needs a number of seconds from 1 to "
				      "3600\n",
				      stderr);
				return false;
			}
			emit->timeout = (unsigned)seconds;
		} else {
			fputs(usage, option == 'h' ? stdout : stderr);
			emit->result = option == 'h' ? EMIT_STORED : EMIT_USAGE;
			return false;
		}
	}
	if (optind == argc && isatty(STDIN_FILENO)) {
		fputs(usage, stderr);
		return false;
	}
	if (optind < argc - 1 && !strcmp(argv[optind], "-")) {
		fputs("operaglass emit: fields come from standard input after '-'\n", stderr);
		return false;
	}
	return true;
}

int emit_main(int argc, char **argv)
{
	struct emit emit = {
		.socket = DEFAULT_SOCKET,
		.timeout = DEFAULT_TIMEOUT,
		.result = EMIT_USAGE,
	};

	if (!read_options(&emit, argc, argv))
		return emit.result;
	emit.result = EMIT_STORED;
	emit.defaults.pid = caller_pid();
	if (optind == argc || !strcmp(argv[optind], "-"))
		emit_input(&emit);
	else
		emit_words(&emit, argv[optind], argv + optind + 1, argc - optind - 1);
	return emit.result;
}
