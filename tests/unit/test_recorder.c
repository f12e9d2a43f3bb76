// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdbool.h>

#include "journal_scene.h"
#include "journal_shim.h"
#include "log.h"

#define TEST(sentence, function)                                 \
	{                                                        \
		sentence, function, scene_begin, scene_end, NULL \
	}

static struct recorder *opened(void)
{
	struct recorder *recorder = NULL;

	assert_int_equal(recorder_open(scene_directory, scene_settings(), &recorder), 0);
	return recorder;
}

static struct event *approval(const char *type, const char *id, int64_t wall_us)
{
	struct timespec boot;
	struct event_origin origin = {WAY_STREAM, 0, 0, wall_us, 0};
	struct event_error error;
	struct event *event = NULL;
	char json[128];
	int size;

	clock_gettime(CLOCK_BOOTTIME, &boot);
	origin.boot_ns = (uint64_t)boot.tv_sec * 1000000000 + (uint64_t)boot.tv_nsec;
	size = snprintf(json, sizeof(json), "{\"type\":\"approval.%s\",\"approval_id\":\"%s\"}",
			type, id);
	assert_int_equal(event_parse(json, (size_t)size, &origin, &event, &error), 0);
	return event;
}

static void test_tickets(void **state)
{
	struct recorder *recorder = opened();
	struct scene_ticket ticket;
	struct event *events[4] = {
		scene_event("sms.received", "one"),
		scene_event("sms.received", "one"),
		scene_event_at(scene_now_us(),
			       "{\"type\":\"metric\",\"id\":\"m\",\"name\":\"none\","
			       "\"value\":1}"),
		scene_event("sms.received", NULL),
	};

	(void)state;
	assert_int_equal(scene_record(recorder, events, 4, &ticket), 0);
	assert_int_equal(ticket.events[0].result, RECORD_STORED);
	assert_int_equal(ticket.events[1].result, RECORD_KNOWN);
	assert_int_equal(ticket.events[2].result, RECORD_REFUSED);
	assert_string_equal(ticket.events[2].why.code, "undeclared_metric");
	assert_int_equal(ticket.events[3].result, RECORD_STORED);
	/* A refused one was not stored: its id is free. */
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "m")),
			 RECORD_STORED);
	assert_int_equal(scene_record(recorder, events, 0, &ticket), 0);
	assert_int_equal(ticket.done, 1);
	assert_int_equal(scene_sum(recorder, FAMILY_SMS), 3);
	assert_int_equal(scene_sum(recorder, FAMILY_JOURNAL_EVENTS), 3);
	recorder_close(recorder);
	recorder = opened();
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "one")),
			 RECORD_KNOWN);
	assert_int_equal(scene_sum(recorder, FAMILY_SMS), 3);
	assert_int_equal(scene_sum(recorder, FAMILY_JOURNAL_EVENTS), 3);
	assert_string_equal(recorder_path(recorder), scene_path(JOURNAL_FILE));
	recorder_close(recorder);
}

static void test_memory(void **state)
{
	struct recorder *recorder;

	(void)state;
	assert_int_equal(recorder_open(NULL, scene_settings(), &recorder), 0);
	assert_null(recorder_path(recorder));
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "one")),
			 RECORD_STORED);
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "one")),
			 RECORD_KNOWN);
	recorder_close(recorder);
	recorder_close(NULL);
}

static void test_queue(void **state)
{
	static struct event *events[RECORDER_QUEUE_EVENTS + 1];
	struct recorder *recorder = opened();
	unsigned i;

	(void)state;
	for (i = 0; i <= RECORDER_QUEUE_EVENTS; i++)
		events[i] = scene_event("sms.received", NULL);
	assert_int_equal(recorder_submit(recorder, events, RECORDER_QUEUE_EVENTS + 1, NULL),
			 -ENOBUFS);
	for (i = 0; i < RECORDER_QUEUE_EVENTS; i++)
		events[i] = scene_event("sms.received", NULL);
	assert_int_equal(recorder_submit(recorder, events, RECORDER_QUEUE_EVENTS, NULL), 0);
	/* The end writes what waits. */
	assert_int_equal(scene_sum(recorder, FAMILY_LOST), RECORDER_QUEUE_EVENTS + 1);
	recorder_close(recorder);
	assert_int_equal(scene_query("SELECT count(*) FROM events"), RECORDER_QUEUE_EVENTS);
}

