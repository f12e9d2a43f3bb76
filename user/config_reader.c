// SPDX-License-Identifier: Apache-2.0
#include "config_reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config_value.h"

static struct config_mark mark_of(yaml_mark_t mark)
{
	return (struct config_mark){(unsigned int)mark.line + 1, (unsigned int)mark.column + 1};
}

struct config_mark config_reader_mark(const struct config_reader *reader)
{
	return mark_of(reader->event.start_mark);
}

/* Line and column of a byte; columns count characters, so UTF-8's later bytes do not count. */
static struct config_mark mark_of_offset(const struct config_reader *reader, size_t offset)
{
	struct config_mark mark = {1, 1};

	for (size_t i = 0; i < offset && i < reader->size; i++) {
		if (reader->text[i] == '\n') {
			mark.line++;
			mark.column = 1;
		} else if (((unsigned char)reader->text[i] & 0xc0) != 0x80) {
			mark.column++;
		}
	}
	return mark;
}

static int fail_yaml(struct config_reader *reader)
{
	const yaml_parser_t *parser = &reader->parser;

	if (parser->error == YAML_MEMORY_ERROR) {
		config_fail(&reader->report, (struct config_mark){0, 0}, "out of memory");
		return -ENOMEM;
	}
	if (parser->error == YAML_READER_ERROR)
		return config_fail(&reader->report, mark_of_offset(reader, parser->problem_offset),
				   "%s (allowed: printable UTF-8)", parser->problem);
	if (parser->context && strstr(parser->context, "alias"))
		return config_fail(&reader->report, mark_of(parser->context_mark),
				   "aliases are not allowed (a text that begins with '*' needs "
				   "quotes: \"*.example.com\")");
	return config_fail(&reader->report, mark_of(parser->problem_mark), "not valid YAML: %s%s%s",
			   parser->context ? parser->context : "", parser->context ? ": " : "",
			   parser->problem);
}

/* libyaml would only say that some character "cannot start any token". */
static int refuse_tabs(struct config_reader *reader)
{
	bool indentation = true;

	for (size_t i = 0; i < reader->size; i++) {
		char c = reader->text[i];

		if (c == '\n')
			indentation = true;
		else if (c == '\t' && indentation)
			return config_fail(&reader->report, mark_of_offset(reader, i),
					   "a tab in the indentation (allowed: spaces)");
		else if (c != ' ')
			indentation = false;
	}
	return 0;
}

/* What an anchor, an alias or a tag would bring is not needed here and is how bombs are made. */
static int refuse_references(struct config_reader *reader)
{
	const yaml_event_t *event = &reader->event;
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (event->type) {
	case YAML_ALIAS_EVENT:
		return config_fail(&reader->report, config_reader_mark(reader),
				   "aliases are not allowed (a text that begins with '*' needs "
				   "quotes)");
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	default:
		break;
	}
	if (anchor)
		return config_fail(&reader->report, config_reader_mark(reader),
				   "anchors are not allowed (a text that begins with '&' needs "
				   "quotes)");
	if (tag)
		return config_fail(&reader->report, config_reader_mark(reader),
				   "tags are not allowed (a text that begins with '!' needs "
				   "quotes)");
	return 0;
}

int config_reader_next(struct config_reader *reader)
{
	yaml_event_delete(&reader->event);
	if (!yaml_parser_parse(&reader->parser, &reader->event)) {
		memset(&reader->event, 0, sizeof(reader->event));
		return fail_yaml(reader);
	}
	return refuse_references(reader);
}

int config_reader_open(struct config_reader *reader)
{
	int err;

	memset(&reader->event, 0, sizeof(reader->event));
	if (!yaml_parser_initialize(&reader->parser))
		return fail_yaml(reader);
	yaml_parser_set_encoding(&reader->parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&reader->parser, (const unsigned char *)reader->text,
				     reader->size);
	err = refuse_tabs(reader);
	if (!err)
		err = config_reader_next(reader); /* stream start */
	if (!err)
		err = config_reader_next(reader); /* document start */
	if (!err && reader->event.type == YAML_DOCUMENT_START_EVENT)
		err = config_reader_next(reader);
	return err;
}

