// SPDX-License-Identifier: Apache-2.0
#include "agents_reader.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "agent_labels.h"
#include "agents_state.h"
#include "bounds.h"
#include "map_rows.h"
#include "settings.h"

#define COUNT(array)	(sizeof(array) / sizeof((array)[0]))
#define MEMBERS_MIN	256
#define CODE_LABEL_SIZE 16

enum reader_map {
	MAP_TYPES,
	MAP_TOTALS,
	MAP_EXITS,
	MAP_EXECUTIONS,
	MAP_TOOLS,
	MAP_OTHER_TOOLS,
	MAP_BOUNDS,
	MAP_SETTINGS,
	MAPS
};

static const char *const map_names[MAPS] = {
	[MAP_TYPES] = "agent_types",
	[MAP_TOTALS] = "agent_totals",
	[MAP_EXITS] = "agent_exits",
	[MAP_EXECUTIONS] = "agent_executions",
	[MAP_TOOLS] = "tools",
	[MAP_OTHER_TOOLS] = "other_tools",
	[MAP_BOUNDS] = "histogram_bounds",
	[MAP_SETTINGS] = "settings",
};

struct agents_reader {
	int maps[MAPS];
	int iterator;
	struct agents_state state;
	struct agents_waiting waiting; /* of the next read */
	struct member *members;
	size_t member_count, member_capacity;
	struct bounds execution, memory;
	struct agent_type types[MAX_AGENT_TYPES];
	struct agent_totals totals[MAX_AGENT_TYPES];
	struct tool other_tools[MAX_AGENT_TYPES];
	struct model *model; /* of the read that runs */
};

static const char *const states[AGENT_STATES] = {
	[AGENT_RUNNING] = "running", [AGENT_WAITING] = "waiting",   [AGENT_IDLE] = "idle",
	[AGENT_ZOMBIE] = "zombie",   [AGENT_ORPHANED] = "orphaned",
};

/* The counters of struct usage, one series each. */
static const struct usage_row {
	enum family family;
	const char *label;
	size_t offset;
} usage_rows[] = {
	{FAMILY_AGENT_CPU, "user", offsetof(struct usage, user_ns)},
	{FAMILY_AGENT_CPU, "system", offsetof(struct usage, system_ns)},
	{FAMILY_AGENT_IO, "read", offsetof(struct usage, read_bytes)},
	{FAMILY_AGENT_IO, "written", offsetof(struct usage, written_bytes)},
	{FAMILY_AGENT_IO, "disk_read", offsetof(struct usage, disk_read_bytes)},
	{FAMILY_AGENT_IO, "disk_written", offsetof(struct usage, disk_written_bytes)},
	{FAMILY_AGENT_CONTEXT_SWITCHES, "voluntary", offsetof(struct usage, voluntary_switches)},
	{FAMILY_AGENT_CONTEXT_SWITCHES, "involuntary",
	 offsetof(struct usage, involuntary_switches)},
	{FAMILY_AGENT_PAGE_FAULTS, "minor", offsetof(struct usage, minor_faults)},
	{FAMILY_AGENT_PAGE_FAULTS, "major", offsetof(struct usage, major_faults)},
};

static uint64_t boot_time_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* A name that the kernel half cut to the size of its field need not end in NUL. */
#define TEXT(field) ((char[sizeof(field) + 1]){0}), (field), sizeof(field)
static const char *text_of(char *out, const char *field, size_t size)
{
	memcpy(out, field, size);
	out[size] = '\0';
	return out;
}

static const char *type_name(const struct agents_reader *reader, unsigned int id)
{
	return id > 0 && id < MAX_AGENT_TYPES && reader->types[id].name[0] ? reader->types[id].name
									   : NULL;
}

int agents_reader_open(const struct handover *handover, struct agents_reader **ret_reader)
{
	struct agents_reader *reader = calloc(1, sizeof(*reader));
	int i;

	if (!reader)
		return -ENOMEM;
	reader->iterator = handover_fd(handover, HANDOVER_ITERATOR, "members");
	for (i = 0; i < MAPS; i++) {
		reader->maps[i] = handover_fd(handover, HANDOVER_MAP, map_names[i]);
		if (reader->maps[i] < 0) {
			free(reader);
			return -ENOENT;
		}
	}
	bounds_read(reader->maps[MAP_BOUNDS], HISTOGRAM_EXECUTION, &reader->execution);
	bounds_read(reader->maps[MAP_BOUNDS], HISTOGRAM_MEMORY, &reader->memory);
	*ret_reader = reader;
	return 0;
}

