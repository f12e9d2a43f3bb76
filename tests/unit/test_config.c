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
#include <glob.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config.h"
#include "defaults.h"

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

static char *dump(const struct config *config)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	assert_int_equal(config_dump(config, out), 0);
	fclose(out);
	return text;
}

/* The parser sees an exact-size copy, so that one byte too far is an error of the sanitizer. */
static int parse(const char *text, size_t size, const char *name, struct config *ret_config,
		 struct config_error *ret_error)
{
	char *exact = malloc(size ? size : 1);
	int err;

	assert_non_null(exact);
	memcpy(exact, text, size);
	err = config_parse(exact, size, name, ret_config, ret_error);
	free(exact);
	return err;
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

static void test_empty_file_is_the_defaults(void **state)
{
	struct config *config = malloc(sizeof(*config)), *defaults = malloc(sizeof(*defaults));
	struct config_error error;
	char *a, *b;

	(void)state;
	assert_non_null(config);
	assert_non_null(defaults);
	assert_int_equal(parse("", 0, "empty", config, &error), 0);
	config_defaults(defaults);
	a = dump(config);
	b = dump(defaults);
	assert_string_equal(a, b);
	assert_int_equal(defaults->agent_count, default_agent_count);
	assert_int_equal(defaults->upstream_count, default_upstream_count);
	assert_int_equal(defaults->interpreter_count, default_interpreter_count);
	free(b);
	free(a);
	free(defaults);
	free(config);
}

/* Every text of the tables arrives whole, in the order of the tables. */
static void test_defaults_arrive_whole(void **state)
{
	struct config *config = malloc(sizeof(*config));
	uint32_t name = 0, host = 0;

	(void)state;
	assert_non_null(config);
	config_defaults(config);
	for (uint32_t i = 0; i < default_agent_count; i++) {
		assert_string_equal(config->agents[i].type, default_agents[i].type);
		for (size_t j = 0; j < DEFAULT_NAMES_MAX && default_agents[i].names[j]; j++)
			assert_string_equal(config->names[name++].text, default_agents[i].names[j]);
	}
	for (uint32_t i = 0; i < default_upstream_count; i++) {
		assert_string_equal(config->upstreams[i].name, default_upstreams[i].name);
		assert_int_equal(config->ports[i].port, default_upstreams[i].port);
		for (size_t j = 0; j < DEFAULT_HOSTS_MAX && default_upstreams[i].hosts[j]; j++) {
			const char *text = default_upstreams[i].hosts[j];

			assert_int_equal(config->hosts[host].wildcard, text[0] == '*');
			assert_string_equal(config->hosts[host++].text,
					    text[0] == '*' ? text + 2 : text);
		}
	}
	for (uint32_t i = 0; i < default_interpreter_count; i++)
		assert_string_equal(config->interpreters[i].text, default_interpreters[i]);
	assert_int_equal(config->name_count, name);
	assert_int_equal(config->host_count, host);
	free(config);
}

static void test_texts_are_zero_padded(void **state)
{
	struct config *config = malloc(sizeof(*config));
	char zero[CONFIG_HOST_SIZE] = {0};

	(void)state;
	assert_non_null(config);
	memset(config, 0xa5, sizeof(*config));
	config_defaults(config);
	for (uint32_t i = 0; i < config->name_count; i++) {
		size_t used = strlen(config->names[i].text);

		assert_in_range(used, 1, CONFIG_NAME_SIZE - 1);
		assert_memory_equal(config->names[i].text + used, zero, CONFIG_NAME_SIZE - used);
	}
	for (uint32_t i = 0; i < config->host_count; i++) {
		size_t used = strlen(config->hosts[i].text);

		assert_in_range(used, 1, CONFIG_HOST_SIZE - 1);
		assert_memory_equal(config->hosts[i].text + used, zero, CONFIG_HOST_SIZE - used);
	}
	free(config);
}

static void test_cidr_bytes(void **state)
{
	static const char text[] = "defaults: false\n"
				   "upstreams: [{name: a, kind: tcp, ports: [1],"
				   " cidrs: [149.154.160.0/20, '2001:db8::/32']}]\n";
	static const uint8_t v4[16] = {[10] = 0xff, 0xff, 149, 154, 160, 0};
	static const uint8_t v6[16] = {0x20, 0x01, 0x0d, 0xb8};
	struct config *config = malloc(sizeof(*config));
	struct config_error error;

	(void)state;
	assert_non_null(config);
	assert_int_equal(parse(text, strlen(text), "a", config, &error), 0);
	assert_int_equal(config->cidr_count, 2);
	assert_memory_equal(config->cidrs[0].address, v4, 16);
	assert_int_equal(config->cidrs[0].prefix, 116);
	assert_memory_equal(config->cidrs[1].address, v6, 16);
	assert_int_equal(config->cidrs[1].prefix, 32);
	free(config);
}

/* count agents, each with its own name; written by hand, they would be pages. */
static char *write_agents(unsigned int count, unsigned int names)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	fputs("defaults: false\nagents:\n", out);
	for (unsigned int i = 0; i < count; i++) {
		fprintf(out, "  - type: agent-%u\n    names:\n", i);
		for (unsigned int j = 0; j < names; j++)
			fprintf(out, "      - agent-%u-%u\n", i, j);
	}
	fclose(out);
	return text;
}