int config_reader_end(struct config_reader *reader)
{
	int err = 0;

	if (reader->event.type == YAML_DOCUMENT_END_EVENT)
		err = config_reader_next(reader);
	if (!err && reader->event.type != YAML_STREAM_END_EVENT)
		return config_fail(&reader->report, config_reader_mark(reader),
				   "a second document (allowed: one in a file)");
	return err;
}

void config_reader_close(struct config_reader *reader)
{
	yaml_event_delete(&reader->event);
	yaml_parser_delete(&reader->parser);
}

static const char *found(const yaml_event_t *event)
{
	switch (event->type) {
	case YAML_SEQUENCE_START_EVENT:
		return "a list";
	case YAML_MAPPING_START_EVENT:
		return "a mapping";
	case YAML_SCALAR_EVENT:
		if (event->data.scalar.length == 0 &&
		    event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
			return "nothing";
		return "a single value";
	default:
		return "nothing";
	}
}

static int fail_type(struct config_reader *reader, const char *what, const char *expected)
{
	return config_fail(&reader->report, config_reader_mark(reader),
			   "wrong type for %s: %s (allowed: %s)", what, found(&reader->event),
			   expected);
}

static int fail_unknown_key(struct config_reader *reader, const struct config_key *keys,
			    size_t key_count, const struct config_scope *scope)
{
	char allowed[512];
	size_t used = 0;

	allowed[0] = '\0';
	for (size_t i = 0; i < key_count && used < sizeof(allowed); i++)
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
					 i ? ", " : "", keys[i].name);
	return config_fail(&reader->report, config_reader_mark(reader),
			   "unknown key '%s' in %s (allowed: %s)",
			   config_quote((const char *)reader->event.data.scalar.value).text,
			   config_scope_text(scope).text, allowed);
}

/* The row of the key that stands here, or key_count. */
static size_t find_key(const yaml_event_t *event, const struct config_key *keys, size_t key_count)
{
	for (size_t i = 0; i < key_count; i++)
		if (event->data.scalar.length == strlen(keys[i].name) &&
		    memcmp(event->data.scalar.value, keys[i].name, event->data.scalar.length) == 0)
			return i;
	return key_count;
}

int config_reader_mapping(struct config_reader *reader, const struct config_key *keys,
			  size_t key_count, const struct config_scope *scope, void *into)
{
	unsigned int first_line[24] = {0}; /* more than any mapping has keys */
	struct config_mark mark;
	size_t index;
	int err;

	if (reader->event.type != YAML_MAPPING_START_EVENT)
		return fail_type(reader, config_scope_text(scope).text, "a mapping");
	err = config_reader_next(reader);
	while (!err && reader->event.type != YAML_MAPPING_END_EVENT) {
		if (reader->event.type != YAML_SCALAR_EVENT)
			return fail_type(reader, "a key", "a text");
		index = find_key(&reader->event, keys, key_count);
		if (index == key_count)
			return fail_unknown_key(reader, keys, key_count, scope);
		mark = config_reader_mark(reader);
		if (first_line[index])
			return config_fail(&reader->report, mark,
					   "duplicate key '%s' in %s (the first one is on line %u)",
					   keys[index].name, config_scope_text(scope).text,
					   first_line[index]);
		first_line[index] = mark.line;
		err = config_reader_next(reader);
		if (!err)
			err = keys[index].parse(reader, &keys[index], into);
	}
	return err ? err : config_reader_next(reader);
}