void agents_reader_close(struct agents_reader *reader)
{
	if (!reader)
		return;
	agents_state_release(&reader->state);
	free(reader->members);
	free(reader);
}

static int reserve_members(struct agents_reader *reader)
{
	size_t capacity = reader->member_capacity ? 2 * reader->member_capacity : MEMBERS_MIN;
	struct member *members;

	if (reader->member_count < reader->member_capacity)
		return 0;
	members = reallocarray(reader->members, capacity, sizeof(*members));
	if (!members)
		return -ENOMEM;
	reader->members = members;
	reader->member_capacity = capacity;
	return 0;
}

/* The kernel hands out records in pieces of any size. */
static int read_members(struct agents_reader *reader)
{
	size_t used = 0;
	ssize_t size = -1;
	int fd, code = 0;

	reader->member_count = 0;
	fd = bpf_iter_create(reader->iterator);
	if (fd < 0)
		return -errno;
	while (size != 0 && !code) {
		reader->member_count = used / sizeof(struct member);
		code = reserve_members(reader);
		if (code)
			break;
		size = read(fd, (char *)reader->members + used,
			    reader->member_capacity * sizeof(struct member) - used);
		if (size > 0)
			used += (size_t)size;
		else if (size < 0 && errno != EAGAIN && errno != EINTR)
			code = -errno;
	}
	reader->member_count = used / sizeof(struct member);
	close(fd);
	return code;
}

/* Returns how many there are, with id 0, which is nobody's. */
static uint32_t read_types(struct agents_reader *reader)
{
	uint32_t id, count;

	if (map_array(reader->maps[MAP_TYPES], sizeof(struct agent_type), MAX_AGENT_TYPES,
		      reader->types))
		memset(reader->types, 0, sizeof(reader->types));
	/* Ids are given in order. */
	for (count = 1; count < MAX_AGENT_TYPES && reader->types[count].name[0]; count++)
		reader->types[count].name[sizeof(reader->types[count].name) - 1] = '\0';
	for (id = count; id < MAX_AGENT_TYPES; id++)
		reader->types[id].name[0] = '\0';
	return count;
}

static void add_totals(struct agents_reader *reader, uint32_t id, const char *type)
{
	const struct agent_totals *totals = &reader->totals[id];
	struct distribution peaks;
	const char *counter;
	size_t i;

	model_add(reader->model, FAMILY_AGENT_STARTS, totals->starts, type);
	/* Known in advance, like the others; what approvals say is added to it. */
	model_add(reader->model, FAMILY_AGENT_BLOCKED, 0, type);
	for (i = 0; i < COUNT(usage_rows); i++) {
		counter = (const char *)&totals->usage + usage_rows[i].offset;
		model_add(reader->model, usage_rows[i].family, *(const __u64 *)counter, type,
			  usage_rows[i].label);
	}
	peaks = bounds_distribution(&reader->memory, &totals->peak_memory);
	model_add_distribution(reader->model, FAMILY_AGENT_PEAK_MEMORY, &peaks, type);
}

static void add_living(struct agents_reader *reader, uint32_t id, const char *type)
{
	const struct agents_of_type *living = &reader->state.types[id];
	int state;

	for (state = 0; state < AGENT_STATES; state++)
		model_add(reader->model, FAMILY_AGENTS, living->agents[state], type, states[state]);
	model_add(reader->model, FAMILY_AGENT_RESIDENT, living->resident_bytes, type);
	model_add(reader->model, FAMILY_AGENT_THREADS, living->threads, type);
	model_add(reader->model, FAMILY_AGENT_OPEN_FDS, living->open_fds, type);
	model_add(reader->model, FAMILY_AGENT_PROCESSES, living->processes, type);
}

/* An exit code, or the name of the signal. */
static const char *code_label(const struct agent_exit_key *key, char *out)
{
	const char *name = NULL;

	if (key->reason == END_SUCCESS || key->reason == END_ERROR) {
		snprintf(out, CODE_LABEL_SIZE, "%u", key->code);
		return out;
	}
	name = sigabbrev_np(key->code);
	if (name)
		snprintf(out, CODE_LABEL_SIZE, "SIG%s", name);
	else
		snprintf(out, CODE_LABEL_SIZE, "SIG%u", key->code);
	return out;
}