static void expect_agents(unsigned int count, unsigned int names, const char *expected)
{
	struct config *config = malloc(sizeof(*config));
	struct config_error error = {.text = ""};
	char *text = write_agents(count, names);

	assert_non_null(config);
	assert_int_equal(parse(text, strlen(text), "f", config, &error), *expected ? -EINVAL : 0);
	assert_string_equal(error.text, expected);
	free(text);
	free(config);
}

static void test_63_agents_fit_and_64_do_not(void **state)
{
	(void)state;
	expect_agents(63, 1, "");
	expect_agents(64, 1,
		      "f:192:5: too many agents (allowed: 63 in all, defaults included; "
		      "'defaults: false' leaves those out)");
}

static void test_256_names_fit_and_257_do_not(void **state)
{
	(void)state;
	expect_agents(1, 256, "");
	expect_agents(1, 257,
		      "f:261:9: too many names of agents (allowed: 256 in all, defaults included; "
		      "'defaults: false' leaves those out)");
}

static void test_bad_utf8_and_nul_are_refused(void **state)
{
	static const struct {
		const char *text;
		size_t size;
		const char *error;
	} cases[] = {
		{"agents:\n  - type: \xff\xfe\n", 22,
		 "f:2:11: invalid leading UTF-8 octet (allowed: printable UTF-8)"},
		{"# \xc3\xa4\xc3\n", 6,
		 "f:1:5: invalid trailing UTF-8 octet (allowed: printable UTF-8)"},
		{"tls:\0\n", 6,
		 "f:1:5: control characters are not allowed (allowed: printable UTF-8)"},
		{"health_window: \"5\\0m\"", 21,
		 "f:1:16: a NUL character in health_window (allowed: 10s to 24h, in ms, s, m or "
		 "h)"},
	};
	struct config *config = malloc(sizeof(*config));
	struct config_error error;

	(void)state;
	assert_non_null(config);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, cases[i].size, "f", config, &error), -EINVAL);
		assert_string_equal(error.text, cases[i].error);
	}
	free(config);
}

static void test_byte_order_mark_is_skipped(void **state)
{
	static const char text[] = "\xef\xbb\xbf"
				   "bpf_stats: false\n";
	struct config *config = malloc(sizeof(*config));
	struct config_error error;

	(void)state;
	assert_non_null(config);
	assert_int_equal(parse(text, strlen(text), "f", config, &error), 0);
	assert_false(config->bpf_stats);
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

static void test_reload_is_needed_for_limits_and_bounds_only(void **state)
{
	static const struct {
		const char *text;
		bool needed;
	} cases[] = {
		{"", false},
		{"limits: {processes: 32768}", false},
		{"limits: {tools: 512}", true},
		{"histograms: {memory_bytes: [1]}", true},
		{"histograms: {call_seconds: [1]}", true},
		{"idle_after: 5s\nbpf_stats: false\ntls: {scope: agents}\ninterpreters: []", false},
		{"defaults: false", false},
	};
	struct config *config = malloc(sizeof(*config)), *defaults = malloc(sizeof(*defaults));
	struct config_error error;

	(void)state;
	assert_non_null(config);
	assert_non_null(defaults);
	config_defaults(defaults);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(parse(cases[i].text, strlen(cases[i].text), "f", config, &error),
				 0);
		assert_int_equal(config_needs_reload_of_programs(defaults, config),
				 cases[i].needed);
	}
	free(defaults);
	free(config);
}

static void test_load_says_what_is_wrong_with_the_file(void **state)
{
	struct config *config = malloc(sizeof(*config));
	struct config_error error;
	char path[] = "/tmp/operaglass-test-config-XXXXXX", expected[256];
	int fd = mkstemp(path);

	(void)state;
	assert_non_null(config);
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
	unlink(path);

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
		{"an empty file is the defaults", test_empty_file_is_the_defaults, NULL, NULL,
		 NULL},
		{"texts are zero-padded, also in dirty memory", test_texts_are_zero_padded, NULL,
		 NULL, NULL},
		{"addresses are 16 bytes, prefixes count in 128 bits", test_cidr_bytes, NULL, NULL,
		 NULL},
		{"63 agents fit and 64 do not", test_63_agents_fit_and_64_do_not, NULL, NULL, NULL},
		{"256 names fit and 257 do not", test_256_names_fit_and_257_do_not, NULL, NULL,
		 NULL},
		{"bad UTF-8 and NUL are refused at their place", test_bad_utf8_and_nul_are_refused,
		 NULL, NULL, NULL},
		{"a byte order mark is skipped", test_byte_order_mark_is_skipped, NULL, NULL, NULL},
		{"the default tables arrive whole", test_defaults_arrive_whole, NULL, NULL, NULL},
		{"the dump of the defaults reads back as itself", test_dump_reads_back, NULL, NULL,
		 nothing},
		{"every prefix of a file with every key parses or is refused in one line",
		 test_every_prefix_of_a_good_file_is_safe, NULL, NULL, everything},
		{"the dump of a file with every key reads back as itself", test_dump_reads_back,
		 NULL, NULL, everything},
		{"the example in deploy/ is right, and its dump reads back", test_dump_reads_back,
		 NULL, NULL, example},
		{"other limits or bounds need new programs, nothing else does",
		 test_reload_is_needed_for_limits_and_bounds_only, NULL, NULL, NULL},
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
