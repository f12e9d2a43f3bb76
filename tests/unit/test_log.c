// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "log.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void test_escape(void **state)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{"plain 'text' = fine", "plain 'text' = fine"},
		{"say \"hi\" \\", "say \\\"hi\\\" \\\\"},
		{"line\nfeed\ttab\033[31m\177", "line\\u000afeed\\u0009tab\\u001b[31m\\u007f"},
		{"caf\xc3\xa9", "caf\xc3\xa9"},
		{"\xc2\x9b"
		 "31m\xc2\xa0",
		 "\\u009b31m\xc2\xa0"}, /* eight bits of ESC [ */
		{"bad\xff\xc3", "bad\xef\xbf\xbd\xef\xbf\xbd"},
	};
	char out[128];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(log_escape(cases[i].in, out, sizeof(out)), strlen(cases[i].out));
		assert_string_equal(out, cases[i].out);
	}
}

static void test_cut(void **state)
{
	char out[8];

	(void)state;
	assert_int_equal(log_escape("12345678", out, sizeof(out)), 7);
	assert_string_equal(out, "1234567");
	assert_int_equal(log_escape("123456\"", out, sizeof(out)), 6);
	assert_int_equal(log_escape("123456\xc3\xa9", out, sizeof(out)), 6);
}

/* What one call writes to stderr. */
static void capture(char *out, size_t size, void (*call)(void))
{
	int pipes[2], saved = dup(STDERR_FILENO);
	ssize_t got;

	assert_int_equal(pipe2(pipes, O_NONBLOCK), 0);
	dup2(pipes[1], STDERR_FILENO);
	call();
	dup2(saved, STDERR_FILENO);
	got = read(pipes[0], out, size - 1);
	out[got < 0 ? 0 : got] = '\0';
	close(saved);
	close(pipes[0]);
	close(pipes[1]);
}

static int returned;

static void call_error(void)
{
	errno = ENOENT;
	returned = log_error(-EPERM, "cannot open '%s'", "a\nb");
	assert_int_equal(errno, ENOENT);
}

static void call_debug(void)
{
	returned = log_debug(7, "quiet");
}

static void test_lines(void **state)
{
	char line[LOG_LINE_SIZE];

	(void)state;
	log_settings.component = "tests";
	capture(line, sizeof(line), call_error);
	assert_int_equal(returned, -EPERM);
	/* time=2026-01-31T12:00:00.123Z */
	assert_memory_equal(line, "time=2", 6);
	assert_string_equal(line + 29,
			    " level=error component=tests msg=\"cannot open 'a\\u000ab'\"\n");
	log_settings.format = LOG_FORMAT_JSON;
	capture(line, sizeof(line), call_error);
	assert_memory_equal(line, "{\"time\":\"2", 10);
	assert_string_equal(line + 33, "\",\"level\":\"error\",\"component\":\"tests\","
				       "\"msg\":\"cannot open 'a\\u000ab'\"}\n");
	capture(line, sizeof(line), call_debug);
	assert_int_equal(returned, 7);
	assert_string_equal(line, "");
}

static void test_names(void **state)
{
	enum log_level level = LOG_LEVEL_INFO;
	enum log_format format = LOG_FORMAT_LOGFMT;

	(void)state;
	assert_int_equal(log_parse_level("warning", &level), 0);
	assert_int_equal(level, LOG_LEVEL_WARNING);
	assert_int_equal(log_parse_level("warn", &level), -EINVAL);
	assert_int_equal(log_parse_format("json", &format), 0);
	assert_int_equal(format, LOG_FORMAT_JSON);
	assert_int_equal(log_parse_format("", &format), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("hostile bytes are escaped", test_escape),
		TEST("a long text is cut at a whole character", test_cut),
		TEST("a line has time, level, component and message, and the code comes back",
		     test_lines),
		TEST("levels and formats are known by name", test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
