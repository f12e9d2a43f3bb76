// SPDX-License-Identifier: Apache-2.0
/* A user's entries and the defaults become one configuration. */
#include <errno.h>
#include <string.h>

#include "config_draft.h"
#include "defaults.h"

#define WITH_DEFAULTS " in all, defaults included; 'defaults: false' leaves those out"

static int fail_full(const struct config_report *report, struct config_mark mark, const char *what,
		     unsigned int max, const char *note)
{
	return config_fail(report, mark, "too many %s (allowed: %u%s)", what, max, note);
}

/* The seven arrays differ in nothing but their names. */
#define DEFINE_ADD(entry, array, count, marks, max, what, note)                                \
	int config_add_##entry(const struct config_report *report, struct config_draft *draft, \
			       const struct config_##array *value, struct config_mark mark)    \
	{                                                                                      \
		if (draft->config.count >= (max))                                              \
			return fail_full(report, mark, what, max, note);                       \
		draft->config.entry##s[draft->config.count] = *value;                          \
		draft->marks[draft->config.count++] = mark;                                    \
		return 0;                                                                      \
	}

DEFINE_ADD(agent, agent, agent_count, agent_marks, CONFIG_AGENTS_MAX, "agents", WITH_DEFAULTS)
DEFINE_ADD(name, agent_name, name_count, name_marks, CONFIG_NAMES_MAX, "names of agents",
	   WITH_DEFAULTS)
DEFINE_ADD(interpreter, interpreter, interpreter_count, interpreter_marks, CONFIG_INTERPRETERS_MAX,
	   "interpreters", "")
DEFINE_ADD(upstream, upstream, upstream_count, upstream_marks, CONFIG_UPSTREAMS_MAX, "upstreams",
	   WITH_DEFAULTS)
DEFINE_ADD(host, host, host_count, host_marks, CONFIG_HOSTS_MAX, "hosts of upstreams",
	   WITH_DEFAULTS)
DEFINE_ADD(cidr, cidr, cidr_count, cidr_marks, CONFIG_CIDRS_MAX, "cidrs of upstreams",
	   WITH_DEFAULTS)
DEFINE_ADD(port, port, port_count, port_marks, CONFIG_PORTS_MAX, "ports of upstreams",
	   WITH_DEFAULTS)

static const struct config_mark no_mark = {0, 0};

/* dst is zeroed and longer than any text of defaults.c; test_config.c checks that. */
static void put_text(char *dst, size_t size, const char *text)
{
	snprintf(dst, size, "%s", text);
}

static int add_user_agent(const struct config_report *report, const struct config_draft *user,
			  uint32_t index, struct config_draft *merged)
{
	int err = config_add_agent(report, merged, &user->config.agents[index],
				   user->agent_marks[index]);

	for (uint32_t i = 0; !err && i < user->config.name_count; i++) {
		struct config_agent_name name = user->config.names[i];

		if (name.agent != index)
			continue;
		name.agent = merged->config.agent_count - 1;
		err = config_add_name(report, merged, &name, user->name_marks[i]);
	}
	return err;
}

static int add_default_agent(const struct config_report *report, const struct default_agent *from,
			     struct config_draft *merged)
{
	struct config_agent agent = {.relaunches = from->relaunches};
	int err;

	put_text(agent.type, sizeof(agent.type), from->type);
	err = config_add_agent(report, merged, &agent, no_mark);
	for (size_t i = 0; !err && i < DEFAULT_NAMES_MAX && from->names[i]; i++) {
		struct config_agent_name name = {.agent = merged->config.agent_count - 1};

		put_text(name.text, sizeof(name.text), from->names[i]);
		err = config_add_name(report, merged, &name, no_mark);
	}
	return err;
}

static uint32_t find_agent(const struct config *config, const char *type)
{
	uint32_t i = 0;

	while (i < config->agent_count && strcmp(config->agents[i].type, type) != 0)
		i++;
	return i;
}

static int merge_agents(const struct config_report *report, const struct config_draft *user,
			struct config_draft *merged)
{
	bool placed[CONFIG_AGENTS_MAX] = {false};
	int err = 0;

	for (size_t i = 0; !err && user->defaults && i < default_agent_count; i++) {
		uint32_t own = find_agent(&user->config, default_agents[i].type);

		if (own < user->config.agent_count) {
			placed[own] = true;
			err = add_user_agent(report, user, own, merged);
		} else {
			err = add_default_agent(report, &default_agents[i], merged);
		}
	}
	for (uint32_t i = 0; !err && i < user->config.agent_count; i++)
		if (!placed[i])
			err = add_user_agent(report, user, i, merged);
	return err;
}

static int merge_interpreters(const struct config_report *report, const struct config_draft *user,
			      struct config_draft *merged)
{
	int err = 0;

