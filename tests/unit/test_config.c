// SPDX-License-Identifier: Apache-2.0
/*
 * The cases are pairs of files in tests/unit/data/config: NAME.yaml, whose first line says as a
 * comment what the case proves, and NAME.expected: the error line, or the dump of the result.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_text.h"
#include "scratch.h"

#define DATA	  "tests/unit/data/config/"
#define CASES_MAX 256

static char *read_file(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "rb");
	char *text = malloc(CONFIG_FILE_MAX);

	if (!file)
		fail_msg("cannot open %s from the top of the tree", path);
	assert_non_null(text);
	*ret_size = fread(text, 1, CONFIG_FILE_MAX - 1, file);
	text[*ret_size] = '\0';
	fclose(file);
	return text;
}

static void run_case(void **state)
{
	const char *path = *state, *name = path + strlen(DATA);
	struct config *config = malloc(sizeof(*config));
	struct config_error error = {.line = 0};
	char *text, *expected, *got, expected_path[256];
	size_t size, expected_size;

	assert_non_null(config);
	text = read_file(path, &size);
	snprintf(expected_path, sizeof(expected_path), "%.*s.expected", (int)strlen(path) - 5,
		 path);
	if (parse(text, size, name, config, &error) == 0) {
		got = dump(config);
	} else {
		got = malloc(sizeof(error.text) + 1);
		assert_non_null(got);
		snprintf(got, sizeof(error.text) + 1, "%s\n", error.text);
	}
	if (getenv("CONFIG_TEST_WRITE")) {
		FILE *out = fopen(expected_path, "w");

		assert_non_null(out);
		fputs(got, out);
		fclose(out);
	}
	expected = read_file(expected_path, &expected_size);
	assert_string_equal(got, expected);
	free(expected);
	free(got);
	free(text);
	free(config);
}

static void test_dump_reads_back(void **state)
{
	const char *path = *state;
	struct config *config = malloc(sizeof(*config));
	struct config_error error;
	char *text, *first, *second;
	size_t size;

	assert_non_null(config);
	text = read_file(path, &size);
	assert_int_equal(parse(text, size, "a", config, &error), 0);
	first = dump(config);
	memset(config, 0xa5, sizeof(*config));
	assert_int_equal(parse(first, strlen(first), "b", config, &error), 0);
	second = dump(config);
	assert_string_equal(first, second);
	free(second);
	free(first);
	free(text);
	free(config);
}

static void test_every_prefix_of_a_good_file_is_safe(void **state)
{
	struct config *config = malloc(sizeof(*config));
	struct config_error error;
	unsigned int good = 0;
	size_t size;
	char *text = read_file(*state, &size);

	assert_non_null(config);
	for (size_t i = 0; i <= size; i++) {
		memset(&error, 0, sizeof(error));
		if (parse(text, i, "f", config, &error) == 0)
			good++;
		else
			assert_true(error.text[0] && !strchr(error.text, '\n'));
	}
	assert_true(good > 1);
	free(text);
	free(config);
}

static void test_load_says_what_is_wrong_with_the_file(void **state)
{
	struct config *config = malloc(sizeof(*config));
	struct config_error error;
	char directory[SCRATCH_SIZE], path[SCRATCH_SIZE + 8], expected[256];
	int fd;

	(void)state;
	assert_non_null(config);
	assert_int_equal(scratch_make(directory), 0);
	snprintf(path, sizeof(path), "%s/file", directory);
	fd = open(path, O_RDWR | O_CREAT, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "bpf_stats: false\n", 17), 17);
	assert_int_equal(config_load(path, config, &error), 0);
	assert_false(config->bpf_stats);

	assert_int_equal(ftruncate(fd, CONFIG_FILE_MAX + 1), 0);
	assert_int_equal(config_load(path, config, &error), -EFBIG);
	snprintf(expected, sizeof(expected),
		 "%s: the configuration is too large: File too large (allowed: 1 MiB)", path);
	assert_string_equal(error.text, expected);
	close(fd);
	assert_int_equal(scratch_remove(directory), 0);

	assert_int_equal(config_load(path, config, &error), -ENOENT);
	snprintf(expected, sizeof(expected),
		 "%s: cannot open the configuration: No such file or directory (give a readable "
		 "file, or none to run with the defaults)",
		 path);
	assert_string_equal(error.text, expected);
	assert_int_equal(config_load("/", config, &error), -EISDIR);
	assert_string_equal(error.text, "/: cannot read the configuration: Is a directory (give a "
					"regular file)");
	free(config);
}

/* The first line without its "# ". */
static char *sentence_of(const char *path)
{
	size_t size;
	char *text = read_file(path, &size);

	text[strcspn(text, "\n")] = '\0';
	if (strncmp(text, "# ", 2) != 0)
		fail_msg("%s does not begin with a comment that says what it proves", path);
	memmove(text, text + 2, strlen(text + 2) + 1);
	return text;
}

int main(void)
{
	static char everything[] = DATA "everything.yaml", example[] = "deploy/operaglass.yaml",
		    nothing[] = DATA "comments-only.yaml";
	static const struct CMUnitTest fixed[] = {
		{"the dump of the defaults reads back as itself", test_dump_reads_back, NULL, NULL,
		 nothing},
		{"every prefix of a file with every key parses or is refused in one line",
		 test_every_prefix_of_a_good_file_is_safe, NULL, NULL, everything},
		{"the dump of a file with every key reads back as itself", test_dump_reads_back,
		 NULL, NULL, everything},
		{"the example in deploy/ is right, and its dump reads back", test_dump_reads_back,
		 NULL, NULL, example},
		{"loading says what is wrong with the file",
		 test_load_says_what_is_wrong_with_the_file, NULL, NULL, NULL},
	};
	struct CMUnitTest tests[CASES_MAX];
	size_t count = sizeof(fixed) / sizeof(fixed[0]), cases;
	glob_t found;
	int failed;

	if (glob(DATA "*.yaml", 0, NULL, &found) != 0) {
		fprintf(stderr, "no cases in " DATA ": run this from the top of the tree\n");
		return 1;
	}
	cases = found.gl_pathc < CASES_MAX - count ? found.gl_pathc : CASES_MAX - count;
	memcpy(tests, fixed, sizeof(fixed));
	for (size_t i = 0; i < cases; i++)
		tests[count + i] = (struct CMUnitTest){sentence_of(found.gl_pathv[i]), run_case,
						       NULL, NULL, found.gl_pathv[i]};
	failed = _cmocka_run_group_tests("config", tests, count + cases, NULL, NULL);
	for (size_t i = 0; i < cases; i++)
		free((char *)(uintptr_t)tests[count + i].name);
	globfree(&found);
	return failed != 0;
}
