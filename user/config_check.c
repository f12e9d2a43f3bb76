// SPDX-License-Identifier: Apache-2.0
/* The rules between the entries of a merged configuration. */
#include <errno.h>
#include <string.h>

#include "config_draft.h"
#include "config_value.h"

const struct config_kind_rule config_kind_rules[] = {
	[CONFIG_KIND_TELEGRAM] = {"telegram", 443, true},
	[CONFIG_KIND_HTTPS] = {"https", 443, true},
	[CONFIG_KIND_DATABASE] = {"database", 0, false},
	[CONFIG_KIND_TCP] = {"tcp", 0, false},
};
const size_t config_kind_rule_count = sizeof(config_kind_rules) / sizeof(config_kind_rules[0]);

const char *config_kind_name(enum config_kind kind)
{
	return config_kind_rules[kind].name;
}

static bool is_later(struct config_mark a, struct config_mark b)
{
	return a.line > b.line || (a.line == b.line && a.column > b.column);
}

/* Two entries that collide: the later one in the file is to blame, never a default. */
struct collision {
	uint32_t blamed, first;
};

static struct collision collide(const struct config_mark *marks, uint32_t i, uint32_t j)
{
	if (is_later(marks[j], marks[i]))
		return (struct collision){j, i};
	return (struct collision){i, j};
}

static struct config_text owner_text(const char *noun, const char *name, struct config_mark mark)
{
	struct config_text text;

	snprintf(text.text, sizeof(text.text), "%s%s '%s'", mark.line ? "" : "default ", noun,
		 name);
	return text;
}

static bool is_interpreter(const struct config *config, const char *name, uint32_t *ret_index)
{
	for (uint32_t i = 0; i < config->interpreter_count; i++) {
		if (strcmp(config->interpreters[i].text, name) == 0) {
			*ret_index = i;
			return true;
		}
	}
	return false;
}

static int check_interpreters(const struct config_report *report, const struct config_draft *draft)
{
	const struct config *config = &draft->config;

	for (uint32_t i = 0; i < config->interpreter_count; i++)
		for (uint32_t j = 0; j < i; j++)
			if (strcmp(config->interpreters[i].text, config->interpreters[j].text) == 0)
				return config_fail(report, draft->interpreter_marks[i],
						   "duplicate interpreter '%s' (the first one is "
						   "on line %u)",
						   config_quote(config->interpreters[i].text).text,
						   draft->interpreter_marks[j].line);
	return 0;
}

static int check_names(const struct config_report *report, const struct config_draft *draft)
{
	const struct config *config = &draft->config;
	uint32_t other;

	for (uint32_t i = 0; i < config->name_count; i++) {
		const char *text = config->names[i].text;

		if (is_interpreter(config, text, &other))
			return config_fail(
				report,
				is_later(draft->name_marks[i], draft->interpreter_marks[other])
					? draft->name_marks[i]
					: draft->interpreter_marks[other],
				"'%s' is a name of agent '%s' and an interpreter "
				"(allowed: the name of the script)",
				config_quote(text).text,
				config->agents[config->names[i].agent].type);
		for (uint32_t j = 0; j < i; j++) {
			struct collision pair = collide(draft->name_marks, i, j);
			uint32_t owner = config->names[pair.first].agent;

			if (strcmp(text, config->names[j].text) == 0)
				return config_fail(report, draft->name_marks[pair.blamed],
						   "name '%s' belongs to %s already (allowed: each "
						   "name once)",
						   config_quote(text).text,
						   owner_text("agent", config->agents[owner].type,
							      draft->agent_marks[owner])
							   .text);
		}
	}
	return 0;
}

static bool is_same_host(const struct config_host *a, const struct config_host *b)
{
	return a->wildcard == b->wildcard && strcmp(a->text, b->text) == 0;
}

static int check_hosts(const struct config_report *report, const struct config_draft *draft)
{
	const struct config *config = &draft->config;

	for (uint32_t i = 0; i < config->host_count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			struct collision pair = collide(draft->host_marks, i, j);
			uint8_t owner = config->hosts[pair.first].upstream;

			if (is_same_host(&config->hosts[i], &config->hosts[j]))
				return config_fail(report, draft->host_marks[pair.blamed],
						   "host '%s%s' belongs to %s already (allowed: "
						   "each host once)",
						   config->hosts[i].wildcard ? "*." : "",
						   config->hosts[i].text,
						   owner_text("upstream",
							      config->upstreams[owner].name,
							      draft->upstream_marks[owner])
							   .text);
		}
	}
	return 0;
}

