// SPDX-License-Identifier: Apache-2.0
#include "upstreams_reader.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bounds.h"
#include "call_labels.h"
#include "connection_state.h"
#include "map_rows.h"
#include "settings.h"
#include "sweeps.h"
#include "wall_offset.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum reader_map {
	MAP_UPSTREAMS,
	MAP_TOTALS,
	MAP_REQUESTS,
	MAP_FAILURES,
	MAP_DURATIONS,
	MAP_ENDPOINT_FACTS,
	MAP_CONNECTIONS,
	MAP_BOUNDS,
	MAP_SETTINGS,
	MAPS
};

static const char *const map_names[MAPS] = {
	[MAP_UPSTREAMS] = "upstreams",	   [MAP_TOTALS] = "upstream_totals",
	[MAP_REQUESTS] = "requests",	   [MAP_FAILURES] = "failures",
	[MAP_DURATIONS] = "durations",	   [MAP_ENDPOINT_FACTS] = "endpoint_facts",
	[MAP_CONNECTIONS] = "connections", [MAP_BOUNDS] = "histogram_bounds",
	[MAP_SETTINGS] = "settings",
};

struct upstreams_reader {
	int maps[MAPS];
	struct sweeps sweeps;
	struct bounds call, connect, retry_after;
	struct upstream upstreams[MAX_UPSTREAMS];
	struct upstream_totals totals[MAX_UPSTREAMS];
	struct connection_counts counts[MAX_UPSTREAMS];
	uint64_t now_ns;  /* CLOCK_BOOTTIME of the read that runs */
	uint64_t boot_ns; /* wall_offset */
	struct model *model;
};

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

int upstreams_reader_open(const struct handover *handover, struct upstreams_reader **ret_reader)
{
	struct upstreams_reader *reader = calloc(1, sizeof(*reader));
	size_t i;

	if (!reader)
		return -ENOMEM;
	for (i = 0; i < MAPS; i++) {
		reader->maps[i] = handover_fd(handover, HANDOVER_MAP, map_names[i]);
		if (reader->maps[i] < 0) {
			free(reader);
			return -ENOENT;
		}
	}
	sweeps_open(&reader->sweeps, handover);
	bounds_read(reader->maps[MAP_BOUNDS], HISTOGRAM_CALL, &reader->call);
	bounds_read(reader->maps[MAP_BOUNDS], HISTOGRAM_CONNECT, &reader->connect);
	bounds_read(reader->maps[MAP_BOUNDS], HISTOGRAM_RETRY_AFTER, &reader->retry_after);
	*ret_reader = reader;
	return 0;
}

void upstreams_reader_close(struct upstreams_reader *reader)
{
	free(reader);
}

static void read_upstreams(struct upstreams_reader *reader)
{
	uint32_t id;

	if (map_array(reader->maps[MAP_UPSTREAMS], sizeof(struct upstream), MAX_UPSTREAMS,
		      reader->upstreams))
		memset(reader->upstreams, 0, sizeof(reader->upstreams));
	/* Ids are given in order. */
	for (id = 1; id < MAX_UPSTREAMS && reader->upstreams[id].name[0]; id++)
		reader->upstreams[id].name[UPSTREAM_NAME_SIZE - 1] = '\0';
	for (; id < MAX_UPSTREAMS; id++)
		reader->upstreams[id].name[0] = '\0';
}

/* Of the last read, or NULL. */
static const char *name_of(const struct upstreams_reader *reader, unsigned int id)
{
	return id > 0 && id < MAX_UPSTREAMS && reader->upstreams[id].name[0]
		       ? reader->upstreams[id].name
		       : NULL;
}

/* An upstream that left the configuration is still named by its counters; what it was is known by
 * the name that the default had. */
static bool is_telegram(const struct upstreams_reader *reader, unsigned int id)
{
	const struct upstream *upstream = &reader->upstreams[id];

	return upstream->kind == UPSTREAM_TELEGRAM ||
	       (upstream->kind == UPSTREAM_UNUSED && !strcmp(upstream->name, "telegram"));
}

static const char *endpoint_text(const struct endpoint *endpoint, char out[ENDPOINT_SIZE + 1])
{
	memcpy(out, endpoint->name, ENDPOINT_SIZE);
	out[ENDPOINT_SIZE] = '\0';
	return out;
}

/* Counters of calls: Telegram's have families of their own, whose labels name no upstream. */
struct call_family {
	enum family telegram, upstream;
};

static const struct call_family requests = {FAMILY_TELEGRAM_REQUESTS, FAMILY_UPSTREAM_REQUESTS};
static const struct call_family failures = {FAMILY_TELEGRAM_FAILURES, FAMILY_UPSTREAM_FAILURES};

static void add_calls(const struct upstreams_reader *reader, const struct call_family *family,
		      unsigned int id, const struct endpoint *endpoint, const char *label,
		      uint64_t count)
{
	const char *name = name_of(reader, id), *where;
	char text[ENDPOINT_SIZE + 1];

	if (!name)
		return;
	where = endpoint_text(endpoint, text);
	if (is_telegram(reader, id))
		model_add(reader->model, family->telegram, count, where, label);
	else
		model_add(reader->model, family->upstream, count, name, where, label);
}

