// SPDX-License-Identifier: Apache-2.0
/* A configuration as YAML that reads back as itself. */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "config.h"
#include "config_draft.h"
#include "config_value.h"

/* A code point of valid UTF-8 and its length; YAML folds or refuses some of them when raw. */
static size_t decode_utf8(const unsigned char *at, uint32_t *ret_code)
{
	size_t length = at[0] >= 0xf0 ? 4 : at[0] >= 0xe0 ? 3 : 2;
	uint32_t code = at[0] & (0xffu >> (length + 1));

	for (size_t i = 1; i < length; i++)
		code = code << 6 | (at[i] & 0x3fu);
	*ret_code = code;
	return length;
}

void config_put_quoted(FILE *out, const char *text)
{
	const unsigned char *at = (const unsigned char *)text;
	uint32_t code;

	fputc('"', out);
	while (*at) {
		if (*at >= 0x80) {
			at += decode_utf8(at, &code);
			fprintf(out, "\\U%08" PRIx32, code);
			continue;
		}
		if (*at == '"' || *at == '\\')
			fputc('\\', out);
		fputc(*at++, out);
	}
	fputc('"', out);
}

static void put_separator(FILE *out, bool *first)
{
	fputs(*first ? "" : ", ", out);
	*first = false;
}

static void put_agents(const struct config *config, FILE *out)
{
	fputs(config->agent_count ? "agents:\n" : "agents: []\n", out);
	for (uint32_t i = 0; i < config->agent_count; i++) {
		bool first = true;

		fprintf(out, "  - type: %s\n    names: [", config->agents[i].type);
		for (uint32_t j = 0; j < config->name_count; j++) {
			if (config->names[j].agent != i)
				continue;
			put_separator(out, &first);
			config_put_quoted(out, config->names[j].text);
		}
		fprintf(out, "]\n    relaunches: %s\n",
			config->agents[i].relaunches ? "true" : "false");
	}
}

static void put_interpreters(const struct config *config, FILE *out)
{
	bool first = true;

	fputs("interpreters: [", out);
	for (uint32_t i = 0; i < config->interpreter_count; i++) {
		put_separator(out, &first);
		config_put_quoted(out, config->interpreters[i].text);
	}
	fputs("]\n", out);
}

static void put_hosts(const struct config *config, uint32_t upstream, FILE *out)
{
	bool first = true;

	fputs("    hosts: [", out);
	for (uint32_t i = 0; i < config->host_count; i++) {
		if (config->hosts[i].upstream != upstream)
			continue;
		put_separator(out, &first);
		fprintf(out, "\"%s%s\"", config->hosts[i].wildcard ? "*." : "",
			config->hosts[i].text);
	}
	fputs("]\n", out);
}

static void put_ports(const struct config *config, uint32_t upstream, FILE *out)
{
	bool first = true;

	fputs("    ports: [", out);
	for (uint32_t i = 0; i < config->port_count; i++) {
		if (config->ports[i].upstream != upstream)
			continue;
		put_separator(out, &first);
		fprintf(out, "%u", config->ports[i].port);
	}
	fputs("]\n", out);
}

static void put_cidrs(const struct config *config, uint32_t upstream, FILE *out)
{
	char text[CONFIG_CIDR_SIZE];
	bool first = true;

	fputs("    cidrs: [", out);
	for (uint32_t i = 0; i < config->cidr_count; i++) {
		if (config->cidrs[i].upstream != upstream)
			continue;
		put_separator(out, &first);
		config_format_cidr(&config->cidrs[i], text);
		fprintf(out, "\"%s\"", text);
	}
	fputs("]\n", out);
}

static void put_upstreams(const struct config *config, FILE *out)
{
	char quiet[CONFIG_DURATION_SIZE];

	fputs(config->upstream_count ? "upstreams:\n" : "upstreams: []\n", out);
	for (uint32_t i = 0; i < config->upstream_count; i++) {
		config_format_duration(config->upstreams[i].quiet_ns, quiet);
		fprintf(out, "  - name: %s\n    kind: %s\n", config->upstreams[i].name,
			config_kind_name(config->upstreams[i].kind));
		put_hosts(config, i, out);
		put_ports(config, i, out);
		put_cidrs(config, i, out);
		fprintf(out, "    quiet: %s\n", quiet);
	}
}

static void put_bounds(const char *name, const struct config_bounds *bounds, bool seconds,
		       FILE *out)
{
	char text[CONFIG_SECONDS_SIZE];

	fprintf(out, "  %s: [", name);
	for (uint32_t i = 0; i < bounds->count; i++) {
		if (seconds)
			config_format_seconds(bounds->bound[i], text);
		else
			snprintf(text, sizeof(text), "%" PRIu64, bounds->bound[i]);
		fprintf(out, "%s%s", i ? ", " : "", text);
	}
	fputs("]\n", out);
}

static void put_scalars(const struct config *config, FILE *out)
{
	char health[CONFIG_DURATION_SIZE], idle[CONFIG_DURATION_SIZE];

	config_format_duration(config->health_window_ns, health);
	config_format_duration(config->idle_after_ns, idle);
	fprintf(out, "limits:\n  processes: %u\n  connections: %u\n  endpoints: %u\n  tools: %u\n",
		config->limits.processes, config->limits.connections, config->limits.endpoints,
		config->limits.tools);
	fprintf(out,
		"health_window: %s\nidle_after: %s\nbpf_stats: %s\ntls:\n  scope: %s\n"
		"  return_probes: %s\n  stepped_probes: %s\n",
		health, idle, config->bpf_stats ? "true" : "false",
		config->tls_scope == CONFIG_TLS_AGENTS ? "agents" : "all",
		config->tls_return_probes ? "true" : "false",
		config->tls_stepped_probes ? "true" : "false");
}

int config_dump(const struct config *config, FILE *out)
{
	fputs("defaults: false\n", out);
	put_agents(config, out);
	put_interpreters(config, out);
	put_upstreams(config, out);
	put_scalars(config, out);
	fputs("histograms:\n", out);
	put_bounds("call_seconds", &config->histograms.call, true, out);
	put_bounds("connect_seconds", &config->histograms.connect, true, out);
	put_bounds("execution_seconds", &config->histograms.execution, true, out);
	put_bounds("memory_bytes", &config->histograms.memory, false, out);
	config_dump_reporting(&config->reporting, out);
	return fflush(out) || ferror(out) ? -EIO : 0;
}
