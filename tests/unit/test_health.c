// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "health.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}
#define SECOND INT64_C(1000000)
#define START  (INT64_C(1700000000) * SECOND)

static struct health_facts good_facts(void)
{
	return (struct health_facts){
		.handed_over = true,
		.readable = true,
		.programs = 12,
		.attached = 12,
		.records = true,
		.journal = {.works = true, .since_us = START - SECOND, .detail = "3 events"},
		.pending = 2,
	};
}

static void assert_entry(const struct health *health, enum health_component component,
			 enum health_status status, int64_t since_us, const char *detail)
{
	const struct health_entry *entry = &health->entries[component];

	assert_int_equal(entry->status, status);
	assert_int_equal(entry->since_us, since_us);
	assert_string_equal(entry->detail, detail);
}

static void test_good(void **state)
{
	const struct health_facts facts = good_facts();
	struct health health = {0};
	struct text text = {0};

	(void)state;
	health_judge(&health, &facts, START);
	assert_true(health_works(&health));
	assert_int_equal(health_render(&health, START + SECOND, &text), 0);
	assert_int_equal(text_reserve(&text, 1), 0);
	text.data[text.size] = '\0';
	assert_string_equal(
		text.data,
		"{\"status\":\"up\",\"time\":\"2023-11-14T22:13:21.000Z\",\"components\":{"
		"\"observer\":{\"status\":\"up\",\"detail\":\"everything is handed over\","
		"\"since\":\"2023-11-14T22:13:20.000Z\"},"
		"\"kernel_programs\":{\"status\":\"up\",\"detail\":\"12 attached\","
		"\"since\":\"2023-11-14T22:13:20.000Z\"},"
		"\"journal\":{\"status\":\"up\",\"detail\":\"3 events\","
		"\"since\":\"2023-11-14T22:13:19.000Z\"},"
		"\"queue\":{\"status\":\"up\",\"detail\":\"0 of 65536 places are taken\","
		"\"since\":\"2023-11-14T22:13:20.000Z\"},"
		"\"approvals\":{\"status\":\"up\",\"detail\":\"2 pending\","
		"\"since\":\"2023-11-14T22:13:20.000Z\"}}}");
	text_release(&text);
}

static void test_since(void **state)
{
	struct health_facts facts = good_facts();
	struct health health = {0};

	(void)state;
	health_judge(&health, &facts, START);
	facts.attached = 11;
	health_judge(&health, &facts, START + SECOND);
	facts.attached = 10;
	health_judge(&health, &facts, START + 2 * SECOND);
	assert_entry(&health, HEALTH_PROGRAMS, HEALTH_DEGRADED, START + SECOND,
		     "2 of 12 are not attached; `operaglass doctor` says what is lost");
	assert_true(health_works(&health));
	facts.attached = 12;
	health_judge(&health, &facts, START + 3 * SECOND);
	assert_entry(&health, HEALTH_PROGRAMS, HEALTH_UP, START + 3 * SECOND, "12 attached");
	assert_entry(&health, HEALTH_OBSERVER, HEALTH_UP, START, "everything is handed over");
}

static void test_journal(void **state)
{
	struct health_facts facts = good_facts();
	struct health health = {0};

	(void)state;
	facts.journal.detail[0] = '\0';
	facts.journal.stored = 12;
	facts.journal.bytes = 4096;
	health_judge(&health, &facts, START);
	assert_entry(&health, HEALTH_JOURNAL, HEALTH_UP, START - SECOND, "12 events, 4096 bytes");
	facts.journal = (struct recorder_health){.since_us = START + SECOND, .detail = "disk full"};
	health_judge(&health, &facts, START + 9 * SECOND);
	assert_entry(&health, HEALTH_JOURNAL, HEALTH_DOWN, START + SECOND, "disk full");
	assert_false(health_works(&health));
}

static void test_queue(void **state)
{
	struct health_facts facts = good_facts();
	struct health health = {0};

	(void)state;
	facts.journal.queued = RECORDER_QUEUE_EVENTS / 2 - 1;
	health_judge(&health, &facts, START);
	assert_int_equal(health.entries[HEALTH_QUEUE].status, HEALTH_UP);
	facts.journal.queued++;
	health_judge(&health, &facts, START);
	assert_entry(&health, HEALTH_QUEUE, HEALTH_DEGRADED, START,
		     "32768 of 65536 places are taken");
	assert_true(health_works(&health));
	facts.journal.queued = RECORDER_QUEUE_EVENTS;
	health_judge(&health, &facts, START);
	assert_entry(&health, HEALTH_QUEUE, HEALTH_DOWN, START, "full: events are refused");
	assert_false(health_works(&health));
}

static void test_approvals(void **state)
{
	struct health_facts facts = good_facts();
	struct health health = {0};

	(void)state;
	facts.overdue_seconds = HEALTH_OVERDUE_SECONDS;
	health_judge(&health, &facts, START);
	assert_true(health_works(&health));
	facts.overdue_seconds = 61;
	health_judge(&health, &facts, START);
	assert_entry(&health, HEALTH_APPROVALS, HEALTH_DOWN, START,
		     "an expired approval has stayed undecided for 61 s");
	assert_false(health_works(&health));
}

static void test_kernel(void **state)
{
	struct health_facts facts = good_facts();
	struct health health = {0};

	(void)state;
	facts.readable = false;
	health_judge(&health, &facts, START);
	assert_entry(&health, HEALTH_PROGRAMS, HEALTH_DOWN, START,
		     "their maps cannot be read; the log says why");
	facts = (struct health_facts){0};
	health_judge(&health, &facts, START);
	assert_entry(&health, HEALTH_OBSERVER, HEALTH_DOWN, START,
		     "still attaching, or being replaced");
	assert_entry(&health, HEALTH_PROGRAMS, HEALTH_DOWN, START, "none is attached");
	assert_false(health_works(&health));
}

static void test_off(void **state)
{
	struct health_facts facts = good_facts();
	struct health health = {0};

	(void)state;
	facts.records = false;
	health_judge(&health, &facts, START);
	assert_entry(&health, HEALTH_JOURNAL, HEALTH_OFF, START, "events are not taken");
	assert_entry(&health, HEALTH_APPROVALS, HEALTH_OFF, START, "events are not taken");
	assert_true(health_works(&health));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("when all is well every component says so", test_good),
		TEST("a status keeps the time since when it holds", test_since),
		TEST("a journal that cannot write is down since it failed", test_journal),
		TEST("a queue is degraded half full and down when full", test_queue),
		TEST("an approval that stays expired is a failure", test_approvals),
		TEST("without programs or maps the kernel side is down", test_kernel),
		TEST("what is off is no failure", test_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
