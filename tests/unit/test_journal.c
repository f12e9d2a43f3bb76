// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "journal_schema.h"
#include "journal_scene.h"
#include "log.h"
#include "retention.h"

#define SECOND_US INT64_C(1000000)
/* 2026-03-29 00:30 UTC: 01:30 in Berlin, half an hour before the clocks go forward. */
#define SPRING_US (INT64_C(1774744200) * SECOND_US)

#define TEST(sentence, function)                                 \
	{                                                        \
		sentence, function, scene_begin, scene_end, NULL \
	}

static struct journal *opened(void)
{
	struct journal *journal = NULL;

	assert_int_equal(journal_open(scene_directory, &journal), 0);
	return journal;
}

static void put(struct journal *journal, int64_t wall_us, const char *json)
{
	struct event *event = scene_event_at(wall_us, json);

	assert_non_null(event);
	assert_int_equal(journal_begin(journal), 0);
	assert_int_equal(journal_put_event(journal, event), 0);
	if (journal_commit(journal))
		fail_msg("%s", journal_problem(journal));
	event_free(event);
}

static void test_files(void **state)
{
	struct journal *journal = opened(), *second;
	struct stat file;

	(void)state;
	assert_int_equal(stat(scene_path(JOURNAL_FILE), &file), 0);
	assert_int_equal(file.st_mode & 07777, 0600);
	assert_int_equal(stat(scene_path(JOURNAL_FILE "-wal"), &file), 0);
	assert_int_equal(file.st_mode & 07777, 0600);
	assert_int_equal(journal_open(scene_directory, &second), -EWOULDBLOCK);
	journal_close(journal);
	journal = opened();
	journal_close(journal);
	journal_close(NULL);
}

static void test_ids(void **state)
{
	const struct retention keep = {.id_window_ns = UINT64_C(60) * 1000000000};
	struct retention_result result;
	struct journal *journal = opened();
	int64_t now = scene_now_us();

	(void)state;
	assert_int_equal(journal_knows(journal, "a"), 0);
	assert_int_equal(journal_knows(journal, NULL), 0);
	put(journal, now, "{\"type\":\"sms.received\",\"id\":\"a\"}");
	put(journal, now, "{\"type\":\"sms.received\"}");
	assert_int_equal(journal_knows(journal, "a"), 1);
	journal_close(journal);
	journal = opened();
	assert_int_equal(journal_stored(journal), 2);
	assert_int_equal(journal_knows(journal, "a"), 1);
	assert_int_equal(retention_step(journal, &keep, now + 59 * SECOND_US, &result), 0);
	assert_int_equal(journal_knows(journal, "a"), 1);
	assert_int_equal(result.ids, 0);
	assert_int_equal(retention_step(journal, &keep, now + 61 * SECOND_US, &result), 0);
	assert_int_equal(result.ids, 2);
	assert_int_equal(journal_knows(journal, "a"), 0);
	put(journal, now + 61 * SECOND_US, "{\"type\":\"sms.received\",\"id\":\"a\"}");
	assert_int_equal(journal_knows(journal, "a"), 1);
	/* The way through the ids goes on after a restart. */
	journal_close(journal);
	journal = opened();
	assert_int_equal(retention_step(journal, &keep, now + 62 * SECOND_US, &result), 0);
	assert_int_equal(journal_knows(journal, "a"), 1);
	assert_int_equal(journal_stored(journal), 3);
	journal_close(journal);
}

static void test_migration(void **state)
{
	static const char version_0[] =
		"CREATE TABLE events(seq INTEGER PRIMARY KEY, id TEXT, time INTEGER NOT NULL,"
		" received INTEGER NOT NULL, type TEXT NOT NULL, way INTEGER NOT NULL,"
		" uid INTEGER, pid INTEGER, session TEXT, approval TEXT, json TEXT NOT NULL);"
		"CREATE UNIQUE INDEX events_id ON events(id) WHERE id IS NOT NULL;"
		"INSERT INTO events VALUES(1, 'old', 1, 1, 'sms.received', 0, 0, 0, NULL, NULL,"
		" '{}'), (2, NULL, 1, 1, 'sms.received', 0, 0, 0, NULL, NULL, '{}')";
	struct journal *journal;

	(void)state;
	/* The other tables are as they are now: a journal without its events' new column. */
	journal_close(opened());
	assert_int_equal(scene_tamper("DROP TABLE events"), 0);
	assert_int_equal(scene_tamper(version_0), 0);
	assert_int_equal(scene_tamper("PRAGMA user_version = 0"), 0);
	journal = opened();
	assert_int_equal(journal_knows(journal, "old"), 1);
	assert_int_equal(journal_stored(journal), 2);
	put(journal, scene_now_us(), "{\"type\":\"sms.received\",\"id\":\"new\"}");
	journal_close(journal);
	assert_int_equal(scene_query("PRAGMA user_version"), JOURNAL_VERSION);
	assert_int_equal(scene_query("SELECT count(*) FROM events WHERE remembered = 1"), 2);

	assert_int_equal(scene_tamper("PRAGMA user_version = 2"), 0);
	assert_int_equal(journal_open(scene_directory, &journal), -EPROTONOSUPPORT);
	assert_int_equal(scene_query("SELECT count(*) FROM events"), 3);
	assert_int_equal(scene_files(JOURNAL_FILE ".damaged"), 0);
}

