// SPDX-License-Identifier: Apache-2.0
/* The schema of agents and interpreters: which process is an agent. */
#include <string.h>

#include "config_draft.h"
#include "config_value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define NAME_ALLOWED	    "a file name or DIRECTORY/FILE, at most 31 bytes"
#define INTERPRETER_ALLOWED "a file name, at most 31 bytes"

static struct config_agent *current_agent(struct config_draft *draft)
{
	return &draft->config.agents[draft->config.agent_count - 1];
}

static int parse_type(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_draft *draft = into;
	struct config_agent *agent = current_agent(draft);
	char type[CONFIG_LABEL_SIZE];
	const char *text, *why;
	int err = config_reader_text(reader, key, CONFIG_LABEL_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_label(text, type, &why))
		return config_reader_fail_value(reader, key, text, why, CONFIG_LABEL_ALLOWED);
	for (uint32_t i = 0; i < draft->config.agent_count - 1; i++)
		if (strcmp(draft->config.agents[i].type, type) == 0)
			return config_fail(&reader->report, config_reader_mark(reader),
					   "duplicate agent '%s' (the first one is on line %u)",
					   type, draft->agent_marks[i].line);
	memcpy(agent->type, type, sizeof(agent->type));
	return config_reader_next(reader);
}

static int parse_name(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_draft *draft = into;
	struct config_agent_name name = {.agent = draft->config.agent_count - 1};
	const char *text, *why;
	int err = config_reader_text(reader, key, NAME_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_name(text, true, name.text, &why))
		return config_reader_fail_value(reader, key, text, why, NAME_ALLOWED);
	err = config_add_name(&reader->report, draft, &name, config_reader_mark(reader));
	return err ? err : config_reader_next(reader);
}

static int parse_names(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_name, into);
}

static int parse_relaunches(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_parse_bool(reader, key, current_agent(into));
}

static const struct config_key agent_keys[] = {
	{.name = "type", .parse = parse_type},
	{.name = "names", .parse = parse_names},
	{.name = "relaunches",
	 .parse = parse_relaunches,
	 .offset = offsetof(struct config_agent, relaunches)},
};

static int parse_agent(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_draft *draft = into;
	struct config_mark mark = config_reader_mark(reader);
	struct config_scope scope = {.noun = "agent"};
	uint32_t names_before = draft->config.name_count;
	int err =
		config_add_agent(&reader->report, draft, &(struct config_agent){.type = ""}, mark);

	(void)key;
	if (err)
		return err;
	scope.name = current_agent(draft)->type;
	scope.number = draft->config.agent_count;
	err = config_reader_mapping(reader, agent_keys, COUNT(agent_keys), &scope, draft);
	if (err)
		return err;
	if (!*scope.name)
		return config_fail(&reader->report, mark, "%s has no type (needed: type, names)",
				   config_scope_text(&scope).text);
	if (draft->config.name_count == names_before)
		return config_fail(&reader->report, mark, "%s has no names (needed: at least one)",
				   config_scope_text(&scope).text);
	return 0;
}

int config_parse_agents(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_agent, into);
}

static int parse_interpreter(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_interpreter interpreter;
	const char *text, *why;
	int err = config_reader_text(reader, key, INTERPRETER_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_name(text, false, interpreter.text, &why))
		return config_reader_fail_value(reader, key, text, why, INTERPRETER_ALLOWED);
	err = config_add_interpreter(&reader->report, into, &interpreter,
				     config_reader_mark(reader));
	return err ? err : config_reader_next(reader);
}

int config_parse_interpreters(struct config_reader *reader, const struct config_key *key,
			      void *into)
{
	struct config_draft *draft = into;

	draft->own_interpreters = true;
	return config_reader_list(reader, key, parse_interpreter, into);
}
