// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "command_line.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static int parse(struct command_line *ret_line, char *problem, const char *const *arguments)
{
	char *argv[16] = {(char *)(uintptr_t) "operaglass-exporter"};
	int argc = 1;

	for (; *arguments; arguments++)
		argv[argc++] = (char *)(uintptr_t)*arguments;
	return command_line_parse(argc, argv, problem, ret_line);
}

static void test_defaults(void **state)
{
	char problem[COMMAND_LINE_PROBLEM_SIZE];
	struct command_line line;

	(void)state;
	assert_int_equal(parse(&line, problem, (const char *const[]){"--handover.fd=3", NULL}), 0);
	assert_int_equal(line.handover_fd, 3);
	assert_int_equal(line.listen_count, 1);
	assert_string_equal(line.listen_addresses[0], "127.0.0.1:9782");
	assert_string_equal(line.telemetry_path, "/metrics");
	assert_string_equal(line.user, "nobody");
	assert_null(line.events_socket);
	assert_null(line.events_stream_socket);
	assert_null(line.journal_directory);
	assert_int_equal(line.log_level, LOG_LEVEL_INFO);
	assert_int_equal(line.log_format, LOG_FORMAT_LOGFMT);
}

static void test_everything(void **state)
{
	static const char *const arguments[] = {
		"--handover.fd=17",
		"--web.listen-address=:80",
		"--web.listen-address=[::1]:81",
		"--web.telemetry-path=/m",
		"--events.socket=/run/e.sock",
		"--events.stream-socket=/run/a.sock",
		"--journal.directory=/var/j",
		"--user=daemon",
		"--log.level=debug",
		"--log.format=json",
		NULL,
	};
	char problem[COMMAND_LINE_PROBLEM_SIZE];
	struct command_line line;

	(void)state;
	assert_int_equal(parse(&line, problem, arguments), 0);
	assert_int_equal(line.handover_fd, 17);
	assert_int_equal(line.listen_count, 2);
	assert_string_equal(line.listen_addresses[1], "[::1]:81");
	assert_string_equal(line.telemetry_path, "/m");
	assert_string_equal(line.events_socket, "/run/e.sock");
	assert_string_equal(line.events_stream_socket, "/run/a.sock");
	assert_string_equal(line.journal_directory, "/var/j");
	assert_string_equal(line.user, "daemon");
	assert_int_equal(line.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(line.log_format, LOG_FORMAT_JSON);
	assert_int_equal(parse(&line, problem, (const char *const[]){"--help", NULL}), 0);
	assert_true(line.help);
	assert_int_equal(parse(&line, problem, (const char *const[]){"--version", NULL}), 0);
	assert_true(line.version);
}

static void test_problems(void **state)
{
	static const struct {
		const char *argument, *problem;
	} cases[] = {
		{"--log.level=loud",
		 "--log.level: 'loud' is not allowed; it takes debug, info, warning, error"},
		{"--log.format=xml", "--log.format: 'xml' is not allowed; it takes logfmt, json"},
		{"--handover.fd=2",
		 "--handover.fd: '2' is not allowed; it takes a descriptor number above 2"},
		{"--handover.fd=4x",
		 "--handover.fd: '4x' is not allowed; it takes a descriptor number above 2"},
		{"--web.telemetry-path=metrics",
		 "--web.telemetry-path: 'metrics' is not allowed; it takes a path like /metrics that is not taken"},
		{"--web.telemetry-path=/",
		 "--web.telemetry-path: '/' is not allowed; it takes a path like /metrics that is not taken"},
		{"--web.telemetry-path=/a b",
		 "--web.telemetry-path: '/a b' is not allowed; it takes a path like /metrics that is not taken"},
		{"--events.socket=e.sock",
		 "--events.socket: 'e.sock' is not allowed; it takes an absolute path of at most 107 characters"},
		{"--events.stream-socket=",
		 "--events.stream-socket: '' is not allowed; it takes an absolute path of at most 107 characters"},
		{"--journal.directory=j",
		 "--journal.directory: 'j' is not allowed; it takes an absolute path"},
		{"--user=", "--user: '' is not allowed; it takes a user's name"},
		{"--user", "--user needs a value: --user=VALUE"},
		{"--help=yes", "--help takes no value"},
		{"--what=1", "unknown argument '--what=1'; see --help"},
		{"-h", "unknown argument '-h'; see --help"},
		{"", "unknown argument ''; see --help"},
		{"--log.level=info",
		 "--handover.fd is missing; this program is started by `operaglass run`"},
	};
	char problem[COMMAND_LINE_PROBLEM_SIZE];
	struct command_line line;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(
			parse(&line, problem, (const char *const[]){cases[i].argument, NULL}),
			-EINVAL);
		assert_string_equal(problem, cases[i].problem);
	}
}

static void test_too_many(void **state)
{
	char problem[COMMAND_LINE_PROBLEM_SIZE];
	const char *arguments[] = {":1", ":1", ":1", ":1", ":1", ":1", ":1", ":1", ":9", NULL};
	struct command_line line;
	size_t i;

	(void)state;
	for (i = 0; i < 9; i++)
		arguments[i] = "--web.listen-address=:1";
	assert_int_equal(parse(&line, problem, arguments), -EINVAL);
	assert_string_equal(
		problem, "--web.listen-address: ':1' is not allowed; it takes at most 8 addresses");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("a descriptor alone is enough", test_defaults),
		TEST("every option is taken", test_everything),
		TEST("every mistake is named, with what is allowed", test_problems),
		TEST("a ninth address is refused", test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
