// SPDX-License-Identifier: Apache-2.0
#include "tools.h"

#include <stddef.h>
#include <string.h>

#include "audit.h"
#include "emit.h"
#include "report_main.h"

static int run_audit(int argc, char **argv)
{
	return audit_main(argc - 1, argv + 1);
}

static const struct {
	const char *word;
	int (*run)(int argc, char **argv);
} tools[] = {
	{"emit", emit_main},
	{"audit", run_audit},
	{"cost", cost_main},
	{"analytics", analytics_main},
};

bool tools_run(int argc, char **argv, int *ret_code)
{
	size_t i;

	for (i = 0; i < sizeof(tools) / sizeof(tools[0]); i++)
		if (!strcmp(argv[0], tools[i].word)) {
			*ret_code = tools[i].run(argc, argv);
			return true;
		}
	return false;
}
