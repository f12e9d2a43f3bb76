// SPDX-License-Identifier: Apache-2.0
/* What makes a process an agent, as the maps of the kernel half hold it.
 *
 * Ids: the counters of an agent type are keyed by its id, so as long as the maps live an id belongs
 * to one name, also after that name has gone from the configuration; id 0 means "no agent".
 */
#ifndef OPERAGLASS_AGENT_TABLES_H
#define OPERAGLASS_AGENT_TABLES_H

#include <stddef.h>

#include "config.h"
#include "process.h"

/* Every name, its basename where it has a directory, and every interpreter. */
#define AGENT_RULES_MAX (2 * CONFIG_NAMES_MAX + CONFIG_INTERPRETERS_MAX)

struct agent_rule_row {
	struct image_name name;
	struct agent_rule rule;
};

/* Some 30 KiB: keep it off small stacks. */
struct agent_tables {
	size_t rule_count;
	struct agent_rule_row rules[AGENT_RULES_MAX];
	struct agent_type types[MAX_AGENT_TYPES]; /* by id */
	struct image_filter filter;
};

struct agent_table_fds {
	int rules; /* maps of these names: agent_rules, agent_types, agent_filter */
	int types;
	int filter;
};

/*
 * Pure. tables->types holds the names that ids were given to before (all zero at first); the rest
 * of *tables is written. 0, or -ENOSPC when more than MAX_AGENT_TYPES - 1 names ever had an id;
 * *tables is then not to be used.
 */
int agent_tables_plan(const struct config *config, struct agent_tables *tables);

/*
 * Brings the maps up to the configuration: new types get ids, rules are added, changed and taken
 * out, in an order in which a process that execs meanwhile finds the old rule or the new one.
 * Returns 0 or -errno (logged).
 */
int agent_tables_fill(const struct agent_table_fds *fds, const struct config *config);

/* Pure: the rule of a basename or "dir/file", or NULL. */
const struct agent_rule *agent_tables_find(const struct agent_tables *tables,
					   const struct image_name *name);

/* Reads back what is in force. 0 or -errno. */
int agent_tables_read(const struct agent_table_fds *fds, struct agent_tables *ret_tables);

#endif
