// SPDX-License-Identifier: Apache-2.0
/* The schema of the whole file: one table of keys for each mapping. A new key is a row. */
#include <string.h>

#include "config_draft.h"
#include "config_value.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define S UINT64_C(1000000000)

#define SECONDS_ALLOWED "seconds, ascending, such as 0.005 or 30, up to 2592000"
#define BYTES_ALLOWED	"bytes, whole, ascending, up to 1125899906842624"

/* The least that is of any use, and what the kernel half can hold in some 100 MiB. */
#define LIMIT(member, low, high)                                                              \
	{                                                                                     \
		.name = #member, .parse = config_parse_uint32,                                \
		.offset = offsetof(struct config_limits, member), .min = (low), .max = (high) \
	}

static const struct config_key limit_keys[] = {
	LIMIT(processes, 1024, 262144),
	LIMIT(connections, 256, 131072),
	LIMIT(endpoints, 16, 4096),
	LIMIT(tools, 16, 8192),
};

static int parse_limits(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_draft *draft = into;
	struct config_scope scope = {.noun = key->name};

	return config_reader_mapping(reader, limit_keys, COUNT(limit_keys), &scope,
				     &draft->config.limits);
}

static int add_bound(struct config_reader *reader, const struct config_key *key, const char *text,
		     const char *allowed, uint64_t value, void *into)
{
	struct config_bounds *bounds = (struct config_bounds *)((char *)into + key->offset);

	if (value < key->min || value > key->max)
		return config_reader_fail_value(reader, key, text, "out of range", allowed);
	if (bounds->count && value <= bounds->bound[bounds->count - 1])
		return config_reader_fail_value(reader, key, text, "not above the one before it",
						allowed);
	if (bounds->count >= CONFIG_BOUNDS_MAX)
		return config_fail(&reader->report, config_reader_mark(reader),
				   "too many bounds in %s (allowed: %d)", key->name,
				   CONFIG_BOUNDS_MAX);
	bounds->bound[bounds->count++] = value;
	return config_reader_next(reader);
}

static int parse_second(struct config_reader *reader, const struct config_key *key, void *into)
{
	const char *text, *why;
	uint64_t ns;
	int err = config_reader_plain(reader, key, SECONDS_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_seconds(text, &ns, &why))
		return config_reader_fail_value(reader, key, text, why, SECONDS_ALLOWED);
	return add_bound(reader, key, text, SECONDS_ALLOWED, ns, into);
}

static int parse_byte(struct config_reader *reader, const struct config_key *key, void *into)
{
	const char *text, *why;
	uint64_t bytes;
	int err = config_reader_plain(reader, key, BYTES_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_whole(text, &bytes, &why))
		return config_reader_fail_value(reader, key, text, why, BYTES_ALLOWED);
	return add_bound(reader, key, text, BYTES_ALLOWED, bytes, into);
}

static int parse_bounds(struct config_reader *reader, const struct config_key *key,
			config_parse_fn *item, void *into)
{
	struct config_bounds *bounds = (struct config_bounds *)((char *)into + key->offset);
	struct config_mark mark = config_reader_mark(reader);
	int err;

	memset(bounds, 0, sizeof(*bounds));
	err = config_reader_list(reader, key, item, into);
	if (!err && bounds->count == 0)
		return config_fail(&reader->report, mark, "no bounds in %s (allowed: 1 to %d)",
				   key->name, CONFIG_BOUNDS_MAX);
	return err;
}

static int parse_seconds(struct config_reader *reader, const struct config_key *key, void *into)
{
	return parse_bounds(reader, key, parse_second, into);
}

static int parse_bytes(struct config_reader *reader, const struct config_key *key, void *into)
{
	return parse_bounds(reader, key, parse_byte, into);
}

#define BOUNDS(member, unit, high)                                                            \
	{                                                                                     \
		.name = #member "_" #unit, .parse = parse_##unit,                             \
		.offset = offsetof(struct config_histograms, member), .min = 1, .max = (high) \
	}

