// SPDX-License-Identifier: Apache-2.0
/* The files that the configuration names. Its keys are cases of test_config.c. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "reporting_files.h"
#include "scratch.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

#define TOKEN	"0123456789abcdef"
#define HEX_KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1eFF"

/* In place of the C library's: the process may die just there. */
static bool dies_writing;
ssize_t write(int fd, const void *bytes, size_t size)
{
	if (dies_writing)
		_exit(9);
	return syscall(SYS_write, fd, bytes, size);
}

static char directory[SCRATCH_SIZE];
static struct config config;
static struct reporting_settings settings;
static struct reporting_files files;
static struct config_error error;
static const struct config_report report = {"og.yml", &error};

static const char *path_of(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	return path;
}

static void put(const char *name, const char *text)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static int begin(void **state)
{
	(void)state;
	assert_int_equal(scratch_make(directory), 0);
	config_defaults(&config);
	memset(&settings, 0, sizeof(settings));
	return 0;
}

static int end(void **state)
{
	(void)state;
	return scratch_remove(directory);
}

static int read_all(void)
{
	return reporting_read(&report, &config.reporting, directory, &settings, &files);
}

static void test_tokens(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{"", "it is empty"},
		{"\n\n", "it is empty"},
		{"0123456789abcde\n", "a token of less than 16 bytes can be guessed"},
		{"0123456789 abcdef", "a token is one word of printable ASCII"},
		{"0123456789abcdef\nsecond", "a token is one word of printable ASCII"},
		{"0123456789abcde\x80", "a token is one word of printable ASCII"},
	};
	char token[REPORTING_TOKEN_SIZE] = "before", text[REPORTING_TOKEN_SIZE + 1];
	const char *why;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(
			reporting_parse_token(cases[i].text, strlen(cases[i].text), token, &why),
			-EINVAL);
		assert_string_equal(why, cases[i].why);
	}
	assert_string_equal(token, "before");
	memset(text, 'x', sizeof(text));
	assert_int_equal(reporting_parse_token(text, 256, token, &why), -EINVAL);
	assert_string_equal(why, "a token has at most 255 bytes");
	assert_int_equal(reporting_parse_token(text, 255, token, &why), 0);
	assert_int_equal(strlen(token), 255);
	assert_int_equal(reporting_parse_token(TOKEN "\r\n", 18, token, &why), 0);
	assert_string_equal(token, TOKEN);
}

static void test_keys(void **state)
{
	uint8_t key[REPORTING_KEY_SIZE], expected[REPORTING_KEY_SIZE] = TOKEN;
	const char *why;
	size_t i;

	(void)state;
	assert_int_equal(reporting_parse_key(TOKEN "\n", 17, key, &why), 0);
	assert_memory_equal(key, expected, sizeof(key));
	assert_int_equal(reporting_parse_key(HEX_KEY, 64, key, &why), 0);
	for (i = 0; i < 31; i++)
		assert_int_equal(key[i], i);
	assert_int_equal(key[31], 0xff);
	assert_int_equal(reporting_parse_key("", 0, key, &why), -EINVAL);
	assert_string_equal(why, "it is empty");
	assert_int_equal(reporting_parse_key(TOKEN, 15, key, &why), -EINVAL);
	assert_string_equal(why, "a key of less than 16 bytes can be guessed");
	assert_int_equal(reporting_parse_key(HEX_KEY, 63, key, &why), -EINVAL);
	assert_int_equal(reporting_parse_key("x" HEX_KEY, 64, key, &why), -EINVAL);
	assert_int_equal(key[31], 0xff);
}

