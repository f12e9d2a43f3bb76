// SPDX-License-Identifier: Apache-2.0
#include "tools_seen.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

/* "BOOT MAP\n", then "RUNS FAILURES TYPE\n" for each type: the name last, it may hold anything else. */
#define LINE_SIZE (2 * 21 + TYPE_NAME_SIZE + 1)
static const char value_name[] = "tools_seen";

static struct tool_sums *find(struct tools_table *table, const char *agent_type)
{
	unsigned i;

	for (i = 0; i < table->count; i++)
		if (!strcmp(table->rows[i].agent_type, agent_type))
			return &table->rows[i].sums;
	if (table->count == MAX_AGENT_TYPES || strlen(agent_type) >= TYPE_NAME_SIZE)
		return NULL;
	strcpy(table->rows[i].agent_type, agent_type);
	table->rows[i].sums = (struct tool_sums){0, 0};
	table->count++;
	return &table->rows[i].sums;
}

static uint64_t advance(uint64_t *seen, uint64_t sum)
{
	uint64_t before = *seen;

	if (sum <= before)
		return 0;
	*seen = sum;
	return sum - before;
}

struct tool_sums tools_seen_advance(struct tools_seen *seen, const struct tools_source *source,
				    const char *agent_type, const struct tool_sums *sums)
{
	struct tools_table *table = &seen->tentative;
	struct tool_sums *row, new = {0, 0};

	if (table->source.boot_epoch != source->boot_epoch || table->source.map != source->map) {
		table->source = *source;
		table->count = 0;
	}
	row = find(table, agent_type);
	if (!row)
		return new;
	new.runs = advance(&row->runs, sums->runs);
	new.failures = advance(&row->failures, sums->failures);
	seen->changed = true;
	return new;
}

int tools_seen_save(const struct tools_seen *seen, const struct account_store *store)
{
	const struct tools_table *table = &seen->tentative;
	char value[(MAX_AGENT_TYPES + 1) * LINE_SIZE];
	size_t used;
	unsigned i;

	if (!seen->changed)
		return 0;
	used = (size_t)snprintf(value, sizeof(value), "%" PRIu64 " %" PRIu32 "\n",
				table->source.boot_epoch, table->source.map);
	for (i = 0; i < table->count; i++)
		used += (size_t)snprintf(value + used, sizeof(value) - used,
					 "%" PRIu64 " %" PRIu64 " %s\n", table->rows[i].sums.runs,
					 table->rows[i].sums.failures, table->rows[i].agent_type);
	return store->put_value(store->context, value_name, value);
}

void tools_seen_commit(struct tools_seen *seen)
{
	seen->committed = seen->tentative;
	seen->changed = false;
}

void tools_seen_rollback(struct tools_seen *seen)
{
	seen->tentative = seen->committed;
	seen->changed = false;
}

/* One line with its end; its length, or 0. */
static size_t load_row(struct tools_table *table, const char *line)
{
	const char *end = strchr(line, '\n');
	char agent_type[TYPE_NAME_SIZE];
	struct tool_sums sums, *row;
	int name = 0;
	size_t size;

	if (!end ||
	    sscanf(line, "%" SCNu64 " %" SCNu64 " %n", &sums.runs, &sums.failures, &name) != 2 ||
	    !name || line + name >= end)
		return 0;
	size = (size_t)(end - line) - (size_t)name;
	if (size >= sizeof(agent_type))
		return 0;
	memcpy(agent_type, line + name, size);
	agent_type[size] = '\0';
	row = find(table, agent_type);
	if (!row)
		return 0;
	*row = sums;
	return (size_t)(end - line) + 1;
}

int tools_seen_load(struct tools_seen *seen, const char *name, const char *value)
{
	struct tools_table table = {.count = 0};
	const char *at = strchr(value, '\n');
	size_t size;

	if (strcmp(name, value_name) != 0)
		return -ENOENT;
	if (!at ||
	    sscanf(value, "%" SCNu64 " %" SCNu32, &table.source.boot_epoch, &table.source.map) != 2)
		return -EINVAL;
	for (at++; *at; at += size) {
		size = load_row(&table, at);
		if (!size)
			return -EINVAL;
	}
	seen->tentative = seen->committed = table;
	return 0;
}
