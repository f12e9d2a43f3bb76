// SPDX-License-Identifier: Apache-2.0
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agent_tables.h"
#include "image_name.h"

struct fixture {
	struct config config;
	struct agent_tables tables;
};

static int setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));

	if (!fixture)
		return -1;
	*state = fixture;
	return 0;
}

static int teardown(void **state)
{
	free(*state);
	return 0;
}

static void add_agent(struct config *config, const char *type, bool relaunches, const char *name)
{
	struct config_agent *agent = &config->agents[config->agent_count];
	struct config_agent_name *row = &config->names[config->name_count++];

	snprintf(agent->type, sizeof(agent->type), "%s", type);
	agent->relaunches = relaunches;
	snprintf(row->text, sizeof(row->text), "%s", name);
	row->agent = config->agent_count++;
}

static void add_interpreter(struct config *config, const char *name)
{
	struct config_interpreter *row = &config->interpreters[config->interpreter_count++];

	snprintf(row->text, sizeof(row->text), "%s", name);
}

static const struct agent_rule *find(const struct agent_tables *tables, const char *text)
{
	struct image_name name = {};

	memcpy(name.name, text, strnlen(text, sizeof(name.name) - 1));
	return agent_tables_find(tables, &name);
}

static void assert_rule(const struct agent_tables *tables, const char *name, int type, int flags)
{
	const struct agent_rule *rule = find(tables, name);

	assert_non_null(rule);
	assert_int_equal(rule->type, type);
	assert_int_equal(rule->flags, flags);
}

static void names_become_rules_with_the_type_s_id(void **state)
{
	struct fixture *f = *state;

	add_agent(&f->config, "one", false, "alpha");
	add_agent(&f->config, "two", true, "beta/main.js");
	add_interpreter(&f->config, "node");
	assert_int_equal(agent_tables_plan(&f->config, &f->tables), 0);
	assert_int_equal(f->tables.rule_count, 4);
	assert_rule(&f->tables, "alpha", 1, 0);
	assert_rule(&f->tables, "beta/main.js", 2, RULE_RELAUNCHES);
	assert_rule(&f->tables, "main.js", 0, RULE_DIRECTORY);
	assert_rule(&f->tables, "node", 0, RULE_INTERPRETER);
	assert_string_equal(f->tables.types[1].name, "one");
	assert_string_equal(f->tables.types[2].name, "two");
}

static void a_basename_may_be_a_rule_and_ask_for_its_directory(void **state)
{
	struct fixture *f = *state;

	add_agent(&f->config, "one", false, "dir/main");
	add_agent(&f->config, "two", false, "main");
	assert_int_equal(agent_tables_plan(&f->config, &f->tables), 0);
	assert_rule(&f->tables, "main", 2, RULE_DIRECTORY);
}

static void an_id_stays_with_its_name_for_ever(void **state)
{
	struct fixture *f = *state;

	add_agent(&f->config, "one", false, "a");
	add_agent(&f->config, "two", false, "b");
	assert_int_equal(agent_tables_plan(&f->config, &f->tables), 0);
	memset(&f->config, 0, sizeof(f->config));
	add_agent(&f->config, "three", false, "c");
	add_agent(&f->config, "two", false, "b");
	assert_int_equal(agent_tables_plan(&f->config, &f->tables), 0);
	assert_rule(&f->tables, "b", 2, 0);
	assert_rule(&f->tables, "c", 3, 0);
	assert_null(find(&f->tables, "a"));
	assert_string_equal(f->tables.types[1].name, "one");
}

static void more_names_than_ids_are_refused(void **state)
{
	struct fixture *f = *state;
	char type[CONFIG_LABEL_SIZE];
	int i;

	for (i = 1; i < MAX_AGENT_TYPES; i++)
		snprintf(f->tables.types[i].name, TYPE_NAME_SIZE, "old-%d", i);
	add_agent(&f->config, "old-63", false, "a");
	assert_int_equal(agent_tables_plan(&f->config, &f->tables), 0);
	assert_rule(&f->tables, "a", 63, 0);
	snprintf(type, sizeof(type), "new");
	add_agent(&f->config, type, false, "b");
	assert_int_equal(agent_tables_plan(&f->config, &f->tables), -ENOSPC);
}

static void every_default_passes_the_filter(void **state)
{
	struct fixture *f = *state;
	char name[IMAGE_NAME_SIZE + 8] = {};
	unsigned int set = 0;
	__u32 bit;
	size_t i;

	config_defaults(&f->config);
	assert_int_equal(agent_tables_plan(&f->config, &f->tables), 0);
	for (i = 0; i < f->tables.rule_count; i++) {
		if (strchr(f->tables.rules[i].name.name, '/'))
			continue;
		memset(name, 0, sizeof(name));
		strcpy(name, f->tables.rules[i].name.name);
		bit = image_filter_bit(image_word(name, (__u32)strlen(name)));
		assert_true(f->tables.filter.bits[bit / 64] >> bit % 64 & 1);
	}
	for (i = 0; i < sizeof(f->tables.filter.bits) / sizeof(f->tables.filter.bits[0]); i++)
		set += (unsigned int)__builtin_popcountll(f->tables.filter.bits[i]);
	/* Of 4,096: so few that a look-up in vain is rare. */
	assert_in_range(set, 30, 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(names_become_rules_with_the_type_s_id, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_basename_may_be_a_rule_and_ask_for_its_directory,
						setup, teardown),
		cmocka_unit_test_setup_teardown(an_id_stays_with_its_name_for_ever, setup,
						teardown),
		cmocka_unit_test_setup_teardown(more_names_than_ids_are_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(every_default_passes_the_filter, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
