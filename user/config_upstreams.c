// SPDX-License-Identifier: Apache-2.0
/* The schema of upstreams: which connection is whose. */
#include <string.h>

#include "config_draft.h"
#include "config_value.h"
#include "defaults.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MS UINT64_C(1000000)
#define S  (1000 * MS)

#define HOST_ALLOWED "a host name such as api.example.com or \"*.example.com\""
#define CIDR_ALLOWED "ADDRESS/PREFIX such as 10.0.0.0/8 or 2001:db8::/32"

static struct config_upstream *current_upstream(struct config_draft *draft)
{
	return &draft->config.upstreams[draft->config.upstream_count - 1];
}

static uint8_t current_upstream_id(const struct config_draft *draft)
{
	return (uint8_t)(draft->config.upstream_count - 1);
}

static int parse_upstream_name(struct config_reader *reader, const struct config_key *key,
			       void *into)
{
	struct config_draft *draft = into;
	struct config_upstream *upstream = current_upstream(draft);
	char name[CONFIG_LABEL_SIZE];
	const char *text, *why;
	int err = config_reader_text(reader, key, CONFIG_LABEL_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_label(text, name, &why))
		return config_reader_fail_value(reader, key, text, why, CONFIG_LABEL_ALLOWED);
	for (uint32_t i = 0; i < draft->config.upstream_count - 1; i++)
		if (strcmp(draft->config.upstreams[i].name, name) == 0)
			return config_fail(&reader->report, config_reader_mark(reader),
					   "duplicate upstream '%s' (the first one is on line %u)",
					   name, draft->upstream_marks[i].line);
	memcpy(upstream->name, name, sizeof(upstream->name));
	return config_reader_next(reader);
}

static const char *kinds_allowed(char *buffer, size_t size)
{
	size_t used = 0;

	for (size_t i = 0; i < config_kind_rule_count && used < size; i++)
		if (config_kind_rules[i].name)
			used += (size_t)snprintf(buffer + used, size - used, "%s%s",
						 used ? ", " : "", config_kind_rules[i].name);
	return buffer;
}

static int parse_kind(struct config_reader *reader, const struct config_key *key, void *into)
{
	char allowed[128];
	const char *text;
	int err = config_reader_text(reader, key, kinds_allowed(allowed, sizeof(allowed)), &text);

	if (err)
		return err;
	for (size_t i = 0; i < config_kind_rule_count; i++) {
		if (config_kind_rules[i].name && strcmp(config_kind_rules[i].name, text) == 0) {
			current_upstream(into)->kind = (enum config_kind)i;
			return config_reader_next(reader);
		}
	}
	return config_reader_fail_value(reader, key, text, "no such kind", allowed);
}

static int parse_host(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_host host;
	const char *text, *why;
	int err = config_reader_text(reader, key, HOST_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_host(text, &host, &why))
		return config_reader_fail_value(reader, key, text, why, HOST_ALLOWED);
	host.upstream = current_upstream_id(into);
	err = config_add_host(&reader->report, into, &host, config_reader_mark(reader));
	return err ? err : config_reader_next(reader);
}

static int parse_hosts(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_host, into);
}

static int parse_port(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_port port = {.upstream = current_upstream_id(into)};
	struct config_mark mark = config_reader_mark(reader);
	struct config_key number = {.name = key->name, .min = 1, .max = UINT16_MAX};
	uint32_t value;
	int err = config_parse_uint32(reader, &number, &value);

	if (err)
		return err;
	port.port = (uint16_t)value;
	return config_add_port(&reader->report, into, &port, mark);
}

static int parse_ports(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_port, into);
}

static int parse_cidr(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_cidr cidr;
	const char *text, *why;
	int err = config_reader_text(reader, key, CIDR_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_cidr(text, &cidr, &why))
		return config_reader_fail_value(reader, key, text, why, CIDR_ALLOWED);
	cidr.upstream = current_upstream_id(into);
	err = config_add_cidr(&reader->report, into, &cidr, config_reader_mark(reader));
	return err ? err : config_reader_next(reader);
}

static int parse_cidrs(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_cidr, into);
}

static int parse_quiet(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_parse_duration(reader, key, current_upstream(into));
}

static const struct config_key upstream_keys[] = {
	{.name = "name", .parse = parse_upstream_name},
	{.name = "kind", .parse = parse_kind},
	{.name = "hosts", .parse = parse_hosts},
	{.name = "ports", .parse = parse_ports},
	{.name = "cidrs", .parse = parse_cidrs},
	{.name = "quiet",
	 .parse = parse_quiet,
	 .offset = offsetof(struct config_upstream, quiet_ns),
	 .min = 50 * MS,
	 .max = 600 * S},
};

/* Completes an upstream after its last key. */
static int finish_upstream(struct config_reader *reader, struct config_draft *draft,
			   const struct config_scope *scope, struct config_mark mark,
			   bool has_ports)
{
	const struct config_upstream *upstream = current_upstream(draft);
	struct config_port port = {.upstream = current_upstream_id(draft)};
	char allowed[128];

	if (!*upstream->name)
		return config_fail(&reader->report, mark, "%s has no name (needed: name, kind)",
				   config_scope_text(scope).text);
	if (!upstream->kind)
		return config_fail(&reader->report, mark, "%s has no kind (allowed: %s)",
				   config_scope_text(scope).text,
				   kinds_allowed(allowed, sizeof(allowed)));
	if (has_ports)
		return 0;
	port.port = config_kind_rules[upstream->kind].default_port;
	if (!port.port)
		return config_fail(&reader->report, mark,
				   "%s has no ports (kind %s needs at least one)",
				   config_scope_text(scope).text, config_kind_name(upstream->kind));
	return config_add_port(&reader->report, draft, &port, mark);
}

static int parse_upstream(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_draft *draft = into;
	struct config_mark mark = config_reader_mark(reader);
	struct config_scope scope = {.noun = "upstream"};
	struct config_upstream upstream = {.quiet_ns = DEFAULT_QUIET_NS};
	uint32_t ports_before = draft->config.port_count;
	int err = config_add_upstream(&reader->report, draft, &upstream, mark);

	(void)key;
	if (err)
		return err;
	scope.name = current_upstream(draft)->name;
	scope.number = draft->config.upstream_count;
	err = config_reader_mapping(reader, upstream_keys, COUNT(upstream_keys), &scope, draft);
	return err ? err
		   : finish_upstream(reader, draft, &scope, mark,
				     draft->config.port_count > ports_before);
}

int config_parse_upstreams(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_upstream, into);
}