int config_reader_list(struct config_reader *reader, const struct config_key *key,
		       config_parse_fn *item, void *into)
{
	int err;

	if (reader->event.type != YAML_SEQUENCE_START_EVENT)
		return fail_type(reader, key->name, "a list");
	err = config_reader_next(reader);
	while (!err && reader->event.type != YAML_SEQUENCE_END_EVENT)
		err = item(reader, key, into);
	return err ? err : config_reader_next(reader);
}

int config_reader_text(struct config_reader *reader, const struct config_key *key,
		       const char *expected, const char **ret_text)
{
	const yaml_event_t *event = &reader->event;
	const char *text;

	if (event->type != YAML_SCALAR_EVENT || strcmp(found(event), "nothing") == 0)
		return fail_type(reader, key->name, expected);
	text = (const char *)event->data.scalar.value;
	if (strlen(text) != event->data.scalar.length)
		return config_fail(&reader->report, config_reader_mark(reader),
				   "a NUL character in %s (allowed: %s)", key->name, expected);
	*ret_text = text;
	return 0;
}

int config_reader_plain(struct config_reader *reader, const struct config_key *key,
			const char *expected, const char **ret_text)
{
	const char *text;
	int err = config_reader_text(reader, key, expected, &text);

	if (err)
		return err;
	if (reader->event.data.scalar.style != YAML_PLAIN_SCALAR_STYLE)
		return config_fail(&reader->report, config_reader_mark(reader),
				   "wrong type for %s: the text \"%s\" (allowed: %s, without "
				   "quotes)",
				   key->name, config_quote(text).text, expected);
	*ret_text = text;
	return 0;
}

int config_reader_fail_value(struct config_reader *reader, const struct config_key *key,
			     const char *text, const char *why, const char *allowed)
{
	return config_fail(&reader->report, config_reader_mark(reader),
			   "bad value '%s' for %s: %s (allowed: %s)", config_quote(text).text,
			   key->name, why, allowed);
}

int config_parse_bool(struct config_reader *reader, const struct config_key *key, void *into)
{
	bool *member = (bool *)((char *)into + key->offset);
	const char *text;
	int err = config_reader_plain(reader, key, "true or false", &text);

	if (err)
		return err;
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return config_reader_fail_value(reader, key, text, "not a truth value",
						"true or false");
	*member = text[0] == 't';
	return config_reader_next(reader);
}

int config_parse_uint32(struct config_reader *reader, const struct config_key *key, void *into)
{
	uint32_t *member = (uint32_t *)((char *)into + key->offset);
	const char *text, *why;
	char allowed[64];
	uint64_t value;
	int err;

	snprintf(allowed, sizeof(allowed), "a whole number, %llu to %llu",
		 (unsigned long long)key->min, (unsigned long long)key->max);
	err = config_reader_plain(reader, key, allowed, &text);
	if (err)
		return err;
	if (config_value_whole(text, &value, &why))
		return config_reader_fail_value(reader, key, text, why, allowed);
	if (value < key->min || value > key->max)
		return config_reader_fail_value(reader, key, text, "out of range", allowed);
	*member = (uint32_t)value;
	return config_reader_next(reader);
}

int config_parse_duration(struct config_reader *reader, const struct config_key *key, void *into)
{
	uint64_t *member = (uint64_t *)((char *)into + key->offset);
	char allowed[CONFIG_DURATION_SIZE * 2 + 32], min[CONFIG_DURATION_SIZE],
		max[CONFIG_DURATION_SIZE];
	const char *text, *why;
	uint64_t value;
	int err;

	config_format_duration(key->min, min);
	config_format_duration(key->max, max);
	snprintf(allowed, sizeof(allowed), "%s to %s, in ms, s, m or h", min, max);
	err = config_reader_plain(reader, key, allowed, &text);
	if (err)
		return err;
	if (config_value_duration(text, &value, &why))
		return config_reader_fail_value(reader, key, text, why, allowed);
	if (value < key->min || value > key->max)
		return config_reader_fail_value(reader, key, text, "out of range", allowed);
	*member = value;
	return config_reader_next(reader);
}