static void add_exit(const void *key_bytes, const void *value, void *context)
{
	const struct agent_exit_key *key = key_bytes;
	const struct agents_reader *reader = context;
	const char *type = type_name(reader, key->type);
	char code[CODE_LABEL_SIZE];

	if (type && key->reason < END_REASONS)
		model_add(reader->model, FAMILY_AGENT_EXITS, *(const uint64_t *)value, type,
			  end_reason_label(key->reason), code_label(key, code));
}

static void add_execution(const void *key_bytes, const void *value, void *context)
{
	const struct agent_execution_key *key = key_bytes;
	const struct agents_reader *reader = context;
	const char *type = type_name(reader, key->type);
	struct distribution distribution = bounds_distribution(&reader->execution, value);

	if (type && key->reason < END_REASONS)
		model_add_distribution(reader->model, FAMILY_AGENT_EXECUTION, &distribution, type,
				       end_reason_label(key->reason));
}

static void add_tool_row(const struct agents_reader *reader, unsigned int id, const char *name,
			 const struct tool *tool)
{
	struct distribution distribution =
		bounds_distribution(&reader->execution, &tool->execution);
	const char *type = type_name(reader, id);
	unsigned int reason;

	if (!type)
		return;
	for (reason = 0; reason < END_REASONS; reason++)
		if (tool->ends[reason])
			model_add(reader->model, FAMILY_TOOL_EXECUTIONS, tool->ends[reason], type,
				  name, end_reason_label(reason));
	model_add_distribution(reader->model, FAMILY_TOOL_EXECUTION, &distribution, type, name);
	model_add(reader->model, FAMILY_TOOL_CPU, tool->cpu_ns, type, name);
}

static void add_tool(const void *key_bytes, const void *value, void *context)
{
	const struct tool_key *key = key_bytes;

	add_tool_row(context, key->type, text_of(TEXT(key->name)), value);
}

/* What found no room in the table; nothing of that is worth a series. */
static void add_other_tool(struct agents_reader *reader, uint32_t id)
{
	static const struct tool none;

	if (memcmp(&reader->other_tools[id], &none, sizeof(none)))
		add_tool_row(reader, id, "other", &reader->other_tools[id]);
}

static int first(int code, int next)
{
	return code ? code : next;
}

void agents_set_waiting(struct agents_reader *reader, const struct waiting_root *roots,
			unsigned count)
{
	reader->waiting = (struct agents_waiting){roots, count};
}

/* What is known of every type. */
static int add_types(struct agents_reader *reader, uint32_t count)
{
	int code = map_array(reader->maps[MAP_TOTALS], sizeof(struct agent_totals), count,
			     reader->totals);
	uint32_t id;

	code = first(code, map_array(reader->maps[MAP_OTHER_TOOLS], sizeof(struct tool), count,
				     reader->other_tools));
	for (id = 1; id < count && !code; id++) {
		add_totals(reader, id, reader->types[id].name);
		add_living(reader, id, reader->types[id].name);
		add_other_tool(reader, id);
	}
	return code;
}

int agents_read(struct agents_reader *reader, struct model *model)
{
	struct settings settings = {};
	uint32_t count, zero = 0;
	int code;

	reader->model = model;
	code = reader->iterator < 0 ? -ENOENT : read_members(reader);
	count = read_types(reader);
	bpf_map_lookup_elem(reader->maps[MAP_SETTINGS], &zero, &settings);
	code = first(code,
		     agents_state_update(&reader->state, reader->members, reader->member_count,
					 &reader->waiting, boot_time_ns(), settings.idle_after_ns));
	reader->waiting = (struct agents_waiting){NULL, 0};
	code = first(code, add_types(reader, count));
	code = first(code, map_rows(reader->maps[MAP_EXITS], sizeof(struct agent_exit_key),
				    sizeof(uint64_t), add_exit, reader));
	code = first(code,
		     map_rows(reader->maps[MAP_EXECUTIONS], sizeof(struct agent_execution_key),
			      sizeof(struct histogram), add_execution, reader));
	return first(code, map_rows(reader->maps[MAP_TOOLS], sizeof(struct tool_key),
				    sizeof(struct tool), add_tool, reader));
}
