// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "options.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

#define ARGUMENTS_MAX 24

static int parse(enum command command, struct options *ret_options, char *error,
		 const char *const *arguments)
{
	char *list[ARGUMENTS_MAX];
	int count = 0;

	for (; *arguments; arguments++)
		list[count++] = (char *)(uintptr_t)*arguments;
	return options_parse(command, count, list, ret_options, error);
}

#define PARSE(command, ...) \
	parse(COMMAND_##command, &options, error, (const char *const[]){__VA_ARGS__, NULL})

static void test_defaults(void **state)
{
	char error[OPTIONS_ERROR_SIZE];
	struct options options;

	(void)state;
	assert_int_equal(parse(COMMAND_RUN, &options, error, (const char *const[]){NULL}), 0);
	assert_null(options.config_file);
	assert_int_equal(options.listen_count, 1);
	assert_string_equal(options.listen_addresses[0], "127.0.0.1:9782");
	assert_string_equal(options.telemetry_path, "/metrics");
	assert_string_equal(options.pin_path, "/sys/fs/bpf/operaglass");
	assert_null(options.cgroup_path);
	assert_string_equal(options.state_dir, "/var/lib/operaglass");
	assert_string_equal(options.events_socket, "/run/operaglass/events.sock");
	assert_string_equal(options.events_stream_socket, "/run/operaglass/api.sock");
	assert_null(options.web_config_file);
	assert_string_equal(options.user, "nobody");
	assert_int_equal(options.log_level, LOG_LEVEL_INFO);
	assert_int_equal(options.log_format, LOG_FORMAT_LOGFMT);
	assert_false(options.help);
}

static void test_both_spellings(void **state)
{
	char error[OPTIONS_ERROR_SIZE];
	struct options options;

	(void)state;
	assert_int_equal(PARSE(RUN, "--user=daemon", "--state.dir", "/a=b", "--log.level=debug",
			       "--log.format", "json", "--config.file=c=d"),
			 0);
	assert_string_equal(options.user, "daemon");
	assert_string_equal(options.state_dir, "/a=b");
	assert_string_equal(options.config_file, "c=d");
	assert_int_equal(options.log_level, LOG_LEVEL_DEBUG);
	assert_int_equal(options.log_format, LOG_FORMAT_JSON);
}

static void test_addresses(void **state)
{
	char error[OPTIONS_ERROR_SIZE];
	struct options options;

	(void)state;
	assert_int_equal(PARSE(RUN, "--web.listen-address", "[::1]:1",
			       "--web.listen-address=:65535", "--web.listen-address=h:0"),
			 0);
	assert_int_equal(options.listen_count, 3);
	assert_string_equal(options.listen_addresses[1], ":65535");
	assert_int_equal(PARSE(RUN, "--web.listen-address=h:1x"), -EINVAL);
	assert_int_equal(PARSE(RUN, "--web.listen-address=h:"), -EINVAL);
	assert_int_equal(PARSE(RUN, "--web.listen-address=h:-1"), -EINVAL);
	assert_int_equal(PARSE(RUN, "--web.listen-address=h:65536"), -EINVAL);
}

static void test_nine_addresses(void **state)
{
	const char *arguments[OPTIONS_LISTEN_MAX + 2];
	char error[OPTIONS_ERROR_SIZE];
	struct options options;
	int i;

	(void)state;
	for (i = 0; i <= OPTIONS_LISTEN_MAX; i++)
		arguments[i] = "--web.listen-address=:1";
	arguments[OPTIONS_LISTEN_MAX + 1] = NULL;
	assert_int_equal(parse(COMMAND_RUN, &options, error, arguments), -EINVAL);
	assert_string_equal(error, "--web.listen-address: given more than 8 times");
}

static void test_long_path(void **state)
{
	char path[OPTIONS_PATH_MAX + 2], error[OPTIONS_ERROR_SIZE];
	struct options options;

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(PARSE(RUN, "--bpf.pin-path", path), -EINVAL);
	assert_string_equal(error, "--bpf.pin-path: longer than 512 characters");
	path[OPTIONS_PATH_MAX] = '\0';
	assert_int_equal(PARSE(RUN, "--bpf.pin-path", path), 0);
}

static void test_sockets(void **state)
{
	char path[110], error[OPTIONS_ERROR_SIZE];
	struct options options;

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	path[0] = '/';
	path[108] = '\0';
	assert_int_equal(PARSE(RUN, "--events.socket", path), -EINVAL);
	assert_string_equal(error, "--events.socket: longer than 107 characters");
	path[107] = '\0';
	assert_int_equal(PARSE(RUN, "--events.stream-socket", path), 0);
	assert_string_equal(options.events_stream_socket, path);
	assert_int_equal(PARSE(RUN, "--events.socket=e.sock"), -EINVAL);
	assert_string_equal(error, "--events.socket: 'e.sock' does not begin with '/'");
}

static void test_passed(void **state)
{
	(void)state;
	assert_true(options_is_passed("emit"));
	assert_true(options_is_passed("audit"));
	assert_true(options_is_passed("cost"));
	assert_true(options_is_passed("analytics"));
	assert_false(options_is_passed("run"));
	assert_false(options_is_passed("emi"));
	assert_int_equal(passed_command_count, 4);
}

static void test_own_options(void **state)
{
	char error[OPTIONS_ERROR_SIZE];
	struct options options;

	(void)state;
	assert_int_equal(PARSE(DOCTOR, "--json"), 0);
	assert_true(options.json);
	assert_int_equal(PARSE(RUN, "--json"), -EINVAL);
	assert_string_equal(error,
			    "unknown option '--json' of run ('operaglass run --help' lists them)");
	assert_int_equal(PARSE(CHECK_CONFIG, "--dump", "file"), 0);
	assert_true(options.dump);
	assert_string_equal(options.config_file, "file");
	assert_int_equal(PARSE(VERSION, "--user=x"), -EINVAL);
}

static void test_failure_writes_nothing(void **state)
{
	char error[OPTIONS_ERROR_SIZE];
	struct options options;

	(void)state;
	memset(&options, 0x5a, sizeof(options));
	assert_int_equal(PARSE(RUN, "--user=x", "--user="), -EINVAL);
	assert_int_equal(((unsigned char *)&options)[0], 0x5a);
	assert_int_equal(((unsigned char *)&options)[sizeof(options) - 1], 0x5a);
}

static void test_endless_option(void **state)
{
	char argument[4096], error[OPTIONS_ERROR_SIZE];
	struct options options;

	(void)state;
	memset(argument, '-', sizeof(argument) - 1);
	argument[sizeof(argument) - 1] = '\0';
	assert_int_equal(PARSE(RUN, argument), -EINVAL);
	assert_true(strlen(error) < OPTIONS_ERROR_SIZE);
}

static void test_commands(void **state)
{
	enum command command;
	int i;

	(void)state;
	for (i = 0; i < COMMANDS; i++) {
		assert_int_equal(options_command(command_names[i], &command), 0);
		assert_int_equal(command, i);
	}
	assert_int_equal(options_command("Run", &command), -EINVAL);
	assert_int_equal(options_command("", &command), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("without options the defaults hold", test_defaults),
		TEST("--name=value and --name value mean the same", test_both_spellings),
		TEST("an address ends with a port of 0 to 65535", test_addresses),
		TEST("a ninth address is refused", test_nine_addresses),
		TEST("a path of 513 characters is refused, one of 512 is not", test_long_path),
		TEST("a socket's path is absolute and fits a socket's address", test_sockets),
		TEST("four commands are passed on to the exporter's program", test_passed),
		TEST("each command takes its own options only", test_own_options),
		TEST("a wrong option writes no result", test_failure_writes_nothing),
		TEST("an endless option is refused in one short line", test_endless_option),
		TEST("every command is found by its name", test_commands),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
