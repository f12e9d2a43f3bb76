// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batch.h"
#include "batch_split.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GOOD	     "{\"type\":\"sms.sent\"}"
#define BAD	     "{\"type\":\"sms.lost\"}"
#define BAD_TEXT                                                    \
	"\"code\":\"unknown_type\",\"field\":\"type\",\"message\":" \
	"\"there is no event type 'sms.lost'\""
#define BROKEN_TEXT "\"code\":\"invalid_json\",\"field\":\"\",\"message\":"

static const struct event_origin origin = {
	.way = WAY_STREAM,
	.uid = 1000,
	.pid = 7,
	.wall_us = INT64_C(1769860800000000),
	.boot_ns = UINT64_C(1000000000),
};

static void test_forms(void **state)
{
	static const struct {
		const char *body;
		bool ndjson;
		enum batch_form form;
		unsigned count;
		int err;
		const char *last;
	} cases[] = {
		{"{}", false, FORM_SINGLE, 1, 0, "{}"},
		{" {\n\t\"a\": {\n\t}\n}\n", false, FORM_SINGLE, 1, 0, "{\n\t\"a\": {\n\t}\n}"},
		{"{\n\"a\":\n{\n}\n}\n", false, FORM_SINGLE, 1, 0, "{\n\"a\":\n{\n}\n}"},
		{"", false, FORM_SINGLE, 1, 0, ""},
		{"nonsense", false, FORM_SINGLE, 1, 0, "nonsense"},
		{"{\"a\":\n1", false, FORM_SINGLE, 1, 0, "{\"a\":\n1"},
		{"{}\n{}\n", false, FORM_LINES, 2, 0, "{}"},
		{"{}\r\n\r\n \n{\"a\":\"\\\"}\"}\r\n", false, FORM_LINES, 2, 0,
		 "{\"a\":\"\\\"}\"}"},
		{"nonsense\n{}\n", false, FORM_LINES, 2, 0, "{}"},
		{"{}\nnonsense", false, FORM_LINES, 2, 0, "nonsense"},
		{"{\"a\":\"}\n{}", false, FORM_LINES, 2, 0, "{}"},
		{"{}", true, FORM_LINES, 1, 0, "{}"},
		{"\n \n", true, FORM_LINES, 0, 0, NULL},
		{"[]", true, FORM_LINES, 1, 0, "[]"},
		{"[]", false, FORM_ARRAY, 0, 0, NULL},
		{" [ ] \n", false, FORM_ARRAY, 0, 0, NULL},
		{"[ {} ,\n{\"a\":[1,\"]\"]} ] ", false, FORM_ARRAY, 2, 0, "{\"a\":[1,\"]\"]}"},
		{"[{},]", false, FORM_ARRAY, 2, 0, ""},
		{"[{}},{}]", false, FORM_ARRAY, 2, 0, "{}"},
		{"[{\"a\":\"},\n{}]", false, FORM_ARRAY, 0, -EINVAL, NULL},
		{"[{\"a\":\"\\", false, FORM_ARRAY, 0, -EINVAL, NULL},
		{"[{\"a\":\"x\n},{}]", false, FORM_ARRAY, 2, 0, "{}"},
		{"[{},{}", false, FORM_ARRAY, 1, -EINVAL, "{}"},
		{"[{}] {}", false, FORM_ARRAY, 1, -EINVAL, "{}"},
		{"[] []", false, FORM_ARRAY, 0, -EINVAL, NULL},
		{"[", false, FORM_ARRAY, 0, -EINVAL, NULL},
		{"[{},{},{},{}]", false, FORM_ARRAY, 3, -E2BIG, "{}"},
		{"{}\n{}\n{}\n{}", false, FORM_LINES, 3, -E2BIG, "{}"},
	};
	struct batch_slice slices[3];
	unsigned count, again;
	char *body;
	size_t size, i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		size = strlen(cases[i].body);
		body = malloc(size ? size : 1);
		memcpy(body, cases[i].body, size);
		assert_int_equal(batch_form(body, size, cases[i].ndjson), cases[i].form);
		assert_int_equal(batch_split(cases[i].form, body, size, NULL, 3, &count),
				 cases[i].err);
		assert_int_equal(batch_split(cases[i].form, body, size, slices, 3, &again),
				 cases[i].err);
		assert_int_equal(count, cases[i].count);
		assert_int_equal(again, count);
		if (cases[i].last) {
			assert_int_equal(slices[count - 1].size, strlen(cases[i].last));
			assert_memory_equal(slices[count - 1].at, cases[i].last,
					    slices[count - 1].size);
		}
		free(body);
	}
}