	if (user->own_interpreters) {
		for (uint32_t i = 0; !err && i < user->config.interpreter_count; i++)
			err = config_add_interpreter(report, merged, &user->config.interpreters[i],
						     user->interpreter_marks[i]);
		return err;
	}
	for (size_t i = 0; !err && i < default_interpreter_count; i++) {
		struct config_interpreter interpreter = {.text = ""};

		put_text(interpreter.text, sizeof(interpreter.text), default_interpreters[i]);
		err = config_add_interpreter(report, merged, &interpreter, no_mark);
	}
	return err;
}

static int add_user_upstream(const struct config_report *report, const struct config_draft *user,
			     uint32_t index, struct config_draft *merged)
{
	const struct config *config = &user->config;
	uint8_t id = (uint8_t)merged->config.upstream_count;
	int err = config_add_upstream(report, merged, &config->upstreams[index],
				      user->upstream_marks[index]);

	for (uint32_t i = 0; !err && i < config->host_count; i++) {
		struct config_host host = config->hosts[i];

		if (host.upstream != index)
			continue;
		host.upstream = id;
		err = config_add_host(report, merged, &host, user->host_marks[i]);
	}
	for (uint32_t i = 0; !err && i < config->port_count; i++) {
		struct config_port port = {config->ports[i].port, id};

		if (config->ports[i].upstream == index)
			err = config_add_port(report, merged, &port, user->port_marks[i]);
	}
	for (uint32_t i = 0; !err && i < config->cidr_count; i++) {
		struct config_cidr cidr = config->cidrs[i];

		if (cidr.upstream != index)
			continue;
		cidr.upstream = id;
		err = config_add_cidr(report, merged, &cidr, user->cidr_marks[i]);
	}
	return err;
}

static int add_default_upstream(const struct config_report *report,
				const struct default_upstream *from, struct config_draft *merged)
{
	uint8_t id = (uint8_t)merged->config.upstream_count;
	struct config_upstream upstream = {.kind = from->kind, .quiet_ns = DEFAULT_QUIET_NS};
	struct config_port port = {from->port, id};
	int err;

	put_text(upstream.name, sizeof(upstream.name), from->name);
	err = config_add_upstream(report, merged, &upstream, no_mark);
	if (!err)
		err = config_add_port(report, merged, &port, no_mark);
	for (size_t i = 0; !err && i < DEFAULT_HOSTS_MAX && from->hosts[i]; i++) {
		struct config_host host = {.wildcard = from->hosts[i][0] == '*', .upstream = id};

		put_text(host.text, sizeof(host.text), from->hosts[i] + (host.wildcard ? 2 : 0));
		err = config_add_host(report, merged, &host, no_mark);
	}
	return err;
}

static uint32_t find_upstream(const struct config *config, const char *name)
{
	uint32_t i = 0;

	while (i < config->upstream_count && strcmp(config->upstreams[i].name, name) != 0)
		i++;
	return i;
}

static int merge_upstreams(const struct config_report *report, const struct config_draft *user,
			   struct config_draft *merged)
{
	bool placed[CONFIG_UPSTREAMS_MAX] = {false};
	int err = 0;

	for (size_t i = 0; !err && user->defaults && i < default_upstream_count; i++) {
		uint32_t own = find_upstream(&user->config, default_upstreams[i].name);

		if (own < user->config.upstream_count) {
			placed[own] = true;
			err = add_user_upstream(report, user, own, merged);
		} else {
			err = add_default_upstream(report, &default_upstreams[i], merged);
		}
	}
	for (uint32_t i = 0; !err && i < user->config.upstream_count; i++)
		if (!placed[i])
			err = add_user_upstream(report, user, i, merged);
	return err;
}

void config_default_scalars(struct config *config)
{
	config->limits = default_limits;
	config->histograms = default_histograms;
	config->health_window_ns = DEFAULT_HEALTH_WINDOW_NS;
	config->idle_after_ns = DEFAULT_IDLE_AFTER_NS;
	config->bpf_stats = true;
	config->tls_scope = CONFIG_TLS_ALL;
	config->tls_return_probes = true;
	config_default_reporting(&config->reporting);
}

int config_merge(const struct config_report *report, const struct config_draft *user,
		 struct config_draft *merged)
{
	int err;

	merged->config.limits = user->config.limits;
	merged->config.histograms = user->config.histograms;
	merged->config.health_window_ns = user->config.health_window_ns;
	merged->config.idle_after_ns = user->config.idle_after_ns;
	merged->config.bpf_stats = user->config.bpf_stats;
	merged->config.tls_scope = user->config.tls_scope;
	merged->config.tls_return_probes = user->config.tls_return_probes;
	merged->config.tls_stepped_probes = user->config.tls_stepped_probes;
	merged->config.reporting = user->config.reporting;
	err = config_merge_prices(report, user->defaults, &user->config.reporting.settings,
				  &merged->config.reporting.settings);
	if (!err)
		err = merge_agents(report, user, merged);
	if (!err)
		err = merge_interpreters(report, user, merged);
	if (!err)
		err = merge_upstreams(report, user, merged);
	return err;
}