/* Writes over the file's bytes from `at` on. */
static void scribble(off_t at, size_t size)
{
	char bytes[4096];
	int fd = open(scene_path(JOURNAL_FILE), O_WRONLY | O_CLOEXEC);

	memset(bytes, 0xa5, sizeof(bytes));
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, bytes, size, at), size);
	close(fd);
}

static void test_damage(void **state)
{
	/* The header; the first page of tables after the schema, where pages are 4 KiB. */
	static const off_t places[] = {0, 4096 * 3};
	struct journal *journal;
	struct stat before, after;
	char name[64];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(places) / sizeof(*places); i++) {
		journal = opened();
		put(journal, scene_now_us(), "{\"type\":\"sms.received\",\"id\":\"a\"}");
		journal_close(journal);
		scribble(places[i], 4096);
		assert_int_equal(stat(scene_path(JOURNAL_FILE), &before), 0);
		journal = opened();
		assert_int_equal(journal_stored(journal), 0);
		assert_int_equal(journal_knows(journal, "a"), 0);
		put(journal, scene_now_us(), "{\"type\":\"sms.received\"}");
		journal_close(journal);
		snprintf(name, sizeof(name), "%s.damaged-", JOURNAL_FILE);
		/* Only the file: it was closed, its log was brought back. */
		assert_int_equal(scene_files(name), i + 1);
	}
	assert_int_equal(stat(scene_path(JOURNAL_FILE), &after), 0);
	assert_int_not_equal(after.st_ino, before.st_ino);
}

static void test_sums(void **state)
{
	const struct rollup_row rollup = {SPRING_US, "response_time", 1, UINT64_C(1000000000)};
	const struct cost_row cost = {SPRING_US, "m", "claude", "e", "s", 1, 2, 3, 4, 500, 0};
	const struct run_row run = {.time_us = SPRING_US,
				    .agent_type = "claude",
				    .model = "m",
				    .runs = 1,
				    .successes = 1,
				    .duration_ns = UINT64_C(2000000000),
				    .tokens = 10};
	struct journal *journal = opened();
	struct account_store store;
	struct rollup_row later = rollup;
	int i;

	(void)state;
	store = journal_store(journal);
	later.time_us += 40 * 60 * SECOND_US;
	for (i = 0; i < 2; i++) {
		assert_int_equal(journal_begin(journal), 0);
		assert_int_equal(store.add_rollup(journal, &rollup), 0);
		assert_int_equal(store.add_rollup(journal, &rollup), 0);
		assert_int_equal(store.add_rollup(journal, &later), 0);
		assert_int_equal(store.add_cost(journal, &cost), 0);
		assert_int_equal(store.add_run(journal, &run), 0);
		assert_int_equal(journal_commit(journal), 0);
	}
	/* What is rolled back leaves nothing. */
	assert_int_equal(journal_begin(journal), 0);
	assert_int_equal(store.add_rollup(journal, &rollup), 0);
	assert_int_equal(store.add_cost(journal, &cost), 0);
	journal_rollback(journal);
	assert_int_equal(journal_begin(journal), 0);
	assert_int_equal(journal_commit(journal), 0);
	journal_close(journal);
	assert_int_equal(scene_query("SELECT count FROM rollups WHERE window = 60 AND"
				     " start = 1774744200"),
			 4);
	assert_int_equal(scene_query("SELECT sum FROM rollups WHERE window = 60 AND"
				     " start = 1774744200"),
			 INT64_C(4000000000));
	assert_int_equal(scene_query("SELECT count FROM rollups WHERE window = 3600 AND"
				     " start = 1774742400"),
			 4);
	/* The day begins at midnight in Berlin. */
	assert_int_equal(scene_query("SELECT count FROM rollups WHERE window = 86400 AND"
				     " start = 1774738800"),
			 6);
	assert_int_equal(scene_query("SELECT events * 10000 + output * 1000 + unpriced * 100 FROM"
				     " costs WHERE day = '2026-03-29' AND epic = 'e'"),
			 24200);
	assert_int_equal(scene_query("SELECT microdollars FROM costs"), 1000);
	assert_int_equal(scene_query("SELECT runs * 100 + tokens FROM runs"), 220);
}

/* One that waits; one that was decided when events happened that go, and one of those that stay. */
static void put_approvals(struct journal *journal, int64_t now)
{
	const struct account_store store = journal_store(journal);
	const struct approval_row rows[] = {
		{.approval_id = "waits", .requested_us = now},
		{.approval_id = "old", .requested_us = now, .decided_us = now + 1500 * SECOND_US},
		{.approval_id = "new", .requested_us = now, .decided_us = now + 2999 * SECOND_US},
	};
	size_t i;

	assert_int_equal(journal_begin(journal), 0);
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(store.put_approval(journal, &rows[i]), 0);
	assert_int_equal(journal_commit(journal), 0);
}

