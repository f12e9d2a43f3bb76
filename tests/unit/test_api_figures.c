// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "api_figures.h"
#include "journal_schema.h"
#include "journal_sketch.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}
#define MILLISECOND UINT64_C(1000000)
#define MINUTE	    INT64_C(60)
#define HOUR	    INT64_C(3600)
/* 2023-11-14T22:13:00Z */
#define NOW INT64_C(1699999980)
#define US  INT64_C(1000000)

static sqlite3 *open_journal(void)
{
	sqlite3 *db;
	int found;

	assert_int_equal(sqlite3_open(":memory:", &db), SQLITE_OK);
	assert_int_equal(journal_schema_apply(db, &found), 0);
	return db;
}

/* `milliseconds`: of each of `count` responses; 0: no durations. */
static void put(sqlite3 *db, int window, int64_t start, const char *series, int count,
		uint64_t milliseconds)
{
	uint8_t bytes[SKETCH_BYTES_MAX];
	struct sketch sketch = {{0}};
	sqlite3_stmt *row;

	sketch_add(&sketch, milliseconds * MILLISECOND, (uint64_t)count);
	assert_int_equal(
		sqlite3_prepare_v2(db, "INSERT INTO rollups VALUES(?,?,?,?,?,?)", -1, &row, NULL),
		SQLITE_OK);
	sqlite3_bind_int(row, 1, window);
	sqlite3_bind_int64(row, 2, start);
	sqlite3_bind_text(row, 3, series, -1, SQLITE_STATIC);
	sqlite3_bind_int(row, 4, count);
	sqlite3_bind_int64(row, 5, (int64_t)(milliseconds * MILLISECOND) * count);
	if (milliseconds)
		sqlite3_bind_blob(row, 6, bytes, (int)sketch_encode(&sketch, bytes), SQLITE_STATIC);
	assert_int_equal(sqlite3_step(row), SQLITE_DONE);
	sqlite3_finalize(row);
}

static void assert_figures(sqlite3 *db, struct figures_query query, int has_span,
			   const char *expected)
{
	struct text text = {0};

	assert_int_equal(figures_complete(&query), 0);
	assert_int_equal(figures_render(db, &query, has_span, &text), 0);
	assert_int_equal(text_reserve(&text, 1), 0);
	text.data[text.size] = '\0';
	assert_string_equal(text.data, expected);
	text_release(&text);
}

#define NOTHING_HOUR                                                                      \
	"{\"last_hour\":{\"sms_received\":0,\"ai_responses\":0,\"auto_approval_rate\":0," \
	"\"avg_response_time_ms\":0},"
#define NOTHING_TODAY "\"today\":{\"total_messages\":0,\"escalations\":0,\"payment_plans\":0}"

static void test_nothing(void **state)
{
	sqlite3 *db = open_journal();

	(void)state;
	assert_figures(db, (struct figures_query){.now_us = NOW * US, .window = -1}, 0,
		       NOTHING_HOUR NOTHING_TODAY "}");
	assert_figures(db, (struct figures_query){.now_us = NOW * US, .window = WINDOW_HOUR}, 0,
		       NOTHING_HOUR NOTHING_TODAY ",\"window_seconds\":3600,\"windows\":[]}");
	sqlite3_close(db);
}

static void test_last_hour(void **state)
{
	sqlite3 *db = open_journal();
	int64_t midnight = NOW - NOW % (24 * HOUR);

	(void)state;
	put(db, 60, NOW - 60 * MINUTE, "sms_received", 1000, 0); /* over an hour ago */
	put(db, 60, NOW - 59 * MINUTE, "sms_received", 2, 0);
	put(db, 60, NOW, "sms_received", 3, 0);
	put(db, 60, NOW + MINUTE, "sms_received", 1000, 0); /* a clock that went back */
	put(db, 60, NOW, "ai_responses", 4, 0);
	put(db, 60, NOW, "approvals", 8, 0);
	put(db, 60, NOW, "auto_approvals", 2, 0);
	put(db, 60, NOW, "response_time", 2, 1500);
	put(db, 60, NOW - MINUTE, "response_time", 1, 1502);
	put(db, 86400, midnight, "messages", 7, 0);
	put(db, 86400, midnight, "escalations", 8, 0);
	put(db, 86400, midnight, "payment_plans", 9, 0);
	put(db, 86400, midnight - 24 * HOUR, "messages", 1000, 0);
	put(db, 60, NOW, "something_newer", 1000, 0);
	assert_figures(db, (struct figures_query){.now_us = NOW * US + 59 * US, .window = -1}, 0,
		       "{\"last_hour\":{\"sms_received\":5,\"ai_responses\":4,"
		       "\"auto_approval_rate\":0.25,\"avg_response_time_ms\":1501},"
		       "\"today\":{\"total_messages\":7,\"escalations\":8,\"payment_plans\":9}}");
	sqlite3_close(db);
}

