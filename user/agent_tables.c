// SPDX-License-Identifier: Apache-2.0
#include "agent_tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "../bpf/image_name.h"
#include "log.h"

_Static_assert(CONFIG_NAME_SIZE == IMAGE_NAME_SIZE, "a configured name is a key as it is");
_Static_assert(CONFIG_LABEL_SIZE == TYPE_NAME_SIZE, "a configured type is a value as it is");
_Static_assert(CONFIG_AGENTS_MAX < MAX_AGENT_TYPES, "id 0 means none");

static int type_id(struct agent_tables *tables, const char *name, __u16 *ret_id)
{
	__u16 id, unused = 0;

	for (id = 1; id < MAX_AGENT_TYPES; id++) {
		if (!strncmp(tables->types[id].name, name, TYPE_NAME_SIZE)) {
			*ret_id = id;
			return 0;
		}
		if (!unused && !tables->types[id].name[0])
			unused = id;
	}
	if (!unused)
		return -ENOSPC;
	strncpy(tables->types[unused].name, name, TYPE_NAME_SIZE - 1);
	*ret_id = unused;
	return 0;
}

static struct agent_rule *find(struct agent_tables *tables, const struct image_name *name)
{
	size_t i;

	for (i = 0; i < tables->rule_count; i++)
		if (!memcmp(&tables->rules[i].name, name, sizeof(*name)))
			return &tables->rules[i].rule;
	return NULL;
}

/* The first meaning of a name stays, flags add up. */
static void add_rule(struct agent_tables *tables, const char *text, __u16 type, __u16 flags)
{
	struct image_name name = {};
	struct agent_rule *rule;

	strncpy(name.name, text, sizeof(name.name) - 1);
	rule = find(tables, &name);
	if (!rule) {
		tables->rules[tables->rule_count].name = name;
		rule = &tables->rules[tables->rule_count++].rule;
	}
	if (!rule->type)
		rule->type = type;
	rule->flags |= flags;
}

static void add_filter_bits(struct agent_tables *tables)
{
	const struct image_name *name;
	__u32 bit;
	size_t i;

	for (i = 0; i < tables->rule_count; i++) {
		name = &tables->rules[i].name;
		if (strchr(name->name, '/'))
			continue;
		bit = image_filter_bit(image_word(name->name, (__u32)strlen(name->name)));
		tables->filter.bits[bit / 64] |= 1ULL << bit % 64;
	}
}

int agent_tables_plan(const struct config *config, struct agent_tables *tables)
{
	__u16 ids[CONFIG_AGENTS_MAX], flags;
	const struct config_agent_name *name;
	const char *slash;
	uint32_t i;
	int code;

	tables->rule_count = 0;
	memset(tables->rules, 0, sizeof(tables->rules));
	memset(&tables->filter, 0, sizeof(tables->filter));
	for (i = 0; i < config->agent_count; i++) {
		code = type_id(tables, config->agents[i].type, &ids[i]);
		if (code)
			return code;
	}
	for (i = 0; i < config->name_count; i++) {
		name = &config->names[i];
		flags = config->agents[name->agent].relaunches ? RULE_RELAUNCHES : 0;
		add_rule(tables, name->text, ids[name->agent], flags);
		slash = strrchr(name->text, '/');
		if (slash)
			add_rule(tables, slash + 1, 0, RULE_DIRECTORY);
	}
	for (i = 0; i < config->interpreter_count; i++)
		add_rule(tables, config->interpreters[i].text, 0, RULE_INTERPRETER);
	add_filter_bits(tables);
	return 0;
}

const struct agent_rule *agent_tables_find(const struct agent_tables *tables,
					   const struct image_name *name)
{
	return find((struct agent_tables *)tables, name);
}

static int read_types(int fd, struct agent_tables *ret_tables)
{
	__u32 id;

	for (id = 0; id < MAX_AGENT_TYPES; id++) {
		if (bpf_map_lookup_elem(fd, &id, &ret_tables->types[id]))
			return -errno;
		ret_tables->types[id].name[TYPE_NAME_SIZE - 1] = '\0';
	}
	return 0;
}

static int read_rules(int fd, struct agent_tables *ret_tables)
{
	struct agent_rule_row *row = ret_tables->rules;
	struct image_name *key = NULL;

	while (!bpf_map_get_next_key(fd, key, &row->name)) {
		key = &row->name;
		if (bpf_map_lookup_elem(fd, key, &row->rule))
			continue;
		if (++row == ret_tables->rules + AGENT_RULES_MAX)
			break;
	}
	ret_tables->rule_count = (size_t)(row - ret_tables->rules);
	return 0;
}

int agent_tables_read(const struct agent_table_fds *fds, struct agent_tables *ret_tables)
{
	__u32 zero = 0;
	int code;

	memset(ret_tables, 0, sizeof(*ret_tables));
	code = read_types(fds->types, ret_tables);
	if (!code && bpf_map_lookup_elem(fds->filter, &zero, &ret_tables->filter))
		code = -errno;
	return code ? code : read_rules(fds->rules, ret_tables);
}

static int write_types(int fd, const struct agent_tables *tables)
{
	__u32 id;

	for (id = 1; id < MAX_AGENT_TYPES; id++)
		if (bpf_map_update_elem(fd, &id, &tables->types[id], BPF_ANY))
			return -errno;
	return 0;
}

static int write_filter(int fd, const struct image_filter *filter)
{
	__u32 zero = 0;

	return bpf_map_update_elem(fd, &zero, filter, BPF_ANY) ? -errno : 0;
}

static int write_rules(int fd, const struct agent_tables *tables, const struct agent_tables *old)
{
	size_t i;

	for (i = 0; i < tables->rule_count; i++)
		if (bpf_map_update_elem(fd, &tables->rules[i].name, &tables->rules[i].rule,
					BPF_ANY))
			return -errno;
	for (i = 0; i < old->rule_count; i++)
		if (!agent_tables_find(tables, &old->rules[i].name))
			bpf_map_delete_elem(fd, &old->rules[i].name);
	return 0;
}

/* The filter lets both old and new names pass while the rules change. */
static int replace(const struct agent_table_fds *fds, const struct agent_tables *tables,
		   const struct agent_tables *old)
{
	struct image_filter both = old->filter;
	size_t i;
	int code;

	for (i = 0; i < sizeof(both.bits) / sizeof(both.bits[0]); i++)
		both.bits[i] |= tables->filter.bits[i];
	code = write_types(fds->types, tables);
	if (!code)
		code = write_filter(fds->filter, &both);
	if (!code)
		code = write_rules(fds->rules, tables, old);
	return code ? code : write_filter(fds->filter, &tables->filter);
}

int agent_tables_fill(const struct agent_table_fds *fds, const struct config *config)
{
	struct agent_tables *old = calloc(2, sizeof(*old)), *tables;
	int code;

	if (!old)
		return log_error(-ENOMEM, "cannot write the agent rules: no memory");
	tables = &old[1];
	code = agent_tables_read(fds, old);
	if (!code) {
		memcpy(tables->types, old->types, sizeof(tables->types));
		code = agent_tables_plan(config, tables);
		if (code)
			log_error(code,
				  "cannot follow another agent type: %d names were used since the "
				  "counters began; 'operaglass unload' and a start begin anew",
				  MAX_AGENT_TYPES - 1);
		else
			code = replace(fds, tables, old);
	}
	free(old);
	return code && code != -ENOSPC
		       ? log_error(code, "cannot write the agent rules: %s", strerror(-code))
		       : code;
}