static bool has_port(const struct config *config, uint8_t upstream, uint16_t port)
{
	for (uint32_t i = 0; i < config->port_count; i++)
		if (config->ports[i].upstream == upstream && config->ports[i].port == port)
			return true;
	return false;
}

static bool share_a_port(const struct config *config, uint8_t a, uint8_t b)
{
	for (uint32_t i = 0; i < config->port_count; i++)
		if (config->ports[i].upstream == a && has_port(config, b, config->ports[i].port))
			return true;
	return false;
}

/* A CIDR may stand in two upstreams whose ports tell them apart. */
static bool is_same_cidr(const struct config *config, const struct config_cidr *a,
			 const struct config_cidr *b)
{
	return a->prefix == b->prefix && memcmp(a->address, b->address, sizeof(a->address)) == 0 &&
	       share_a_port(config, a->upstream, b->upstream);
}

static int check_cidrs(const struct config_report *report, const struct config_draft *draft)
{
	const struct config *config = &draft->config;
	char text[CONFIG_CIDR_SIZE];

	for (uint32_t i = 0; i < config->cidr_count; i++) {
		for (uint32_t j = 0; j < i; j++) {
			struct collision pair = collide(draft->cidr_marks, i, j);
			uint8_t owner = config->cidrs[pair.first].upstream;

			if (!is_same_cidr(config, &config->cidrs[i], &config->cidrs[j]))
				continue;
			config_format_cidr(&config->cidrs[i], text);
			return config_fail(report, draft->cidr_marks[pair.blamed],
					   "cidr '%s' belongs to upstream '%s' already (allowed: "
					   "each cidr once for a port)",
					   text, config->upstreams[owner].name);
		}
	}
	return 0;
}

/* Nothing but its ports tells whose connection it is. */
static bool is_by_port_alone(const struct config *config, uint8_t upstream)
{
	for (uint32_t i = 0; i < config->host_count; i++)
		if (config->hosts[i].upstream == upstream)
			return false;
	for (uint32_t i = 0; i < config->cidr_count; i++)
		if (config->cidrs[i].upstream == upstream)
			return false;
	return true;
}

static int check_port_pair(const struct config_report *report, const struct config_draft *draft,
			   struct collision pair)
{
	const struct config *config = &draft->config;
	const struct config_port *blamed = &config->ports[pair.blamed];
	uint8_t owner = config->ports[pair.first].upstream;

	if (blamed->port != config->ports[pair.first].port)
		return 0;
	if (blamed->upstream == owner)
		return config_fail(report, draft->port_marks[pair.blamed],
				   "duplicate port %u in upstream '%s' (allowed: each port once)",
				   blamed->port, config->upstreams[owner].name);
	if (is_by_port_alone(config, blamed->upstream) && is_by_port_alone(config, owner))
		return config_fail(report, draft->port_marks[pair.blamed],
				   "port %u belongs to %s already (allowed: with hosts or cidrs "
				   "that tell the two apart)",
				   blamed->port,
				   owner_text("upstream", config->upstreams[owner].name,
					      draft->upstream_marks[owner])
					   .text);
	return 0;
}

static int check_ports(const struct config_report *report, const struct config_draft *draft)
{
	int err = 0;

	for (uint32_t i = 0; !err && i < draft->config.port_count; i++)
		for (uint32_t j = 0; !err && j < i; j++)
			err = check_port_pair(report, draft, collide(draft->port_marks, i, j));
	return err;
}

static int check_upstreams(const struct config_report *report, const struct config_draft *draft)
{
	const struct config *config = &draft->config;

	for (uint32_t i = 0; i < config->upstream_count; i++) {
		const struct config_upstream *upstream = &config->upstreams[i];

		if (config_kind_rules[upstream->kind].needs_address &&
		    is_by_port_alone(config, (uint8_t)i))
			return config_fail(report, draft->upstream_marks[i],
					   "upstream '%s' has neither hosts nor cidrs (kind %s "
					   "needs one of them)",
					   upstream->name, config_kind_name(upstream->kind));
	}
	return 0;
}

int config_check(const struct config_report *report, const struct config_draft *draft)
{
	int err = check_interpreters(report, draft);

	if (!err)
		err = check_names(report, draft);
	if (!err)
		err = check_upstreams(report, draft);
	if (!err)
		err = check_hosts(report, draft);
	if (!err)
		err = check_cidrs(report, draft);
	if (!err)
		err = check_ports(report, draft);
	return err;
}
