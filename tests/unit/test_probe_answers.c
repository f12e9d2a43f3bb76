// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "probe_answers.h"
#include "scratch.h"
#include "state_file.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static const char here[] = "questions 1 boot 11111111-2222-3333-4444-555555555555 admin 1";
static const char kept[] = "questions 1 boot 11111111-2222-3333-4444-555555555555 admin 1\n"
			   "kind 1 return 0 cheap f\n";

static void test_round_trip(void **state)
{
	const struct probe_answers answers = {TLS_PROBE_MULTI, TLS_RETURN_SAFE, 15};
	struct probe_answers found = {TLS_PROBE_LOCAL, TLS_RETURN_UNKNOWN, 0};
	char text[2 * PROBE_ANSWERS_TEXT];

	(void)state;
	probe_answers_write(here, &answers, text);
	assert_string_equal(text, kept);
	assert_int_equal(probe_answers_read(here, text, &found), 0);
	assert_int_equal(found.kind, TLS_PROBE_MULTI);
	assert_int_equal(found.return_probes, TLS_RETURN_SAFE);
	assert_int_equal(found.cheap_classes, 15);
}

static void test_other_conditions(void **state)
{
	static const char *const others[] = {
		"questions 1 boot 11111111-2222-3333-4444-555555555556 admin 1",
		"questions 1 boot 11111111-2222-3333-4444-555555555555 admin 0",
		"questions 2 boot 11111111-2222-3333-4444-555555555555 admin 1",
		"questions 1 boot 11111111-2222-3333-4444-555555555555 admin",
	};
	struct probe_answers found;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_int_equal(probe_answers_read(others[i], kept, &found), -EINVAL);
}

static void test_no_answer(void **state)
{
	static const char *const tails[] = {
		"",
		"\n",
		"\nkind 0 return 0",
		"\nkind 0 return 0 cheap f",	     /* cut off */
		"\nkind 0 return 0 cheap f\nmore\n", /* too much */
		"\nkind 00 return 0 cheap f\n",
		"\nkind 4 return 0 cheap f\n",	/* no such kind */
		"\nkind -1 return 0 cheap f\n", /* nor such */
		"\nkind 0 return 1 cheap f\n",	/* not good */
		"\nkind 0 return 2 cheap f\n",
		"\nkind 0 return 0 cheap 1f\n", /* no such class */
		"\nkind 0 return 0 cheap 10000000f\n",
	};
	char text[2 * PROBE_ANSWERS_TEXT];
	struct probe_answers found;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(tails) / sizeof(tails[0]); i++) {
		snprintf(text, sizeof(text), "%s%s", here, tails[i]);
		assert_int_equal(probe_answers_read(here, text, &found), -EINVAL);
	}
}

static void test_conditions(void **state)
{
	char text[PROBE_ANSWERS_TEXT], again[PROBE_ANSWERS_TEXT];

	(void)state;
	assert_int_equal(probe_answers_conditions(text), 0);
	assert_int_equal(probe_answers_conditions(again), 0);
	assert_string_equal(text, again);
	assert_non_null(strstr(text, " boot "));
	assert_null(strchr(text, '\n'));
}

static void test_files(void **state)
{
	char directory[SCRATCH_SIZE], path[SCRATCH_SIZE + 8], text[8];
	struct stat status;

	(void)state;
	assert_int_equal(scratch_make(directory), 0);
	snprintf(path, sizeof(path), "%s/file", directory);
	assert_int_equal(state_file_read(path, sizeof(text), text), -ENOENT);
	assert_int_equal(state_file_write(path, "first", false), 0);
	assert_int_equal(state_file_write(path, "second", true), 0);
	assert_int_equal(state_file_read(path, sizeof(text), text), 0);
	assert_string_equal(text, "second");
	assert_int_equal(stat(path, &status), 0);
	assert_int_equal(status.st_mode & 07777, 0600);
	assert_int_equal(state_file_read(path, strlen("second"), text), -EFBIG);
	assert_int_equal(chmod(path, 0620), 0);
	assert_int_equal(state_file_read(path, sizeof(text), text), -EPERM);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("/etc/hostname", path), 0);
	assert_int_equal(state_file_read(path, sizeof(text), text), -ELOOP);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0);
	assert_int_equal(state_file_write(path, "text", false), -ENOENT);
}

/* Room for two bytes, then for none. */
static void test_no_room(void **state)
{
	const struct rlimit two = {.rlim_cur = 2, .rlim_max = RLIM_INFINITY};
	const struct rlimit any = {RLIM_INFINITY, RLIM_INFINITY};
	char directory[SCRATCH_SIZE], path[SCRATCH_SIZE + 8], text[8];

	(void)state;
	assert_int_equal(scratch_make(directory), 0);
	snprintf(path, sizeof(path), "%s/file", directory);
	assert_int_equal(state_file_write(path, "first", false), 0);
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &two), 0);
	assert_int_equal(state_file_write(path, "second", false), -ENOSPC);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &(struct rlimit){0, RLIM_INFINITY}), 0);
	assert_int_equal(state_file_write(path, "second", false), -EFBIG);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &any), 0);
	assert_int_equal(state_file_read(path, sizeof(text), text), 0);
	assert_string_equal(text, "first");
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(directory), 0); /* nothing else is left in it */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("answers are read as they were written", test_round_trip),
		TEST("answers of another boot, other rights or other questions are none",
		     test_other_conditions),
		TEST("a text that is cut off, longer, out of range or no good answer is none",
		     test_no_answer),
		TEST("conditions stay the same in one boot", test_conditions),
		TEST("a file that others may write to, a link or one too long is not read",
		     test_files),
		TEST("a file that cannot be written keeps what it said, and the cause is told",
		     test_no_room),
	};

	return cmocka_run_group_tests_name("probe answers", tests, NULL, NULL);
}