/* A recorder that answers at once: for each event what `results` says, S K R or F. */
struct fake_recorder {
	const char *results;
	int err;
	unsigned taken;
};

static int fake_submit(void *context, struct event **events, unsigned count, struct ticket *ticket)
{
	static const char letters[] = "SKRF";
	struct fake_recorder *recorder = context;
	unsigned i;

	assert_int_equal(ticket->count, count);
	for (i = 0; i < count; i++)
		event_free(events[i]);
	recorder->taken += count;
	if (recorder->err)
		return recorder->err;
	for (i = 0; i < count; i++) {
		ticket->events[i].result =
			recorder->results ? (enum record_result)(
						    strchr(letters, recorder->results[i]) - letters)
					  : RECORD_STORED;
		if (ticket->events[i].result == RECORD_REFUSED)
			ticket->events[i].why = (struct event_error){
				.code = "pending_limit", .message = "too \"many\" wait"};
	}
	return 0;
}

static const struct reporting_settings no_limits;

static struct batch *run(const char *body, const struct reporting_settings *limits,
			 struct fake_recorder *recorder, struct intake *intake)
{
	const struct rate_sender sender = rate_sender_user(1000);
	struct rate_limit *limit;
	struct batch *batch;
	bool submitted;

	assert_int_equal(rate_limit_create(limits, &limit), 0);
	assert_int_equal(batch_parse(body, strlen(body), false, &origin, &batch), 0);
	batch_admit(batch, limit, &sender, intake);
	submitted = batch_submit(batch, fake_submit, recorder);
	assert_int_equal(submitted, recorder->taken > 0 && !recorder->err);
	rate_limit_free(limit);
	return batch;
}

static void assert_answer(const char *body, const struct reporting_settings *limits,
			  struct fake_recorder recorder, unsigned status, unsigned retry_after,
			  const char *text)
{
	struct intake intake = {.ingest_sum = 0};
	struct batch *batch = run(body, limits, &recorder, &intake);
	struct batch_answer answer;

	assert_int_equal(batch_answer(batch, &intake, origin.boot_ns + 50, &answer), 0);
	assert_string_equal(answer.text, text);
	assert_int_equal(answer.size, strlen(text));
	assert_int_equal(answer.status, status);
	assert_int_equal(answer.retry_after, retry_after);
	free(answer.text);
	batch_free(batch);
}

static const struct fake_recorder works = {.results = NULL};

static void test_good(void **state)
{
	(void)state;
	assert_answer(GOOD, &no_limits, works, 200, 0, "{\"accepted\":1,\"duplicates\":0}\n");
	assert_answer("[" GOOD "," GOOD "]", &no_limits, (struct fake_recorder){.results = "KS"},
		      200, 0, "{\"accepted\":1,\"duplicates\":1}\n");
	assert_answer("[]", &no_limits, works, 200, 0, "{\"accepted\":0,\"duplicates\":0}\n");
}

static void test_single_refused(void **state)
{
	static const struct reporting_settings closed = {.sender_rate = 1, .sender_burst = 1};

	(void)state;
	assert_answer(BAD, &no_limits, works, 400, 0, "{\"error\":{" BAD_TEXT ",\"index\":0}}\n");
	assert_answer("", &no_limits, works, 400, 0,
		      "{\"error\":{" BROKEN_TEXT
		      "\"the JSON ends too early, at byte 0\",\"index\":0}}\n");
	assert_answer(GOOD, &no_limits, (struct fake_recorder){.results = "R"}, 400, 0,
		      "{\"error\":{\"code\":\"pending_limit\",\"field\":\"\","
		      "\"message\":\"too \\\"many\\\" wait\",\"index\":0}}\n");
	assert_answer(GOOD, &no_limits, (struct fake_recorder){.results = "F"}, 503, 5,
		      "{\"error\":{\"code\":\"journal_failed\",\"field\":\"\","
		      "\"message\":\"the journal cannot write: see /health\",\"index\":0}}\n");
	assert_answer(GOOD, &no_limits, (struct fake_recorder){.err = -EIO}, 503, 5,
		      "{\"error\":{\"code\":\"journal_failed\",\"field\":\"\","
		      "\"message\":\"the journal cannot write: see /health\",\"index\":0}}\n");
	assert_answer(GOOD, &no_limits, (struct fake_recorder){.err = -ENOBUFS}, 503, 1,
		      "{\"error\":{\"code\":\"queue_full\",\"field\":\"\",\"message\":\"too many "
		      "events wait for the disk: come again later\",\"index\":0}}\n");
	assert_answer("[" GOOD "," GOOD "]", &closed, works, 207, 1,
		      "{\"accepted\":1,\"duplicates\":0,\"refused\":1,\"errors\":[{"
		      "\"code\":\"rate_limited\",\"field\":\"\",\"message\":\"more events than the "
		      "limit allows: come again later\",\"index\":1}]}\n");
}