static void test_defaults(void **state)
{
	struct reporting_settings first;
	struct stat status;

	(void)state;
	assert_int_equal(read_all(), 0);
	assert_int_equal(files.count, 0);
	assert_int_equal(settings.uid_count, 1);
	assert_int_equal(settings.uids[0], 0);
	assert_int_equal(settings.pending_max, 100000);
	assert_int_equal(settings.approval_timeout_ns, UINT64_C(1800000000000));
	assert_int_equal(settings.approval_grace_ns, UINT64_C(30000000000));
	assert_int_equal(settings.id_window_ns, UINT64_C(604800000000000));
	assert_int_equal(settings.session_label, SESSION_LABEL_OFF);
	assert_string_equal(settings.ingest_token, "");
	assert_string_equal(settings.read_token, "");
	assert_string_equal(settings.prices_date, "2026-10-16");
	/* Actors are hashed: a key is made, and found again. */
	assert_int_equal(stat(path_of("session.key"), &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(status.st_size, 65);
	first = settings;
	assert_int_equal(read_all(), 0);
	assert_memory_equal(first.session_key, settings.session_key, REPORTING_KEY_SIZE);
}

static void test_killed(void **state)
{
	pid_t pid = fork();
	int status;

	(void)state;
	if (pid == 0) {
		dies_writing = true;
		read_all();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 9);
	assert_int_equal(access(path_of("session.key"), F_OK), -1);
	assert_int_equal(read_all(), 0);
	assert_int_equal(access(path_of("session.key"), F_OK), 0);
	assert_int_equal(access(path_of("session.key.new"), F_OK), -1);
}

static void test_no_key(void **state)
{
	static const uint8_t none[REPORTING_KEY_SIZE];

	(void)state;
	config.reporting.settings.plain_actors = true;
	assert_int_equal(read_all(), 0);
	assert_memory_equal(settings.session_key, none, sizeof(none));
	assert_int_equal(access(path_of("session.key"), F_OK), -1);
	config.reporting.settings.session_label = SESSION_LABEL_HASHED;
	assert_int_equal(read_all(), 0);
	assert_int_equal(access(path_of("session.key"), F_OK), 0);
}

static void test_files(void **state)
{
	(void)state;
	put("token", "ingest-0123456789\n");
	put("read", "read-0123456789ab\n");
	put("key", HEX_KEY "\n");
	strcpy(config.reporting.token_file, path_of("token"));
	strcpy(config.reporting.read_token_file, path_of("read"));
	strcpy(config.reporting.session_key_file, path_of("key"));
	assert_int_equal(read_all(), 0);
	assert_int_equal(files.count, 3);
	assert_string_equal(settings.ingest_token, "ingest-0123456789");
	assert_string_equal(settings.read_token, "read-0123456789ab");
	assert_int_equal(settings.session_key[31], 0xff);
	assert_int_equal(access(path_of("session.key"), F_OK), -1);
}

static void test_changes(void **state)
{
	char expected[512];

	(void)state;
	put("token", TOKEN "\n");
	strcpy(config.reporting.token_file, path_of("token"));
	assert_int_equal(read_all(), 0);
	assert_false(reporting_files_changed(&config.reporting, &files));
	put("token", TOKEN "-new\n");
	assert_true(reporting_files_changed(&config.reporting, &files));
	assert_int_equal(read_all(), 0);
	assert_string_equal(settings.ingest_token, TOKEN "-new");

	/* A bad one is said once, and what was read before stays. */
	put("token", "short\n");
	assert_true(reporting_files_changed(&config.reporting, &files));
	assert_int_equal(read_all(), -EINVAL);
	snprintf(expected, sizeof(expected),
		 "og.yml: cannot use events.token_file '%s': a token of less than 16 bytes can be "
		 "guessed",
		 path_of("token"));
	assert_string_equal(error.text, expected);
	assert_string_equal(settings.ingest_token, TOKEN "-new");
	assert_false(reporting_files_changed(&config.reporting, &files));

	unlink(path_of("token"));
	assert_true(reporting_files_changed(&config.reporting, &files));
	assert_int_equal(read_all(), -EINVAL);
	snprintf(expected, sizeof(expected),
		 "og.yml: cannot read events.token_file '%s': No such file or directory",
		 path_of("token"));
	assert_string_equal(error.text, expected);
	assert_false(reporting_files_changed(&config.reporting, &files));
	put("token", TOKEN "\n");
	assert_true(reporting_files_changed(&config.reporting, &files));
}

static void test_zone(void **state)
{
	(void)state;
	strcpy(config.reporting.settings.time_zone, "Europe/Berlin");
	assert_int_equal(read_all(), 0);
	strcpy(config.reporting.settings.time_zone, "UTC");
	assert_int_equal(read_all(), 0);
	strcpy(config.reporting.settings.time_zone, "Europe/Atlantis");
	assert_int_equal(read_all(), -EINVAL);
	assert_non_null(strstr(error.text, "no time_zone 'Europe/Atlantis' on this host"));
}

#define WITH_FILES(sentence, function)               \
	{                                            \
		sentence, function, begin, end, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("a token is one word of 16 to 255 printable bytes", test_tokens),
		TEST("a key is 64 hexadecimal digits or 16 to 32 bytes", test_keys),
		WITH_FILES("without a configuration root may report, and a key is made once",
			   test_defaults),
		WITH_FILES("a process that dies while it makes a key leaves none behind",
			   test_killed),
		WITH_FILES("no key is made where nothing is hashed", test_no_key),
		WITH_FILES("every configured file is read", test_files),
		WITH_FILES("a changed file is seen, and a bad one changes nothing", test_changes),
		WITH_FILES("a time zone must be installed", test_zone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