static void test_lost(void **state)
{
	struct recorder *recorder = opened();
	struct event *event = scene_event("sms.received", NULL);

	(void)state;
	shim_arm(1, 0, 1);
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", NULL)),
			 RECORD_FAILED);
	assert_int_equal(scene_sum(recorder, FAMILY_LOST), 0);
	/* Nobody waits for this one. */
	assert_int_equal(recorder_submit(recorder, &event, 1, NULL), -EIO);
	assert_int_equal(scene_sum(recorder, FAMILY_LOST), 1);
	shim_arm(0, 0, 0);
	recorder_close(recorder);
}

/* Nobody waits for the answer to a datagram: what the accounts refuse is counted. */
static void test_refused(void **state)
{
	static const char json[] = "{\"type\":\"metric\",\"name\":\"none\",\"value\":1}";
	static const enum event_way ways[] = {WAY_DATAGRAM, WAY_DATAGRAM, WAY_INTERNAL};
	struct recorder *recorder = opened();
	struct recorder_health health;
	struct event_origin origin;
	struct event_error error;
	struct event *event;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		origin = (struct event_origin){ways[i], 0, 0, scene_now_us(), 1000000000};
		assert_int_equal(event_parse(json, strlen(json), &origin, &event, &error), 0);
		assert_int_equal(recorder_submit(recorder, &event, 1, NULL), 0);
	}
	/* After those. */
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", NULL)),
			 RECORD_STORED);
	recorder_health(recorder, &health);
	assert_int_equal(health.refused, 2);
	assert_int_equal(scene_sum(recorder, FAMILY_LOST), 3);
	recorder_close(recorder);
}

static void test_expired_meanwhile(void **state)
{
	const int64_t long_ago = scene_now_us() - INT64_C(3600) * 1000000;
	struct recorder *recorder = opened();

	(void)state;
	assert_int_equal(scene_record_one(recorder, approval("requested", "a-1", scene_now_us())),
			 RECORD_STORED);
	assert_int_equal(scene_record_one(recorder, approval("requested", "a-2", scene_now_us())),
			 RECORD_STORED);
	assert_int_equal(scene_sum(recorder, FAMILY_APPROVAL_QUEUE_SIZE), 2);
	recorder_close(recorder);
	/* As if it had been asked an hour ago, on another boot. */
	assert_int_equal(scene_tamper("UPDATE approvals SET requested = requested - 3600000000,"
				      " due = due - 3600000000, boot_epoch = 7"
				      " WHERE approval_id = 'a-1'"),
			 0);
	recorder = opened();
	assert_int_equal(scene_sum(recorder, FAMILY_APPROVAL_QUEUE_SIZE), 1);
	assert_int_equal(scene_sum(recorder, FAMILY_APPROVAL_TIMEOUT), 1);
	recorder_close(recorder);
	assert_int_equal(scene_query("SELECT count(*) FROM events WHERE way = 3"), 1);
	/* Dated to when it became due: 30 minutes and 30 seconds after it was asked. */
	assert_in_range(scene_query("SELECT time FROM events WHERE way = 3"),
			long_ago + INT64_C(1829) * 1000000, long_ago + INT64_C(1840) * 1000000);
}

static void test_expires(void **state)
{
	struct reporting_settings *settings = scene_settings();
	struct recorder *recorder;
	int i;

	(void)state;
	settings->approval_timeout_ns = 200000000;
	settings->approval_grace_ns = 100000000;
	assert_int_equal(recorder_open(scene_directory, settings, &recorder), 0);
	assert_int_equal(scene_record_one(recorder, approval("requested", "a-1", scene_now_us())),
			 RECORD_STORED);
	for (i = 0; i < 100 && scene_sum(recorder, FAMILY_APPROVAL_TIMEOUT) == 0; i++)
		poll(NULL, 0, 50);
	assert_int_equal(scene_sum(recorder, FAMILY_APPROVAL_TIMEOUT), 1);
	assert_in_range(i, 4, 60);
	recorder_close(recorder);
}