static void test_windows(void **state)
{
	sqlite3 *db = open_journal();
	struct figures_query query = {.now_us = NOW * US, .window = WINDOW_MINUTE};

	(void)state;
	query.from_us = (NOW - 10 * MINUTE) * US + 30 * US; /* the whole window counts */
	query.to_us = (NOW - 5 * MINUTE) * US;
	put(db, 60, NOW - 11 * MINUTE, "messages", 1000, 0);
	put(db, 60, NOW - 10 * MINUTE, "messages", 1, 0);
	put(db, 60, NOW - 6 * MINUTE, "messages", 2, 0);
	put(db, 60, NOW - 6 * MINUTE, "response_time", 100, 1000);
	put(db, 60, NOW - 5 * MINUTE, "messages", 1000, 0);
	assert_figures(
		db, query, 1,
		"{\"last_hour\":{\"sms_received\":0,\"ai_responses\":0,\"auto_approval_rate\":0,"
		"\"avg_response_time_ms\":1000}," NOTHING_TODAY
		",\"period\":{\"from\":\"2023-11-14T22:03:00.000Z\","
		"\"to\":\"2023-11-14T22:08:00.000Z\",\"sms_received\":0,\"ai_responses\":0,"
		"\"auto_approval_rate\":0,\"avg_response_time_ms\":1000,\"total_messages\":3,"
		"\"escalations\":0,\"payment_plans\":0,\"approvals\":0,"
		"\"p50_response_time_ms\":973,\"p90_response_time_ms\":973,"
		"\"p99_response_time_ms\":973},\"window_seconds\":60,\"windows\":["
		"{\"start\":\"2023-11-14T22:03:00.000Z\",\"sms_received\":0,\"ai_responses\":0,"
		"\"auto_approval_rate\":0,\"avg_response_time_ms\":0,\"total_messages\":1,"
		"\"escalations\":0,\"payment_plans\":0,\"approvals\":0,"
		"\"p50_response_time_ms\":0,\"p90_response_time_ms\":0,"
		"\"p99_response_time_ms\":0},"
		"{\"start\":\"2023-11-14T22:07:00.000Z\",\"sms_received\":0,\"ai_responses\":0,"
		"\"auto_approval_rate\":0,\"avg_response_time_ms\":1000,\"total_messages\":2,"
		"\"escalations\":0,\"payment_plans\":0,\"approvals\":0,"
		"\"p50_response_time_ms\":973,\"p90_response_time_ms\":973,"
		"\"p99_response_time_ms\":973}]}");
	sqlite3_close(db);
}

static void test_today(void **state)
{
	sqlite3 *db = open_journal();

	(void)state;
	setenv("TZ", "Asia/Tokyo", 1); /* there it is 07:13 of the next day */
	tzset();
	put(db, 86400, NOW - (7 * HOUR + 13 * MINUTE), "messages", 5, 0);
	put(db, 86400, NOW - NOW % (24 * HOUR), "messages", 1000, 0);
	assert_figures(db, (struct figures_query){.now_us = NOW * US, .window = -1}, 0,
		       NOTHING_HOUR
		       "\"today\":{\"total_messages\":5,\"escalations\":0,\"payment_plans\":0}}");
	setenv("TZ", "UTC", 1);
	tzset();
	sqlite3_close(db);
}

static void test_limits(void **state)
{
	struct figures_query query = {.now_us = NOW * US, .window = WINDOW_MINUTE};

	(void)state;
	query.from_us = (NOW - (FIGURES_WINDOWS_MAX + 1) * MINUTE) * US;
	assert_int_equal(figures_complete(&query), -E2BIG);
	query.from_us += MINUTE * US;
	assert_int_equal(figures_complete(&query), 0);
	query.from_us = query.to_us;
	assert_int_equal(figures_complete(&query), -EINVAL);
	query = (struct figures_query){.now_us = NOW * US, .window = WINDOW_DAY};
	assert_int_equal(figures_complete(&query), 0);
	assert_int_equal(query.from_us, (NOW - 60 * 24 * HOUR) * US);
	assert_int_equal(query.to_us, NOW * US);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("an empty journal gives the whole shape with zeroes", test_nothing),
		TEST("the last hour is sixty minutes, today begins at midnight", test_last_hour),
		TEST("a period and its windows hold whole windows, and nothing beside them",
		     test_windows),
		TEST("midnight is that of the time zone", test_today),
		TEST("a span has an order and a greatest length", test_limits),
	};

	setenv("TZ", "UTC", 1);
	tzset();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
