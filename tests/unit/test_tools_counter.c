// SPDX-License-Identifier: Apache-2.0
/* From the kernel's sums to what the journal counts: whoever dies, each run is counted once. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "memory_store.h"
#include "tools_counter.h"

#define BOOT 77

static struct reporting_settings settings;
static struct accounts *accounts;
static struct memory_store store;
static struct tools_counter counter;
static unsigned said;
static int refuse;

static const struct moment now = {INT64_C(1795262400000000), UINT64_C(3600000000000)};

/* The journal takes what the counter says, in one batch each. */
static int take(void *context, struct event *event)
{
	const struct account_store functions = memory_functions(&store);
	struct outcome outcome;

	(void)context;
	said++;
	if (!refuse) {
		assert_int_equal(accounts_apply(accounts, event, &outcome), 0);
		assert_int_equal(outcome.kind, OUTCOME_TAKEN);
		assert_int_equal(accounts_save(accounts, &functions), 0);
		accounts_commit(accounts);
	}
	event_free(event);
	return refuse;
}

static void start_counter(uint32_t map)
{
	memset(&counter, 0, sizeof(counter));
	counter.submit = take;
	counter.map = map;
}

static void start_accounts(uint64_t boot)
{
	unsigned i;

	accounts_free(accounts);
	assert_int_equal(accounts_create(&settings, &accounts), 0);
	accounts_set_boot(accounts, boot, &now);
	for (i = 0; i < store.value_count; i++)
		assert_int_equal(
			accounts_load_value(accounts, store.values[i].name, store.values[i].value),
			0);
}

static int setup(void **state)
{
	(void)state;
	memset(&store, 0, sizeof(store));
	settings.pending_max = 1;
	said = 0;
	refuse = 0;
	start_accounts(BOOT);
	start_counter(5);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	accounts_free(accounts);
	accounts = NULL;
	return 0;
}

static void say(unsigned type, const char *name, uint64_t runs, uint64_t failures)
{
	const struct tool_sums sums = {runs, failures};

	tools_counter_say(&counter, &now, type, name, &sums);
}

static void assert_counted(uint32_t runs, uint32_t failures)
{
	assert_int_equal(store.run.tool_runs, runs);
	assert_int_equal(store.run.tool_failures, failures);
}

static void failures(void **state)
{
	const struct tool tool = {.ends = {[END_SUCCESS] = 100,
					   [END_ERROR] = 1,
					   [END_SIGNAL_SELF] = 2,
					   [END_SIGNAL_PARENT] = 4,
					   [END_SIGNAL_OTHER] = 8,
					   [END_OOM] = 16,
					   [END_CORE] = 32}};
	struct tool_sums sums = {1, 1};

	(void)state;
	tools_counter_add(&sums, &tool);
	assert_int_equal(sums.runs, 164);
	assert_int_equal(sums.failures, 64);
}

static void differences(void **state)
{
	(void)state;
	say(1, "claude-code", 10, 2);
	say(2, "codex", 5, 0);
	assert_counted(15, 2);
	say(1, "claude-code", 10, 2);
	assert_int_equal(said, 2);
	say(1, "claude-code", 13, 3);
	assert_int_equal(said, 3);
	assert_counted(18, 3);
	/* A row that was missed while the map was read. */
	say(1, "claude-code", 11, 2);
	assert_counted(18, 3);
	say(1, "claude-code", 14, 3);
	assert_counted(19, 3);
}

static void none(void **state)
{
	(void)state;
	say(1, "claude-code", 0, 0);
	assert_int_equal(said, 0);
	assert_int_equal(store.value_count, 0);
}

static void refused(void **state)
{
	(void)state;
	refuse = -ENOBUFS;
	say(1, "claude-code", 10, 2);
	refuse = 0;
	say(1, "claude-code", 10, 2);
	assert_int_equal(said, 2);
	assert_counted(10, 2);
}

static void restarts(void **state)
{
	(void)state;
	say(1, "claude code", 10, 2);
	say(2, "codex", 1, 1);
	/* Both sides are new; the kernel has counted on. */
	start_accounts(BOOT);
	start_counter(5);
	say(1, "claude code", 12, 2);
	say(2, "codex", 1, 1);
	assert_counted(13, 3);
	/* The reader alone is new, the map is the same. */
	start_counter(5);
	say(1, "claude code", 12, 2);
	assert_counted(13, 3);
}

static void new_maps(void **state)
{
	(void)state;
	say(1, "claude-code", 10, 2);
	counter.map = 6;
	say(1, "claude-code", 10, 1);
	assert_counted(20, 3);
	/* Another boot may give the same id to another map. */
	start_accounts(BOOT + 1);
	start_counter(6);
	say(1, "claude-code", 11, 1);
	assert_counted(31, 4);
}

/* What a disk did not take is in the next sums. */
static void rolled_back(void **state)
{
	const struct event_field_value values[] = {{FIELD_AGENT_TYPE, "codex", 0},
						   {FIELD_RUNS, NULL, 7},
						   {FIELD_FAILURES, NULL, 1},
						   {FIELD_SOURCE, NULL, 5}};
	const struct event_origin origin = {.way = WAY_INTERNAL, .uid = UINT32_MAX};
	struct outcome outcome;
	struct event *event;

	(void)state;
	assert_int_equal(event_make(EVENT_TOOLS_ENDED, &origin, values, 4, &event), 0);
	assert_int_equal(accounts_apply(accounts, event, &outcome), 0);
	event_free(event);
	accounts_rollback(accounts);
	say(1, "codex", 8, 1);
	assert_counted(8, 1);
}

static void many_types(void **state)
{
	char name[TYPE_NAME_SIZE];
	unsigned i;

	(void)state;
	for (i = 1; i < MAX_AGENT_TYPES; i++) {
		snprintf(name, sizeof(name), "type-%u", i);
		say(i, name, 1, 0);
	}
	assert_counted(MAX_AGENT_TYPES - 1, 0);
	/* Names of this map beyond those that it can have are not counted. */
	say(1, "one", 7, 0);
	say(2, "two", 7, 0);
	assert_counted(MAX_AGENT_TYPES + 6, 0);
}

static void bad_values(void **state)
{
	static const char *const values[] = {
		"",	      "5",
		"x y\n",      "1 2\n3\n",
		"1 2\n3 4\n", "1 2\n3 4 \n",
		"1 2\n3 4 a", "1 2\n3 4 0123456789012345678901234567890123\n"};
	struct tools_seen seen = {.changed = false};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(values) / sizeof(*values); i++)
		assert_int_equal(tools_seen_load(&seen, "tools_seen", values[i]), -EINVAL);
	assert_int_equal(seen.committed.count, 0);
	assert_int_equal(tools_seen_load(&seen, "month_cost", "1 2\n"), -ENOENT);
	assert_int_equal(tools_seen_load(&seen, "tools_seen", "1 2\n3 4 a b\n"), 0);
	assert_string_equal(seen.committed.rows[0].agent_type, "a b");
	assert_int_equal(seen.committed.rows[0].sums.failures, 4);
}

#define TEST(sentence, function)                          \
	{                                                 \
		sentence, function, setup, teardown, NULL \
	}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("every end but a success is a failure", failures),
		TEST("what is new since the last sums is counted", differences),
		TEST("of a type without runs nothing is said", none),
		TEST("sums that found no room are said again", refused),
		TEST("a restart neither loses a run nor counts one twice", restarts),
		TEST("new maps begin at 0", new_maps),
		TEST("what was rolled back is counted with the next sums", rolled_back),
		TEST("there is room for every type of a map", many_types),
		TEST("a stored value that makes no sense is refused whole", bad_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