static void test_mixed(void **state)
{
	(void)state;
	assert_answer("[" GOOD "," BAD "," GOOD "," GOOD "]", &no_limits,
		      (struct fake_recorder){.results = "SRK"}, 207, 0,
		      "{\"accepted\":1,\"duplicates\":1,\"refused\":2,\"errors\":[{" BAD_TEXT
		      ",\"index\":1},{\"code\":\"pending_limit\",\"field\":\"\",\"message\":"
		      "\"too \\\"many\\\" wait\",\"index\":2}]}\n");
	assert_answer(BAD "\n\n" GOOD "\n", &no_limits, works, 207, 0,
		      "{\"accepted\":1,\"duplicates\":0,\"refused\":1,\"errors\":[{" BAD_TEXT
		      ",\"index\":0}]}\n");
	assert_answer("[" GOOD ",}]", &no_limits, works, 207, 0,
		      "{\"accepted\":1,\"duplicates\":0,\"refused\":1,\"errors\":[{" BROKEN_TEXT
		      "\"not a JSON object, before byte 1\",\"index\":1}]}\n");
}

static void test_all_refused(void **state)
{
	(void)state;
	assert_answer("[" BAD "," BAD "]", &no_limits, works, 400, 0,
		      "{\"error\":{" BAD_TEXT ",\"index\":0},\"accepted\":0,\"duplicates\":0,"
		      "\"refused\":2,\"errors\":[{" BAD_TEXT ",\"index\":0},{" BAD_TEXT
		      ",\"index\":1}]}\n");
	/* Who can come again is told so. */
	assert_answer("[" GOOD "," BAD "]", &no_limits, (struct fake_recorder){.err = -EIO}, 503, 5,
		      "{\"error\":{\"code\":\"journal_failed\",\"field\":\"\",\"message\":"
		      "\"the journal cannot write: see /health\",\"index\":0},\"accepted\":0,"
		      "\"duplicates\":0,\"refused\":2,\"errors\":[{\"code\":\"journal_failed\","
		      "\"field\":\"\",\"message\":\"the journal cannot write: see /health\","
		      "\"index\":0},{" BAD_TEXT ",\"index\":1}]}\n");
}

static void test_whole(void **state)
{
	struct reporting_settings closed = {.sender_rate = 1, .sender_burst = 1};
	char *body = malloc(BATCH_SIZE_MAX + 2);
	unsigned i;

	(void)state;
	assert_answer("[" GOOD "," GOOD, &closed, works, 400, 0,
		      "{\"error\":{" BROKEN_TEXT
		      "\"the array does not end, or something follows it\",\"index\":1}}\n");
	memset(body, ' ', BATCH_SIZE_MAX + 1);
	body[BATCH_SIZE_MAX + 1] = '\0';
	memcpy(body, GOOD, strlen(GOOD));
	assert_answer(body, &no_limits, works, 413, 0,
		      "{\"error\":{\"code\":\"too_large\",\"field\":\"\",\"message\":"
		      "\"the request has more than 1048576 bytes\",\"index\":0}}\n");
	body[BATCH_SIZE_MAX] = '\0';
	assert_answer(body, &no_limits, works, 200, 0, "{\"accepted\":1,\"duplicates\":0}\n");
	for (i = 0; i < BATCH_EVENTS_MAX + 1; i++)
		memcpy(body + i * 20, GOOD "\n", 20);
	body[(BATCH_EVENTS_MAX + 1) * 20] = '\0';
	assert_answer(body, &no_limits, works, 413, 0,
		      "{\"error\":{\"code\":\"too_large\",\"field\":\"\",\"message\":"
		      "\"the request has more than 10000 events\",\"index\":10000}}\n");
	body[BATCH_EVENTS_MAX * 20] = '\0';
	assert_answer(body, &no_limits, works, 200, 0, "{\"accepted\":10000,\"duplicates\":0}\n");
	free(body);
}