static void add_request(const void *key_bytes, const void *value, void *context)
{
	const struct request_key *key = key_bytes;
	uint64_t count;

	memcpy(&count, value, sizeof(count));
	add_calls(context, &requests, key->upstream, &key->endpoint, call_method_label(key->method),
		  count);
}

static void add_failure(const void *key_bytes, const void *value, void *context)
{
	const struct failure_key *key = key_bytes;
	uint64_t count;

	memcpy(&count, value, sizeof(count));
	add_calls(context, &failures, key->upstream, &key->endpoint,
		  call_failure_label(key->failure), count);
}

static void add_duration(const void *key_bytes, const void *value, void *context)
{
	const struct duration_key *key = key_bytes;
	const struct upstreams_reader *reader = context;
	const char *name = name_of(reader, key->upstream), *endpoint, *status;
	char text[ENDPOINT_SIZE + 1], code[STATUS_LABEL_SIZE];
	struct distribution distribution;
	struct histogram histogram;

	if (!name)
		return;
	memcpy(&histogram, value, sizeof(histogram));
	distribution = bounds_distribution(&reader->call, &histogram);
	endpoint = endpoint_text(&key->endpoint, text);
	status = call_status_label(key->status, code);
	if (!is_telegram(reader, key->upstream))
		model_add_distribution(reader->model, FAMILY_UPSTREAM_DURATION, &distribution, name,
				       endpoint, status);
	else if (!strcmp(endpoint, "getUpdates"))
		model_add_distribution(reader->model, FAMILY_TELEGRAM_LONG_POLL, &distribution,
				       status);
	else
		model_add_distribution(reader->model, FAMILY_TELEGRAM_DURATION, &distribution,
				       endpoint, status);
}

static void add_endpoint_facts(const void *key_bytes, const void *value, void *context)
{
	const struct endpoint_key *key = key_bytes;
	const struct upstreams_reader *reader = context;
	struct distribution distribution;
	struct endpoint_facts facts;
	char text[ENDPOINT_SIZE + 1];
	const char *endpoint;

	if (!name_of(reader, key->upstream) || !is_telegram(reader, key->upstream))
		return;
	memcpy(&facts, value, sizeof(facts));
	endpoint = endpoint_text(&key->endpoint, text);
	distribution = bounds_distribution(&reader->retry_after, &facts.retry_after);
	model_add(reader->model, FAMILY_TELEGRAM_RETRY_ATTEMPTS, facts.retries, endpoint);
	if (distribution.sum)
		model_add_distribution(reader->model, FAMILY_TELEGRAM_RETRY_AFTER, &distribution,
				       endpoint);
	if (facts.last_success_ns)
		model_add(reader->model, FAMILY_TELEGRAM_LAST_SUCCESS,
			  reader->boot_ns + facts.last_success_ns, endpoint);
}

/* The histograms of struct upstream_totals, one family each. */
static const struct {
	enum family family;
	size_t offset;
} total_rows[] = {
	{FAMILY_UPSTREAM_FIRST_BYTE, offsetof(struct upstream_totals, first_byte)},
	{FAMILY_UPSTREAM_DNS, offsetof(struct upstream_totals, dns)},
	{FAMILY_UPSTREAM_CONNECT, offsetof(struct upstream_totals, connect)},
	{FAMILY_UPSTREAM_TLS_HANDSHAKE, offsetof(struct upstream_totals, handshake)},
	{FAMILY_UPSTREAM_ROUND_TRIP, offsetof(struct upstream_totals, round_trip)},
};

/* Connected: a call succeeded within the window, and none failed after it. */
static void add_health(const struct upstreams_reader *reader, const struct upstream_totals *totals)
{
	struct settings settings = {};
	uint32_t zero = 0;
	bool healthy;

	if (!totals->last_success_ns && !totals->last_failure_ns)
		return;
	bpf_map_lookup_elem(reader->maps[MAP_SETTINGS], &zero, &settings);
	healthy = totals->last_success_ns > totals->last_failure_ns &&
		  (reader->now_ns < totals->last_success_ns ||
		   reader->now_ns - totals->last_success_ns <= settings.health_window_ns);
	model_add(reader->model, FAMILY_TELEGRAM_HEALTH, healthy);
}

static bool speaks_http(const struct upstreams_reader *reader, unsigned int id)
{
	return reader->upstreams[id].kind == UPSTREAM_HTTPS || is_telegram(reader, id);
}

/* What is known in advance exists before anything happens. */
static void add_zeroes(const struct upstreams_reader *reader, unsigned int id)
{
	static const struct endpoint unknown = {"unknown"};
	unsigned int failure;

	add_calls(reader, &requests, id, &unknown, "unknown", 0);
	for (failure = 1; failure < FAILURES; failure++)
		if (!call_failure_is_status(failure) || speaks_http(reader, id))
			add_calls(reader, &failures, id, &unknown, call_failure_label(failure), 0);
	if (is_telegram(reader, id))
		model_add(reader->model, FAMILY_TELEGRAM_RETRY_ATTEMPTS, 0, unknown.name);
}

