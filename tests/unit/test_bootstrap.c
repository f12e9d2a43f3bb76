// SPDX-License-Identifier: Apache-2.0
/* What /proc tells about a process, and whose agent it is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "bootstrap.h"

static struct config config;
static struct agent_tables tables;

/* A literal with its NULs between the arguments; the one at its end is the last argument's. */
#define ARGUMENTS(text) text, sizeof(text)

static const struct row {
	const char *says;
	const char *path, *arguments;
	size_t size;
	const char *type; /* NULL: no agent */
} rows[] = {
	{"by its executable", "/usr/bin/claude", ARGUMENTS("claude"), "claude-code"},
	{"without a command line", "/usr/bin/claude", "", 0, "claude-code"},
	{"deleted", "/usr/bin/claude (deleted)", ARGUMENTS("x"), "claude-code"},
	{"in memory", "/memfd:claude (deleted)", ARGUMENTS("x"), "claude-code"},
	{"by its first argument, behind a link", "/opt/versions/2.0.76",
	 ARGUMENTS("claude\0-p\0hi"), "claude-code"},
	{"by its first argument with a path", "/opt/versions/2.0.76", ARGUMENTS("/root/bin/claude"),
	 "claude-code"},
	{"node with a script", "/usr/bin/node", ARGUMENTS("node\0/usr/bin/claude"), "claude-code"},
	{"node with options", "/usr/bin/node",
	 ARGUMENTS("node\0--max-old-space-size=4096\0--no-warnings\0/usr/bin/claude"),
	 "claude-code"},
	{"too many options to look behind", "/usr/bin/node", ARGUMENTS("node\0-a\0-b\0-d\0claude"),
	 NULL},
	{"by the directory of its script", "/usr/bin/node",
	 ARGUMENTS("node\0/usr/lib/node_modules/@anthropic-ai/claude-code/cli.js"), "claude-code"},
	{"a script of the same name elsewhere", "/usr/bin/node",
	 ARGUMENTS("node\0/srv/other/cli.js"), NULL},
	{"a name with a directory alone", "/usr/bin/node", ARGUMENTS("node\0cli.js"), NULL},
	{"python -m", "/usr/bin/python3.11", ARGUMENTS("python3\0-m\0aider"), "aider"},
	{"code on the command line", "/usr/bin/dash", ARGUMENTS("sh\0-c\0claude"), NULL},
	{"a cluster with code", "/usr/bin/bash", ARGUMENTS("bash\0-lc\0claude"), NULL},
	{"node --eval", "/usr/bin/node", ARGUMENTS("node\0--eval\0claude"), NULL},
	{"node --print", "/usr/bin/node", ARGUMENTS("node\0--print\0claude"), NULL},
	{"a script from standard input", "/usr/bin/bash", ARGUMENTS("bash\0-\0claude"), NULL},
	{"an interpreter by its first argument only", "/opt/runtime/v8",
	 ARGUMENTS("node\0/usr/bin/codex"), "codex"},
	{"an argument of somebody else", "/usr/bin/vim", ARGUMENTS("vim\0claude"), NULL},
	{"a longer name", "/usr/bin/claude-helper-of-a-long-name-indeed", ARGUMENTS("x"), NULL},
	{"no arguments at all", "/usr/bin/node", "", 0, NULL},
	{"an interpreter alone", "/usr/bin/node", ARGUMENTS("node"), NULL},
	{"arguments without an end", "/usr/bin/node", "node\0claude", 11, "claude-code"},
	{"empty arguments", "/usr/bin/node", ARGUMENTS("\0\0\0"), NULL},
	{"an empty path", "", ARGUMENTS("claude"), "claude-code"},
	{"a path that is a slash", "/", ARGUMENTS("x"), NULL},
	{"bytes that are no text", "/usr/bin/\xff\xfe", ARGUMENTS("\xff\0\x80"), NULL},
};

static void each_process_is_judged(void **state)
{
	const struct agent_rule *rule;
	const char *type;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		rule = bootstrap_judge(&tables, rows[i].path, rows[i].arguments, rows[i].size);
		type = rule ? tables.types[rule->type].name : NULL;
		if (!type != !rows[i].type || (type && strcmp(type, rows[i].type)))
			fail_msg("%s: %s instead of %s", rows[i].says, type ? type : "nobody",
				 rows[i].type ? rows[i].type : "nobody");
	}
}

static void a_path_longer_than_any_is_cut_not_followed(void **state)
{
	static char path[3 * 4096], arguments[2 * 4096];

	(void)state;
	memset(path, 'a', sizeof(path) - 1);
	memset(arguments, 'b', sizeof(arguments));
	assert_null(bootstrap_judge(&tables, path, arguments, sizeof(arguments)));
}

static int plan(void **state)
{
	(void)state;
	config_defaults(&config);
	return agent_tables_plan(&config, &tables);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_process_is_judged),
		cmocka_unit_test(a_path_longer_than_any_is_cut_not_followed),
	};

	return cmocka_run_group_tests(tests, plan, NULL);
}