static void test_retention(void **state)
{
	const struct retention by_age = {.age_ns = UINT64_C(100) * 1000000000};
	struct retention by_size = {0};
	struct retention_result result = {.more = true};
	struct journal *journal = opened();
	int64_t now = scene_now_us();
	uint64_t before;
	char json[1200];
	int i;

	(void)state;
	memset(json, 'x', sizeof(json));
	for (i = 0; i < 3000; i++) {
		struct event *event;

		snprintf(json, sizeof(json),
			 "{\"type\":\"audit\",\"actor\":\"a\",\"action\":\"b\","
			 "\"resource\":\"c\",\"details\":\"%0900d\"}",
			 i);
		if (i % 1000 == 0)
			assert_int_equal(journal_begin(journal), 0);
		event = scene_event_at(now + (int64_t)i * SECOND_US, json);
		assert_int_equal(journal_put_event(journal, event), 0);
		event_free(event);
		if (i % 1000 == 999)
			assert_int_equal(journal_commit(journal), 0);
	}
	for (i = 0; result.more; i++)
		assert_int_equal(retention_step(journal, &by_age, now + 1100 * SECOND_US, &result),
				 0);
	assert_int_equal(journal_stored(journal), 2000);
	before = journal_size(journal);
	put_approvals(journal, now);
	by_size.bytes = 1024 * 1024;
	for (result.more = true; result.more;)
		assert_int_equal(retention_step(journal, &by_size, now, &result), 0);
	for (i = 0; i < 20; i++)
		assert_int_equal(retention_step(journal, &by_size, now, &result), 0);
	assert_in_range(before, 2 * 1024 * 1024, 16 * 1024 * 1024);
	assert_in_range(journal_stored(journal), 500, 1000);
	journal_close(journal);
	assert_in_range(scene_query("PRAGMA page_count"), 200, 600);
	assert_int_equal(scene_query("SELECT max(seq) FROM events"), 3000);
	assert_int_equal(scene_query("SELECT count(*) FROM approvals"), 2);
	assert_int_equal(scene_query("SELECT count(*) FROM approvals WHERE approval_id = 'old'"),
			 0);
}

/* Names are the senders': each event may bring new ones. */
static void test_names(void **state)
{
	struct journal *journal = opened();
	const struct account_store store = journal_store(journal);
	const struct run_row kernel = {.time_us = scene_now_us(), .agent_type = "a", .exits = 1};
	char model[16], epic[16];
	int i;

	(void)state;
	assert_int_equal(journal_begin(journal), 0);
	for (i = 0; i < 25000; i++) {
		const struct cost_row cost = {.time_us = kernel.time_us,
					      .model = model,
					      .agent_type = "a",
					      .epic = i % 2 ? epic : "",
					      .story = "",
					      .microdollars = 1};
		const struct run_row run = {
			.time_us = kernel.time_us, .agent_type = "a", .model = model, .runs = 1};

		snprintf(model, sizeof(model), "m%d", i);
		snprintf(epic, sizeof(epic), "e%d", i);
		assert_int_equal(store.add_cost(journal, &cost), 0);
		assert_int_equal(store.add_run(journal, &run), 0);
		if (i == 12000)
			assert_int_equal(journal_commit(journal) || journal_begin(journal), 0);
	}
	/* What has a row goes on in it; what the kernel says stays apart. */
	snprintf(model, sizeof(model), "m1");
	assert_int_equal(store.add_run(journal, &(struct run_row){.time_us = kernel.time_us,
								  .agent_type = "a",
								  .model = model,
								  .runs = 1}),
			 0);
	assert_int_equal(store.add_run(journal, &kernel), 0);
	assert_int_equal(journal_commit(journal), 0);
	journal_close(journal);
	assert_int_equal(scene_query("SELECT count(*) FROM costs"), 20002);
	assert_int_equal(scene_query("SELECT sum(microdollars) FROM costs"), 25000);
	assert_int_equal(scene_query("SELECT sum(events) FROM costs WHERE model = 'other'"), 5000);
	assert_int_equal(scene_query("SELECT count(*) FROM runs"), 10002);
	assert_int_equal(scene_query("SELECT sum(runs) FROM runs"), 25001);
	assert_int_equal(scene_query("SELECT runs FROM runs WHERE model = 'm1'"), 2);
	assert_int_equal(scene_query("SELECT exits FROM runs WHERE model = ''"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("files are the owner's only, and a second instance is refused", test_files),
		TEST("an id is known over restarts until its window has passed", test_ids),
		TEST("an older version is brought up to date, a newer one is left alone",
		     test_migration),
		TEST("a damaged file is set aside and a new one is begun", test_damage),
		TEST("sums add up in local days, and not when they are rolled back", test_sums),
		TEST("a day has a bounded number of names, and nothing of the rest is lost",
		     test_names),
		TEST("old events go by age and by size, and the file shrinks", test_retention),
	};

	log_settings.level = LOG_LEVELS;
	setenv("TZ", "Europe/Berlin", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
