// SPDX-License-Identifier: Apache-2.0
/* What is in a configuration once it was read, down to the bytes; what a file may say: test_config.c. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config_text.h"
#include "defaults.h"

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
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
		{"other limits or bounds need new programs, nothing else does",
		 test_reload_is_needed_for_limits_and_bounds_only, NULL, NULL, NULL},
	};

	return cmocka_run_group_tests_name("config values", tests, NULL, NULL);
}
