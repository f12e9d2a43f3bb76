// SPDX-License-Identifier: Apache-2.0
/* What is sent; how it is sent, and what the command says: test_emit.c. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "emit_event.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define WORDS_MAX    5

static const struct emit_defaults nothing = {.pid = 0};
static const struct emit_defaults defaults = {.id = "an-id", .pid = 12};

static void test_words(void **state)
{
	static const struct {
		const char *type;
		const char *words[WORDS_MAX];
		const char *json;
	} cases[] = {
		{"sms.sent", {NULL}, "{\"type\":\"sms.sent\"}"},
		{"approval.requested",
		 {"approval_id=42", "timeout_seconds=1.5", "tool=Bash = x", "priority="},
		 "{\"type\":\"approval.requested\",\"approval_id\":\"42\",\"timeout_seconds\":1.5,"
		 "\"tool\":\"Bash = x\",\"priority\":\"\"}"},
		{"approval.accepted",
		 {"approval_id=a", "auto=yes"},
		 "{\"type\":\"approval.accepted\",\"approval_id\":\"a\",\"auto\":true}"},
		{"service.health",
		 {"healthy=off", "service=s", "ttl_seconds=60"},
		 "{\"type\":\"service.health\",\"healthy\":false,\"service\":\"s\","
		 "\"ttl_seconds\":60}"},
		{"queue.depth",
		 {"queue=7", "depth=many"},
		 "{\"type\":\"queue.depth\",\"queue\":\"7\",\"depth\":\"many\"}"},
		{"metric",
		 {"name=n", "value=-2e3", "labels=a=1,b=x=y"},
		 "{\"type\":\"metric\",\"name\":\"n\",\"value\":-2000,"
		 "\"labels\":{\"a\":\"1\",\"b\":\"x=y\"}}"},
		{"metric",
		 {"labels:={\"a\":\"1,2\"}", "name:=7"},
		 "{\"type\":\"metric\",\"labels\":{\"a\":\"1,2\"},\"name\":7}"},
		{"audit",
		 {"details={\"a\":[1]}", "actor=eve"},
		 "{\"type\":\"audit\",\"details\":{\"a\":[1]},\"actor\":\"eve\"}"},
		{"audit",
		 {"details=plain words"},
		 "{\"type\":\"audit\",\"details\":\"plain words\"}"},
		{"sms.sent", {"time=1769860800"}, "{\"type\":\"sms.sent\",\"time\":1769860800}"},
		{"sms.sent",
		 {"time=2026-01-31T12:00:00Z", "other=1"},
		 "{\"type\":\"sms.sent\",\"time\":\"2026-01-31T12:00:00Z\",\"other\":\"1\"}"},
	};
	char problem[EMIT_PROBLEM_SIZE], *json;
	int count;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		for (count = 0; count < WORDS_MAX && cases[i].words[count]; count++)
			continue;
		json = NULL;
		assert_int_equal(emit_event(cases[i].type, (char *const *)(uintptr_t)cases[i].words,
					    count, &nothing, &json, problem),
				 0);
		assert_string_equal(json, cases[i].json);
		free(json);
	}
}

static void test_bad_words(void **state)
{
	static const struct {
		const char *words[2], *problem;
	} cases[] = {
		{{"word"}, "'word' is not field=value or field:=JSON"},
		{{"=x"}, "'=x' is not field=value or field:=JSON"},
		{{":=1"}, "':=1' is not field=value or field:=JSON"},
		{{"value:={"}, "the value of 'value' is not JSON"},
		{{"tool=\xff"}, "the value of 'tool' is not UTF-8"},
		{{"labels=a"}, "the value of 'labels' is not name=value,name=value in UTF-8"},
		{{"tool=a", "tool=b"}, "'tool' is there twice"},
	};
	char problem[EMIT_PROBLEM_SIZE], *json = NULL;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		assert_int_equal(emit_event("metric", (char *const *)(uintptr_t)cases[i].words,
					    cases[i].words[1] ? 2 : 1, &nothing, &json, problem),
				 -EINVAL);
		assert_null(json);
		assert_string_equal(problem, cases[i].problem);
	}
	assert_int_equal(emit_event("\xff", NULL, 0, &nothing, &json, problem), -EINVAL);
}

static void test_defaults(void **state)
{
	static const uint8_t zeros[16] = {0};
	uint8_t ones[16];
	char id[EMIT_ID_SIZE], problem[EMIT_PROBLEM_SIZE], *json;
	const char *words[] = {"id=mine", "pid=7"};

	(void)state;
	memset(ones, 0xff, sizeof(ones));
	emit_make_id(zeros, id);
	assert_string_equal(id, "00000000-0000-4000-8000-000000000000");
	emit_make_id(ones, id);
	assert_string_equal(id, "ffffffff-ffff-4fff-bfff-ffffffffffff");
	assert_int_equal(emit_event("story", NULL, 0, &defaults, &json, problem), 0);
	assert_string_equal(json, "{\"type\":\"story\",\"id\":\"an-id\",\"pid\":12}");
	free(json);
	assert_int_equal(
		emit_event("story", (char *const *)(uintptr_t)words, 2, &defaults, &json, problem),
		0);
	assert_string_equal(json, "{\"type\":\"story\",\"id\":\"mine\",\"pid\":7}");
	free(json);
}

static void test_lines(void **state)
{
	static const struct {
		const char *line, *sent;
	} cases[] = {
		{"{\"type\":\"story\"}", "{\"type\":\"story\",\"id\":\"an-id\",\"pid\":12}"},
		{" {\"pid\": 1, \"id\": \"x\"}\r", "{\"pid\":1,\"id\":\"x\"}"},
		{"nonsense", "nonsense"},
		{"[1]", "[1]"},
		{"{\"a\":1,\"a\":2}", "{\"a\":1,\"a\":2}"},
	};
	char *sent;
	size_t i;

	(void)state;
	for (i = 0; i < COUNT(cases); i++) {
		sent = emit_line(cases[i].line, strlen(cases[i].line), &defaults);
		assert_string_equal(sent, cases[i].sent);
		free(sent);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("words become JSON as the kind of their field says", test_words),
		TEST("a word that is no field is named", test_bad_words),
		TEST("an id and a pid are added unless they are given", test_defaults),
		TEST("a line gets the defaults, or is sent as it is", test_lines),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