static void test_actor(void **state)
{
	static const char json[] =
		"{\"type\":\"audit\",\"actor\":\"Ann Example\",\"action\":\"try\","
		"\"resource\":\"it\"}";
	struct reporting_settings *settings = scene_settings();
	struct recorder *recorder = opened();

	(void)state;
	assert_int_equal(scene_record_one(recorder, scene_event_at(scene_now_us(), json)),
			 RECORD_STORED);
	assert_int_equal(scene_query("SELECT count(*) FROM events WHERE json LIKE '%Ann%'"), 0);
	assert_int_equal(scene_query("SELECT count(*) FROM audit JOIN events ON"
				     " json_extract(json, '$.actor') = audit.actor"),
			 1);
	settings->plain_actors = true;
	assert_int_equal(recorder_configure(recorder, settings), 0);
	assert_int_equal(scene_record_one(recorder, scene_event_at(scene_now_us(), json)),
			 RECORD_STORED);
	assert_int_equal(scene_query("SELECT count(*) FROM events WHERE json LIKE '%Ann%'"), 1);
	recorder_close(recorder);
}

static void test_damage_at_run_time(void **state)
{
	struct recorder *recorder = opened();
	struct recorder_health health;

	(void)state;
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "one")),
			 RECORD_STORED);
	/* The shim answers every change with "malformed". */
	shim_corrupt(1);
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "two")),
			 RECORD_FAILED);
	shim_arm(0, 0, 0);
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "two")),
			 RECORD_STORED);
	recorder_health(recorder, &health);
	assert_true(health.works);
	assert_int_equal(scene_sum(recorder, FAMILY_SMS), 2);
	recorder_close(recorder);
	assert_true(scene_files(JOURNAL_FILE ".damaged-") >= 1);
	/* The sums went over to the new file. */
	recorder = opened();
	assert_int_equal(scene_sum(recorder, FAMILY_SMS), 2);
	recorder_close(recorder);
}

static void test_damage_and_no_room(void **state)
{
	struct recorder *recorder = opened();
	struct recorder_health health;
	int i;

	(void)state;
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "one")),
			 RECORD_STORED);
	assert_int_equal(scene_record_one(recorder, scene_event("sms.sent", "sent")),
			 RECORD_STORED);
	/* Malformed, and no new file can be written either. */
	shim_corrupt(1);
	atomic_store(&shim.for_good, 1);
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "two")),
			 RECORD_FAILED);
	recorder_health(recorder, &health);
	assert_false(health.works);
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "two")), -EIO);
	shim_arm(0, 0, 0);
	for (i = 0; i < 100 && !health.works; i++) {
		poll(NULL, 0, 50);
		recorder_health(recorder, &health);
	}
	assert_string_equal(health.detail, "");
	assert_true(health.works);
	assert_int_equal(scene_record_one(recorder, scene_event("sms.received", "two")),
			 RECORD_STORED);
	assert_int_equal(scene_sum(recorder, FAMILY_SMS), 3);
	recorder_close(recorder);
	/* What no event touched since then is there as well. */
	recorder = opened();
	assert_int_equal(scene_sum(recorder, FAMILY_SMS), 3);
	recorder_close(recorder);
	/* The first one, and the one that was begun on the bad disk; each perhaps with its log. */
	assert_in_range(scene_files(JOURNAL_FILE ".damaged-"), 2, 6);
}

static void test_second_instance(void **state)
{
	struct recorder *recorder = opened(), *second;

	(void)state;
	assert_int_equal(recorder_open(scene_directory, scene_settings(), &second), -EWOULDBLOCK);
	recorder_close(recorder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("each event of a ticket gets its answer, also after a restart", test_tickets),
		TEST("without a directory everything is in memory", test_memory),
		TEST("what finds no room is refused as a whole, what found room is written at the end",
		     test_queue),
		TEST("events that nobody waits for are counted when they are lost", test_lost),
		TEST("datagrams that the accounts refuse are counted, and as lost like all others",
		     test_refused),
		TEST("what expired while nothing ran is marked at the start, with its own time",
		     test_expired_meanwhile),
		TEST("an approval that nobody decides expires by itself", test_expires),
		TEST("who decided is stored as a hash unless the settings say otherwise",
		     test_actor),
		TEST("a journal found damaged while it runs is set aside, and the sums go on",
		     test_damage_at_run_time),
		TEST("a damaged journal that cannot be begun anew is, once it can",
		     test_damage_and_no_room),
		TEST("a second instance is refused", test_second_instance),
	};

	log_settings.level = LOG_LEVELS;
	shim_install();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