static void test_counted(void **state)
{
	static const struct reporting_settings limits = {.sender_rate = 1, .sender_burst = 4};
	struct fake_recorder recorder = {.results = "SKRF"};
	struct intake intake = {.ingest_sum = 0};
	struct batch_answer answer;
	struct batch *batch =
		run("[" GOOD "," BAD "," GOOD ",{\"type\":\"sms.received\"}," GOOD "," GOOD ",7]",
		    &limits, &recorder, &intake);

	(void)state;
	assert_int_equal(recorder.taken, 4);
	assert_int_equal(batch_answer(batch, &intake, origin.boot_ns + 50000, &answer), 0);
	assert_int_equal(answer.status, 207);
	assert_int_equal(intake.received[EVENT_SMS_SENT], 4);
	assert_int_equal(intake.received[EVENT_SMS_RECEIVED], 1);
	assert_int_equal(intake.refused[INTAKE_INVALID], 2);
	assert_int_equal(intake.refused[INTAKE_RATE_LIMITED], 1);
	assert_int_equal(intake.refused[INTAKE_NOT_APPLICABLE], 1);
	assert_int_equal(intake.refused[INTAKE_JOURNAL], 1);
	assert_int_equal(intake.refused[INTAKE_QUEUE_FULL], 0);
	/* Two of them 50 us after they came: the bucket up to 100 us. */
	assert_int_equal(intake.ingest_counts[2], 2);
	assert_int_equal(intake.ingest_sum, 100000);
	free(answer.text);
	batch_free(batch);
}

static void test_reasons(void **state)
{
	static const struct {
		const char *code;
		enum intake_refusal reason;
	} cases[] = {
		{"invalid_json", INTAKE_INVALID},
		{"unknown_field", INTAKE_INVALID},
		{"too_long", INTAKE_INVALID},
		{"too_large", INTAKE_TOO_LARGE},
		{"rate_limited", INTAKE_RATE_LIMITED},
		{"queue_full", INTAKE_QUEUE_FULL},
		{"journal_failed", INTAKE_JOURNAL},
		{"not_allowed", INTAKE_NOT_ALLOWED},
		{"pending_limit", INTAKE_NOT_APPLICABLE},
	};
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++)
		assert_int_equal(intake_reason(cases[i].code), cases[i].reason);
}

static void test_families(void **state)
{
	struct intake intake = {.refused[INTAKE_TOO_LARGE] = 3};
	struct model *model;

	(void)state;
	assert_int_equal(model_create(0, &model), 0);
	intake_took(&intake, 10000, 1);
	intake_took(&intake, 10001, 2);
	intake_took(&intake, UINT64_C(9000000000), 1);
	assert_int_equal(intake.ingest_counts[0], 1);
	assert_int_equal(intake.ingest_counts[1], 2);
	assert_int_equal(intake.ingest_counts[INTAKE_BOUNDS], 1);
	intake_add(&intake, model);
	assert_int_equal(model_series_count(model, FAMILY_EVENTS_RECEIVED), EVENT_METRIC + 1);
	assert_int_equal(model_series_count(model, FAMILY_EVENTS_REFUSED), INTAKE_REFUSALS);
	assert_int_equal(model_series_count(model, FAMILY_EVENT_INGEST), 1);
	model_free(model);
}

static void test_left_behind(void **state)
{
	struct batch *batch;

	(void)state;
	assert_int_equal(batch_parse("[" GOOD "," BAD "]", strlen("[" GOOD "," BAD "]"), false,
				     &origin, &batch),
			 0);
	assert_int_equal(batch->count, 1);
	batch_free(batch); /* the leak checker would tell */
	batch_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("the content says whether it is one object, an array or lines", test_forms),
		TEST("good events are answered with how many were new and how many known",
		     test_good),
		TEST("a refused object is answered with its error", test_single_refused),
		TEST("bad entries are listed with their place and do not spoil the good ones",
		     test_mixed),
		TEST("a request without a good entry gets the status that says what to do",
		     test_all_refused),
		TEST("a request that is wrong or too large as a whole changes nothing", test_whole),
		TEST("everything is counted by type and by reason", test_counted),
		TEST("every code counts as one reason", test_reasons),
		TEST("the families have every type and reason from the start", test_families),
		TEST("a batch that was never submitted frees its events", test_left_behind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
