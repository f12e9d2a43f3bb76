// SPDX-License-Identifier: Apache-2.0
#include "bpf_tables.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>

#include "agent_tables.h"
#include "bootstrap.h"
#include "histogram.h"
#include "log.h"
#include "settings.h"
#include "upstream_tables.h"

#define S(n) ((n)*UINT64_C(1000000000))

/* What Telegram asks for: seconds in a burst, up to an hour after a flood. */
static const struct config_bounds retry_after_bounds = {
	.count = 11,
	.bound = {S(1), S(2), S(5), S(10), S(20), S(30), S(60), S(120), S(300), S(900), S(3600)},
};

static int write_row(int map, __u32 key, const void *value, const char *name)
{
	if (!bpf_map_update_elem(map, &key, value, BPF_ANY))
		return 0;
	return log_error(-errno, "cannot write map '%s': %s", name, strerror(errno));
}

int bpf_tables_fix(const struct bpf_set *set, const struct config *config)
{
	const struct config_bounds *const rows[HISTOGRAM_KINDS] = {
		[HISTOGRAM_CALL] = &config->histograms.call,
		[HISTOGRAM_CONNECT] = &config->histograms.connect,
		[HISTOGRAM_EXECUTION] = &config->histograms.execution,
		[HISTOGRAM_MEMORY] = &config->histograms.memory,
		[HISTOGRAM_RETRY_AFTER] = &retry_after_bounds,
	};
	int map = bpf_set_map(set, "histogram_bounds"), code = 0;
	struct histogram_bounds bounds;
	__u32 kind, i;

	if (map < 0)
		return 0;
	for (kind = 0; kind < HISTOGRAM_KINDS && !code; kind++) {
		for (i = 0; i < HISTOGRAM_BOUNDS; i++)
			bounds.le[i] = i < rows[kind]->count ? rows[kind]->bound[i] : ~UINT64_C(0);
		code = write_row(map, kind, &bounds, "histogram_bounds");
	}
	if (!code && bpf_map_freeze(map))
		code = log_error(-errno, "cannot freeze map 'histogram_bounds': %s",
				 strerror(errno));
	return code;
}

static struct agent_table_fds agent_fds(const struct bpf_set *set)
{
	return (struct agent_table_fds){
		.rules = bpf_set_map(set, "agent_rules"),
		.types = bpf_set_map(set, "agent_types"),
		.filter = bpf_set_map(set, "agent_filter"),
	};
}

static int write_settings(const struct bpf_set *set, const struct config *config)
{
	const struct settings settings = {
		.idle_after_ns = config->idle_after_ns,
		.health_window_ns = config->health_window_ns,
	};
	int map = bpf_set_map(set, "settings");

	return map < 0 ? 0 : write_row(map, 0, &settings, "settings");
}

static int write_agents(const struct bpf_set *set, const struct config *config)
{
	const struct agent_table_fds fds = agent_fds(set);

	return fds.rules < 0 ? 0 : agent_tables_fill(&fds, config);
}

static int write_upstreams(const struct bpf_set *set, const struct config *config)
{
	const struct upstream_table_fds fds = {
		.upstreams = bpf_set_map(set, "upstreams"),
		.hosts = bpf_set_map(set, "hosts"),
		.networks = bpf_set_map(set, "networks"),
		.upstream_ports = bpf_set_map(set, "upstream_ports"),
		.watched_ports = bpf_set_map(set, "watched_ports"),
	};

	return fds.watched_ports < 0 ? 0 : upstream_tables_fill(&fds, config);
}

int bpf_tables_write(const struct bpf_set *set, const struct config *config)
{
	static int (*const writers[])(const struct bpf_set *, const struct config *) = {
		write_settings,
		write_agents,
		write_upstreams,
	};
	int code = 0, one;
	size_t i;

	/* One table that cannot be written is no reason to leave the others as they were. */
	for (i = 0; i < sizeof(writers) / sizeof(writers[0]); i++) {
		one = writers[i](set, config);
		code = code ? code : one;
	}
	return code;
}

int bpf_tables_find_running(const struct bpf_set *set)
{
	int row = bpf_catalogue_find("bootstrap");
	const struct bootstrap_fds fds = {
		.processes = bpf_set_map(set, "processes"),
		.verdicts = bpf_set_map(set, "verdicts"),
		.tables = agent_fds(set),
		.iterator = row < 0 ? -1 : set->programs[row].link,
	};
	size_t agents = 0;
	int code;

	if (fds.iterator < 0)
		return 0;
	code = bootstrap_run(&fds, &agents);
	if (!code && agents)
		log_info(0, "found %zu running agents", agents);
	return code;
}
