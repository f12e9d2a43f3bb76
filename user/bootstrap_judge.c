// SPDX-License-Identifier: Apache-2.0
#include <string.h>

#include "../bpf/image_name.h"
#include "bootstrap.h"

#define DELETED	     " (deleted)"
#define MEMFD_PREFIX "memfd:"

/* A path in a buffer as image_tail() wants it, with eight readable bytes beyond its end. */
struct path {
	__u32 length;
	char text[IMAGE_PATH_SIZE + 8];
};

static void path_set(struct path *path, const char *text, size_t length)
{
	path->length = length < IMAGE_PATH_SIZE ? (__u32)length : IMAGE_PATH_SIZE - 1;
	memcpy(path->text, text, path->length);
	memset(path->text + path->length, 0, sizeof(path->text) - path->length);
}

static const struct agent_rule *find(const struct agent_tables *tables, const char *name)
{
	struct image_name key = {};

	memcpy(key.name, name, strnlen(name, sizeof(key.name) - 1));
	return key.name[0] ? agent_tables_find(tables, &key) : NULL;
}

static const struct agent_rule *rule_of_path(const struct agent_tables *tables,
					     const struct path *path)
{
	__u32 from = 0, tail = image_tail(path->text, path->length, &from), bit;
	const struct agent_rule *rule, *with_directory = NULL;
	const char *name = path->text + path->length - tail;

	if (tail >= IMAGE_NAME_SIZE)
		return NULL;
	if (!strncmp(name, MEMFD_PREFIX, strlen(MEMFD_PREFIX)))
		return find(tables, name + strlen(MEMFD_PREFIX));
	bit = image_filter_bit(image_word(name, tail));
	if (!(tables->filter.bits[bit / 64] >> bit % 64 & 1))
		return NULL;
	rule = find(tables, name);
	if (!rule || !(rule->flags & RULE_DIRECTORY))
		return rule;
	from = tail + 1;
	tail = image_tail(path->text, path->length, &from);
	if (tail < IMAGE_NAME_SIZE)
		with_directory = find(tables, path->text + path->length - tail);
	return with_directory ? with_directory : rule;
}

/* The argument at *arguments; moves on to the next one. False: there is none. */
static bool argument_read(struct path *path, const char **arguments, const char *end)
{
	size_t length;

	if (*arguments >= end)
		return false;
	length = strnlen(*arguments, (size_t)(end - *arguments));
	if (length >= IMAGE_PATH_SIZE - 1)
		return false;
	path_set(path, *arguments, length);
	*arguments += length + 1;
	return true;
}

static const struct agent_rule *rule_of_script(const struct agent_tables *tables, struct path *path,
					       const char *arguments, const char *end)
{
	int i;

	for (i = 0; i < ARGUMENTS_MAX && argument_read(path, &arguments, end); i++) {
		switch (argument_step(path->text, path->length)) {
		case ARGUMENT_SCRIPT:
			return rule_of_path(tables, path);
		case ARGUMENT_NONE:
			return NULL;
		case ARGUMENT_OPTION:
			break;
		}
	}
	return NULL;
}

const struct agent_rule *bootstrap_judge(const struct agent_tables *tables, const char *path,
					 const char *arguments, size_t size)
{
	size_t length = strlen(path), suffix = strlen(DELETED);
	const char *end = arguments + size;
	const struct agent_rule *rule;
	struct path buffer;

	if (length > suffix && !strcmp(path + length - suffix, DELETED))
		length -= suffix;
	path_set(&buffer, path, length);
	rule = rule_of_path(tables, &buffer);
	if (rule && rule->type)
		return rule;
	if (!argument_read(&buffer, &arguments, end))
		return NULL;
	if (!rule)
		rule = rule_of_path(tables, &buffer);
	if (rule && !rule->type && rule->flags & RULE_INTERPRETER)
		rule = rule_of_script(tables, &buffer, arguments, end);
	return rule && rule->type ? rule : NULL;
}
