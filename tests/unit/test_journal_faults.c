// SPDX-License-Identifier: Apache-2.0
/* Disks that fail at the Nth write: what was acknowledged stays, once, and the sums agree. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>

#include "audit.h"
#include "journal_scene.h"
#include "journal_shim.h"
#include "log.h"

#define GROUPS	  4
#define PER_GROUP 3
/* A run has fewer changes than that. */
#define CHANGES_MAX 400

#define TEST(sentence, function)                                 \
	{                                                        \
		sentence, function, scene_begin, scene_end, NULL \
	}

/* One that adds a row to the chain. */
static struct event *audit_event(const char *id)
{
	char json[160];

	snprintf(json, sizeof(json),
		 "{\"type\":\"audit\",\"id\":\"%s\",\"actor\":\"ann\",\"action\":\"try\","
		 "\"resource\":\"disk\"}",
		 id);
	return scene_event_at(scene_now_us(), json);
}

/* Records groups of events and notes which were acknowledged. */
static void play(bool acknowledged[GROUPS * PER_GROUP])
{
	struct event *events[PER_GROUP];
	struct scene_ticket ticket;
	struct recorder *recorder;
	char id[16];
	unsigned group, i;

	if (recorder_open(scene_directory, scene_settings(), &recorder))
		return;
	for (group = 0; group < GROUPS; group++) {
		for (i = 0; i < PER_GROUP; i++) {
			snprintf(id, sizeof(id), "e%u", group * PER_GROUP + i);
			events[i] = i ? scene_event("sms.received", id) : audit_event(id);
		}
		if (scene_record(recorder, events, PER_GROUP, &ticket))
			continue;
		for (i = 0; i < PER_GROUP; i++)
			acknowledged[group * PER_GROUP + i] =
				ticket.events[i].result == RECORD_STORED;
	}
	recorder_close(recorder);
}

static void check(const bool acknowledged[GROUPS * PER_GROUP])
{
	struct audit_report report;
	struct recorder *recorder;
	int64_t stored;
	char sql[96];
	sqlite3 *db;
	unsigned i;

	assert_int_equal(recorder_open(scene_directory, scene_settings(), &recorder), 0);
	for (i = 0; i < GROUPS * PER_GROUP; i++) {
		snprintf(sql, sizeof(sql), "SELECT count(*) FROM events WHERE id = 'e%u'", i);
		stored = scene_query(sql);
		if (acknowledged[i])
			assert_int_equal(stored, 1);
		else
			assert_in_range(stored, 0, 1);
	}
	stored = scene_query("SELECT count(*) FROM events WHERE type = 'sms.received'");
	assert_int_equal(scene_sum(recorder, FAMILY_SMS), stored);
	assert_int_equal(scene_query("SELECT coalesce(sum(count), 0) FROM rollups WHERE window = 60"
				     " AND series = 'sms_received'"),
			 stored);
	stored = scene_query("SELECT count(*) FROM events WHERE type = 'audit'");
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "last")),
			 RECORD_STORED);
	assert_int_equal(journal_open_reader(scene_path(JOURNAL_FILE), &db), 0);
	assert_int_equal(audit_verify(db, &report), 0);
	assert_int_equal(report.rows, stored);
	sqlite3_close_v2(db);
	recorder_close(recorder);
}

static void fail_at_each(int full, int for_good)
{
	bool acknowledged[GROUPS * PER_GROUP];
	int nth, failures = 1;

	for (nth = 1; failures > 0; nth++) {
		assert_int_not_equal(nth, CHANGES_MAX);
		memset(acknowledged, 0, sizeof(acknowledged));
		scratch_remove(scene_directory);
		shim_arm(nth, full, for_good);
		play(acknowledged);
		failures = atomic_load(&shim.failures);
		shim_arm(0, 0, 0);
		check(acknowledged);
	}
	/* The last run was the one without a failure. */
	for (nth = 0; nth < GROUPS * PER_GROUP; nth++)
		assert_true(acknowledged[nth]);
}

static void test_full_once(void **state)
{
	(void)state;
	fail_at_each(1, 0);
}

static void test_full(void **state)
{
	(void)state;
	fail_at_each(1, 1);
}

static void test_broken_once(void **state)
{
	(void)state;
	fail_at_each(0, 0);
}

static void test_broken(void **state)
{
	(void)state;
	fail_at_each(0, 1);
}

static void test_recovery(void **state)
{
	struct recorder_health health;
	struct recorder *recorder;
	int i, result;

	(void)state;
	assert_int_equal(recorder_open(scene_directory, scene_settings(), &recorder), 0);
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "before")),
			 RECORD_STORED);
	shim_arm(1, 1, 1);
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "full")),
			 RECORD_FAILED);
	recorder_health(recorder, &health);
	assert_false(health.works);
	assert_string_equal(health.detail, "database or disk is full");
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "refused")), -EIO);
	assert_int_equal(scene_sum(recorder, FAMILY_SMS), 1);
	assert_int_equal(scene_sum(recorder, FAMILY_JOURNAL_FAILURES) > 0, 1);
	shim_arm(0, 0, 0);
	/* It tries again once a second. */
	for (i = 0; i < 100 && !health.works; i++) {
		poll(NULL, 0, 50);
		recorder_health(recorder, &health);
	}
	assert_true(health.works);
	assert_string_equal(health.detail, "");
	result = scene_record_one(recorder, scene_event("sms.received", "full"));
	assert_int_equal(result, RECORD_STORED);
	assert_int_equal(scene_sum(recorder, FAMILY_SMS), 2);
	recorder_close(recorder);
	assert_int_equal(scene_query("SELECT count(*) FROM events"), 2);
}

/* What kill -9 cannot show, for the kernel keeps what was written: a loss of power at the answer. */
static void test_power(void **state)
{
	struct recorder *recorder;
	int i, writes;

	(void)state;
	assert_int_equal(recorder_open(scene_directory, scene_settings(), &recorder), 0);
	for (i = 0; i < 50; i++) {
		writes = atomic_load(&shim.log_writes);
		assert_int_equal(scene_record_one(recorder, scene_event("sms.received", NULL)),
				 RECORD_STORED);
		assert_int_not_equal(atomic_load(&shim.log_writes), writes);
		assert_int_equal(atomic_load(&shim.log_unsynced), 0);
	}
	recorder_close(recorder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("a disk that is full at any one write loses nothing that was acknowledged",
		     test_full_once),
		TEST("a disk that stays full from any write on loses nothing that was acknowledged",
		     test_full),
		TEST("an I/O error at any one write loses nothing that was acknowledged",
		     test_broken_once),
		TEST("I/O errors from any write on lose nothing that was acknowledged",
		     test_broken),
		TEST("a full disk is said, refused with, and left behind when there is room again",
		     test_recovery),
		TEST("what is acknowledged was synced before: a loss of power does not take it",
		     test_power),
	};

	/* Each failure is a line, and there are hundreds. */
	log_settings.level = LOG_LEVELS;
	shim_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
