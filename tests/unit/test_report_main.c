// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "report_scene.h"
#include "../../exporter/report_main.h"

#define WORDS_MAX   12
#define OUTPUT_SIZE 8192

/* What a command wrote, standard output first. */
static char output[OUTPUT_SIZE], errors[OUTPUT_SIZE];

static void drain(int fd, char *text)
{
	size_t used = 0;
	ssize_t size;

	while (used < OUTPUT_SIZE - 1 && (size = read(fd, text + used, OUTPUT_SIZE - 1 - used)) > 0)
		used += (size_t)size;
	text[used] = '\0';
	close(fd);
}

/* Runs "cost report --json" in a process of its own; its exit code. */
static int run(const char *line)
{
	char words[512], *argv[WORDS_MAX + 1] = {NULL};
	int argc = 0, out[2], err[2], status;
	pid_t pid;

	snprintf(words, sizeof(words), "%s", line);
	for (argv[0] = strtok(words, " "); argv[argc] && argc < WORDS_MAX;
	     argv[argc] = strtok(NULL, " "))
		argc++;
	assert_int_equal(pipe(out) | pipe(err), 0);
	pid = fork();
	if (pid == 0) {
		dup2(out[1], STDOUT_FILENO);
		dup2(err[1], STDERR_FILENO);
		close(out[0]);
		close(err[0]);
		status = strcmp(argv[0], "cost") ? analytics_main(argc, argv)
						 : cost_main(argc, argv);
		fflush(NULL);
		_exit(status);
	}
	close(out[1]);
	close(err[1]);
	drain(out[0], output);
	drain(err[0], errors);
	waitpid(pid, &status, 0);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void usage_errors(void **state)
{
	static const char *const lines[] = {
		"cost",
		"cost budget",
		"cost budget get",
		"cost reports",
		"cost report --no.such",
		"cost report --by=colour",
		"cost report --by",
		"cost report --limit=0",
		"cost report --limit=1001",
		"cost report --limit=-1",
		"cost report --limit=7x",
		"cost report --month=2026-1",
		"cost report --monthly=1",
		"cost report extra",
		"cost budget set --month=2026-11",
		"cost budget set",
		"cost budget set --monthly=",
		"cost budget set --monthly=-1",
		"cost budget set --monthly=nan",
		"cost budget set --monthly=inf",
		"cost budget set --monthly=1e10",
		"cost budget set --monthly=12$",
		"analytics",
		"analytics agent",
		"analytics agents --month=2026-11",
		"analytics agents --from=2026-02-30",
		"analytics agents --to=yesterday",
		"analytics agents extra",
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		if (run(lines[i]) != 2)
			fail_msg("%s: not a usage error", lines[i]);
		assert_string_equal(output, "");
		assert_true(strlen(errors) > 0);
	}
	assert_int_equal(run("cost report --by=colour"), 2);
	assert_string_equal(errors,
			    "operaglass: cost: '--by=colour' is not allowed ('operaglass cost "
			    "--help' lists the options)\n");
}

static void helps(void **state)
{
	static const char *const lines[] = {"cost --help", "cost report --help",
					    "cost budget set --help", "analytics --help",
					    "analytics agents --help"};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		assert_int_equal(run(lines[i]), 0);
		assert_int_equal(strncmp(output, "usage: operaglass ", 18), 0);
		assert_string_equal(errors, "");
	}
}

static void no_journal(void **state)
{
	(void)state;
	assert_int_equal(run("cost report --state.dir=/no/such"), 1);
	assert_string_equal(output, "");
	assert_string_equal(
		errors,
		"operaglass: cannot read the journal '/no/such/journal/journal.db': No such "
		"file or directory; has operaglass run with this --state.dir?\n");
	assert_int_equal(run("analytics agents --state.dir=/no/such"), 1);
	assert_int_equal(run("cost budget set --monthly=5 --events.stream-socket=/no/such.sock"),
			 1);
	assert_string_equal(errors, "operaglass: no answer from /no/such.sock: No such file or "
				    "directory; is operaglass running?\n");
}

/* A state directory with a journal that has one row of cost and one of a run, of today. */
static void make_state(void)
{
	const struct cost_row cost = {.time_us = scene_now_us(),
				      .model = "opus",
				      .agent_type = "codex",
				      .epic = "",
				      .story = "",
				      .input = 10,
				      .microdollars = 2500000,
				      .priced = 1};
	const struct run_row task = {.time_us = scene_now_us(),
				     .agent_type = "codex",
				     .model = "opus",
				     .runs = 1,
				     .successes = 1,
				     .duration_ns = 2 * SCENE_SECOND};
	struct journal *journal;
	struct account_store store;

	assert_int_equal(mkdir(scene_path("journal"), 0700), 0);
	assert_int_equal(journal_open(scene_path("journal"), &journal), 0);
	store = journal_store(journal);
	assert_int_equal(journal_begin(journal), 0);
	assert_int_equal(store.add_cost(store.context, &cost), 0);
	assert_int_equal(store.add_run(store.context, &task), 0);
	assert_int_equal(journal_commit(journal), 0);
	journal_close(journal);
}

static void reports(void **state)
{
	char line[256];
	json_t *root;

	(void)state;
	make_state();
	snprintf(line, sizeof(line), "cost report --json --by=agent --state.dir=%s",
		 scene_directory);
	assert_int_equal(run(line), 0);
	root = json_loads(output, 0, NULL);
	assert_json(root, "total_usd", "2.5");
	assert_json(json_array_get(json_object_get(root, "rows"), 0), "agent", "\"codex\"");
	json_decref(root);
	snprintf(line, sizeof(line), "cost report --state.dir=%s", scene_directory);
	assert_int_equal(run(line), 0);
	assert_non_null(strstr(output, "\ntotal $2.50, forecast $"));
	snprintf(line, sizeof(line), "analytics agents --json --limit=1 --state.dir=%s",
		 scene_directory);
	assert_int_equal(run(line), 0);
	root = json_loads(output, 0, NULL);
	assert_int_equal(json_array_size(json_object_get(root, "agents")), 1);
	json_decref(root);
	snprintf(line, sizeof(line),
		 "analytics agents --from=2026-01-31 --to=2026-01-31 --json --state.dir=%s",
		 scene_directory);
	assert_int_equal(run(line), 0);
	root = json_loads(output, 0, NULL);
	assert_json(root, "begin", "\"2026-01-31\"");
	assert_json(root, "end", "\"2026-02-01\"");
	json_decref(root);
}

static void bad_periods(void **state)
{
	static const char why[] =
		"operaglass: there is no such month, or the days end before they begin\n";
	char line[256];

	(void)state;
	make_state();
	snprintf(line, sizeof(line), "cost report --month=2026-13 --state.dir=%s", scene_directory);
	assert_int_equal(run(line), 2);
	assert_string_equal(errors, why);
	snprintf(line, sizeof(line),
		 "analytics agents --from=2026-02-01 --to=2026-01-31 --state.dir=%s",
		 scene_directory);
	assert_int_equal(run(line), 2);
	assert_string_equal(errors, why);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		{"what is not asked for rightly is a usage error", usage_errors, NULL, NULL, NULL},
		{"help is on standard output", helps, NULL, NULL, NULL},
		{"without a journal or a socket the exit code is 1", no_journal, NULL, NULL, NULL},
		{"reports are read without anything that runs", reports, scene_begin, scene_end,
		 NULL},
		{"a period that is none is a usage error", bad_periods, scene_begin, scene_end,
		 NULL},
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