static const struct config_key histogram_keys[] = {
	BOUNDS(call, seconds, CONFIG_SECONDS_MAX *S),
	BOUNDS(connect, seconds, CONFIG_SECONDS_MAX *S),
	BOUNDS(execution, seconds, CONFIG_SECONDS_MAX *S),
	BOUNDS(memory, bytes, UINT64_C(1) << 50),
};

static int parse_histograms(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_draft *draft = into;
	struct config_scope scope = {.noun = key->name};

	return config_reader_mapping(reader, histogram_keys, COUNT(histogram_keys), &scope,
				     &draft->config.histograms);
}

static int parse_tls_scope(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_draft *draft = into;
	const char *text;
	int err = config_reader_text(reader, key, "all, agents", &text);

	if (err)
		return err;
	if (strcmp(text, "all") == 0)
		draft->config.tls_scope = CONFIG_TLS_ALL;
	else if (strcmp(text, "agents") == 0)
		draft->config.tls_scope = CONFIG_TLS_AGENTS;
	else
		return config_reader_fail_value(reader, key, text, "no such scope", "all, agents");
	return config_reader_next(reader);
}

static const struct config_key tls_keys[] = {
	{.name = "scope", .parse = parse_tls_scope},
	{.name = "return_probes",
	 .parse = config_parse_bool,
	 .offset = offsetof(struct config_draft, config.tls_return_probes)},
	{.name = "stepped_probes",
	 .parse = config_parse_bool,
	 .offset = offsetof(struct config_draft, config.tls_stepped_probes)},
};

static int parse_tls(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_scope scope = {.noun = key->name};

	return config_reader_mapping(reader, tls_keys, COUNT(tls_keys), &scope, into);
}

static const struct config_key top_keys[] = {
	{.name = "defaults",
	 .parse = config_parse_bool,
	 .offset = offsetof(struct config_draft, defaults)},
	{.name = "agents", .parse = config_parse_agents},
	{.name = "interpreters", .parse = config_parse_interpreters},
	{.name = "upstreams", .parse = config_parse_upstreams},
	{.name = "limits", .parse = parse_limits},
	{.name = "health_window",
	 .parse = config_parse_duration,
	 .offset = offsetof(struct config_draft, config.health_window_ns),
	 .min = 10 * S,
	 .max = 24 * 3600 * S},
	{.name = "idle_after",
	 .parse = config_parse_duration,
	 .offset = offsetof(struct config_draft, config.idle_after_ns),
	 .min = 1 * S,
	 .max = 24 * 3600 * S},
	{.name = "bpf_stats",
	 .parse = config_parse_bool,
	 .offset = offsetof(struct config_draft, config.bpf_stats)},
	{.name = "tls", .parse = parse_tls},
	{.name = "histograms", .parse = parse_histograms},
	{.name = "events", .parse = config_parse_events},
	{.name = "approvals", .parse = config_parse_approvals},
	{.name = "web", .parse = config_parse_web},
	{.name = "journal", .parse = config_parse_journal},
	{.name = "time_zone", .parse = config_parse_time_zone},
	{.name = "costs", .parse = config_parse_costs},
	{.name = "metrics", .parse = config_parse_metrics},
};

/* Nothing but comments, or a bare "---". */
static bool is_empty(const yaml_event_t *event)
{
	return event->type == YAML_STREAM_END_EVENT ||
	       (event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0 &&
		event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE);
}

int config_schema_read(struct config_reader *reader, struct config_draft *draft)
{
	struct config_scope scope = {.noun = "the configuration"};
	int err = 0;

	draft->defaults = true;
	config_default_scalars(&draft->config);
	if (!is_empty(&reader->event))
		err = config_reader_mapping(reader, top_keys, COUNT(top_keys), &scope, draft);
	else if (reader->event.type == YAML_SCALAR_EVENT)
		err = config_reader_next(reader);
	return err ? err : config_reader_end(reader);
}
