// SPDX-License-Identifier: Apache-2.0
/* Accounts whose journal is in memory, events by the second, and what a scrape would show; include
 * it after cmocka. */
#ifndef TESTS_ACCOUNTS_SCENE_H
#define TESTS_ACCOUNTS_SCENE_H

#include "memory_store.h"
#include "text.h"

#define TEST(sentence, function)                          \
	{                                                 \
		sentence, function, setup, teardown, NULL \
	}

#define WALL_US INT64_C(1795000000000000)
#define BOOT_NS UINT64_C(3600000000000)
#define SECOND	UINT64_C(1000000000)

static struct reporting_settings settings;
static struct accounts *accounts;
static struct memory_store store;
static struct event_origin origin;
static int64_t jumped_us; /* by how much somebody has set the wall clock */

static inline struct moment at(uint64_t seconds)
{
	return (struct moment){WALL_US + jumped_us + (int64_t)seconds * 1000000,
			       BOOT_NS + seconds * SECOND};
}

static inline int setup(void **state)
{
	struct moment now;

	(void)state;
	jumped_us = 0;
	now = at(0);
	memset(&settings, 0, sizeof(settings));
	settings.approval_timeout_ns = 1800 * SECOND;
	settings.approval_grace_ns = 30 * SECOND;
	settings.pending_max = 3;
	settings.price_count = 1;
	settings.prices[0] = (struct reporting_price){
		.model = "claude-*", .input = 3000000, .output = 15000000, .cache_read = 300000};
	memset(&store, 0, sizeof(store));
	origin = (struct event_origin){WAY_STREAM, 1000, 4711, WALL_US, BOOT_NS};
	assert_int_equal(accounts_create(&settings, &accounts), 0);
	accounts_set_boot(accounts, 1, &now);
	return 0;
}

static inline int teardown(void **state)
{
	(void)state;
	accounts_free(accounts);
	return 0;
}

static inline struct outcome apply(struct event *event)
{
	struct outcome outcome;

	assert_int_equal(accounts_apply(accounts, event, &outcome), 0);
	event_free(event);
	return outcome;
}

/* One event from JSON, `seconds` after the start, by an agent when root is not 0. */
static inline struct outcome say_by(uint64_t seconds, uint32_t root, const char *json)
{
	struct event_error error;
	struct event *event;

	origin.wall_us = at(seconds).wall_us;
	origin.boot_ns = at(seconds).boot_ns;
	if (event_parse(json, strlen(json), &origin, &event, &error))
		fail_msg("%s: %s", json, error.message);
	if (root)
		event_set_root(event, root, 77, "claude-code");
	return apply(event);
}

static inline struct outcome say(uint64_t seconds, const char *json)
{
	return say_by(seconds, 0, json);
}

static inline struct outcome note(uint64_t seconds, enum event_type type,
				  const struct event_field_value *values, size_t count)
{
	struct event *event;

	origin.wall_us = at(seconds).wall_us;
	origin.boot_ns = at(seconds).boot_ns;
	assert_int_equal(event_make(type, &origin, values, count, &event), 0);
	return apply(event);
}

static inline void commit(void)
{
	const struct account_store functions = memory_functions(&store);

	assert_int_equal(accounts_save(accounts, &functions), 0);
	accounts_commit(accounts);
}

/* Whether the exposition, this long after the start, has this line. */
static inline void assert_line(uint64_t seconds, const char *line)
{
	const struct moment now = at(seconds);
	struct text text = {0};
	struct model *model;
	char wanted[256];

	assert_int_equal(model_create(0, &model), 0);
	accounts_add(accounts, &now, model);
	assert_int_equal(text_render(model, TEXT_PROMETHEUS, &text), 0);
	assert_int_equal(text_reserve(&text, 1), 0);
	text.data[text.size] = '\0';
	snprintf(wanted, sizeof(wanted), "\n%s\n", line);
	if (!strstr(text.data, wanted))
		fail_msg("no line '%s'", line);
	text_release(&text);
	model_free(model);
}

#define REQUEST(id)	       "{\"type\":\"approval.requested\",\"approval_id\":\"" id "\"}"
#define ACCEPT(id)	       "{\"type\":\"approval.accepted\",\"approval_id\":\"" id "\"}"
#define DECIDE(type, id, more) "{\"type\":\"approval." type "\",\"approval_id\":\"" id "\"" more "}"

#endif