static void add_totals(const struct upstreams_reader *reader, uint32_t id, const char *name)
{
	const struct upstream_totals *totals = &reader->totals[id];
	struct distribution distribution;
	unsigned int i;

	add_zeroes(reader, id);
	for (i = 0; i < COUNT(total_rows); i++) {
		distribution =
			bounds_distribution(&reader->connect, (const void *)((const char *)totals +
									     total_rows[i].offset));
		model_add_distribution(reader->model, total_rows[i].family, &distribution, name);
	}
	for (i = 1; i < VISIBILITIES; i++)
		model_add(reader->model, FAMILY_UPSTREAM_CONNECTIONS_SEEN, totals->connections[i],
			  name, visibility_label(i));
	for (i = 0; i < UNDECODED_REASONS; i++)
		model_add(reader->model, FAMILY_UPSTREAM_UNDECODED, totals->undecoded[i], name,
			  undecoded_label(i));
	model_add(reader->model, FAMILY_UPSTREAM_SENT, totals->sent_bytes, name);
	model_add(reader->model, FAMILY_UPSTREAM_RECEIVED, totals->received_bytes, name);
	model_add(reader->model, FAMILY_UPSTREAM_RETRANSMITS, totals->retransmits, name);
	if (is_telegram(reader, id))
		add_health(reader, totals);
}

static void count_connection(const void *key, const void *value, void *context)
{
	struct upstreams_reader *reader = context;
	struct connection connection;
	unsigned int id;

	(void)key;
	memcpy(&connection, value, sizeof(connection));
	id = connection_upstream(&connection);
	if (id && id < MAX_UPSTREAMS)
		reader->counts[id].in[connection_state(&connection, reader->now_ns)]++;
}

static void add_connections(const struct upstreams_reader *reader, uint32_t id, const char *name)
{
	const struct connection_counts *counts = &reader->counts[id];
	unsigned int state;

	if (reader->upstreams[id].kind == UPSTREAM_UNUSED)
		return;
	for (state = 0; state < CONNECTION_STATES; state++)
		model_add(reader->model, FAMILY_UPSTREAM_CONNECTIONS, counts->in[state], name,
			  connection_state_label(state));
	if (reader->upstreams[id].kind != UPSTREAM_DATABASE)
		return;
	model_add(reader->model, FAMILY_DATABASE_POOL_ACTIVE, counts->in[CONNECTION_ACTIVE], name);
	model_add(reader->model, FAMILY_DATABASE_POOL_IDLE, counts->in[CONNECTION_IDLE], name);
}

/* The tables of rows, each with what adds one. */
static const struct {
	enum reader_map map;
	size_t key_size, value_size;
	map_row_callback callback;
} tables[] = {
	{MAP_REQUESTS, sizeof(struct request_key), sizeof(uint64_t), add_request},
	{MAP_FAILURES, sizeof(struct failure_key), sizeof(uint64_t), add_failure},
	{MAP_DURATIONS, sizeof(struct duration_key), sizeof(struct histogram), add_duration},
	{MAP_ENDPOINT_FACTS, sizeof(struct endpoint_key), sizeof(struct endpoint_facts),
	 add_endpoint_facts},
	{MAP_CONNECTIONS, sizeof(uint64_t), sizeof(struct connection), count_connection},
};

static void look_at_clocks(struct upstreams_reader *reader)
{
	struct wall_look look;

	look.boot_before = clock_ns(CLOCK_BOOTTIME);
	look.wall = clock_ns(CLOCK_REALTIME);
	look.boot_after = clock_ns(CLOCK_BOOTTIME);
	reader->now_ns = look.boot_after;
	reader->boot_ns = wall_offset(reader->boot_ns, &look);
}

int upstreams_read(struct upstreams_reader *reader, struct model *model)
{
	int code = sweeps_run(&reader->sweeps), one;
	uint32_t count, id;
	size_t i;

	reader->model = model;
	look_at_clocks(reader);
	memset(reader->counts, 0, sizeof(reader->counts));
	read_upstreams(reader);
	for (i = 0; i < COUNT(tables); i++) {
		one = map_rows(reader->maps[tables[i].map], tables[i].key_size,
			       tables[i].value_size, tables[i].callback, reader);
		code = code ? code : one;
	}
	for (count = 1; count < MAX_UPSTREAMS && name_of(reader, count); count++)
		;
	one = map_array(reader->maps[MAP_TOTALS], sizeof(struct upstream_totals), count,
			reader->totals);
	if (one)
		return code ? code : one;
	for (id = 1; id < count; id++) {
		add_totals(reader, id, name_of(reader, id));
		add_connections(reader, id, name_of(reader, id));
	}
	return code;
}
