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

#include "facts_log.h"
#include "process.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static struct fact_agent_end end_of(unsigned status, unsigned reason)
{
	return (struct fact_agent_end){
		.head = {.kind = FACT_AGENT_END, .size = sizeof(struct fact_agent_end)},
		.run_ns = UINT64_C(12345678901),
		.tgid = 4711,
		.status = status,
		.type = 7,
		.reason = (uint8_t)reason,
	};
}

static void assert_line(const struct fact_agent_end *end, const char *expected)
{
	char line[FACTS_LOG_LINE_SIZE];

	assert_int_equal(facts_log_format(end, sizeof(*end), "claude-code", line), 0);
	assert_string_equal(line, expected);
}

static void test_ends(void **state)
{
	struct fact_agent_end end;

	(void)state;
	end = end_of(15, END_SIGNAL_PARENT);
	assert_line(&end, "agent claude-code 4711 ended: signal_parent SIGTERM after 12.3 s");
	end = end_of(3 << 8, END_ERROR);
	assert_line(&end, "agent claude-code 4711 ended: error code 3 after 12.3 s");
	end = end_of(0x86, END_CORE);
	assert_line(&end, "agent claude-code 4711 ended: core SIGABRT after 12.3 s");
	end = end_of(40, END_SIGNAL_OTHER);
	assert_line(&end, "agent claude-code 4711 ended: signal_other signal 40 after 12.3 s");
	end = end_of(0, 99);
	assert_line(&end, "agent claude-code 4711 ended: unknown code 0 after 12.3 s");
}

static void test_start(void **state)
{
	const struct fact_agent_start start = {
		.head = {.kind = FACT_AGENT_START, .size = sizeof(start)},
		.tgid = 4711,
		.forker = 4700,
		.type = 3,
	};
	char line[FACTS_LOG_LINE_SIZE];

	(void)state;
	assert_int_equal(facts_log_format(&start, sizeof(start), "codex", line), 0);
	assert_string_equal(line, "agent codex 4711 started by 4700");
	assert_int_equal(facts_log_type(&start, sizeof(start)), 3);
}

static void test_short_records(void **state)
{
	struct fact_agent_end end = end_of(0, END_SUCCESS);
	char line[FACTS_LOG_LINE_SIZE];
	size_t size;

	(void)state;
	for (size = 0; size < sizeof(end); size++) {
		/* A copy of just that size, so that reading beyond it is seen. */
		void *copy = malloc(size ? size : 1);

		memcpy(copy, &end, size);
		assert_int_equal(facts_log_format(copy, size, "x", line), -EINVAL);
		assert_int_equal(facts_log_type(copy, size), 0);
		free(copy);
	}
	end.head.size = sizeof(end) - 1;
	assert_int_equal(facts_log_format(&end, sizeof(end), "x", line), -EINVAL);
}

static void test_other_kinds(void **state)
{
	struct fact_agent_end end = end_of(0, END_SUCCESS);
	static const uint32_t kinds[] = {0, FACT_CALL + 1, UINT32_MAX};
	const struct fact_call call = {.head = {.kind = FACT_CALL, .size = sizeof(call)},
				       .upstream = 7};
	char line[FACTS_LOG_LINE_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		end.head.kind = kinds[i];
		assert_int_equal(facts_log_format(&end, sizeof(end), "x", line), -ENOMSG);
		assert_int_equal(facts_log_type(&end, sizeof(end)), 0);
	}
	assert_int_equal(facts_log_format(&call, sizeof(call), "x", line), -ENOMSG);
	assert_int_equal(facts_log_type(&call, sizeof(call)), 0);
}

struct told {
	unsigned starts, ends, calls;
	char type[16];
};

static void on_start(void *context, const struct fact_agent_start *fact, const char *type)
{
	struct told *told = context;

	assert_int_equal(fact->tgid, 4711);
	snprintf(told->type, sizeof(told->type), "%s", type);
	told->starts++;
}

static void on_end(void *context, const struct fact_agent_end *fact, const char *type)
{
	struct told *told = context;

	assert_int_equal(fact->tgid, 4711);
	snprintf(told->type, sizeof(told->type), "%s", type);
	told->ends++;
}

static void on_call(void *context, const struct fact_call *fact)
{
	struct told *told = context;

	assert_int_equal(fact->tgid, 4711);
	told->calls++;
}

static void test_listener(void **state)
{
	const struct fact_agent_start start = {
		.head = {.kind = FACT_AGENT_START, .size = sizeof(start)}, .tgid = 4711};
	const struct fact_agent_end end = end_of(0, END_SUCCESS);
	struct fact_call call = {.head = {.kind = FACT_CALL, .size = sizeof(call)}, .tgid = 4711};
	struct told told = {.starts = 0};
	const struct facts_listener all = {&told, on_start, on_end, on_call};
	const struct facts_listener nobody = {.context = NULL};

	(void)state;
	assert_int_equal(facts_log_tell(&all, &start, sizeof(start), "codex"), 0);
	assert_string_equal(told.type, "codex");
	assert_int_equal(facts_log_tell(&all, &end, sizeof(end), "claude"), 0);
	assert_string_equal(told.type, "claude");
	assert_int_equal(facts_log_tell(&all, &call, sizeof(call), ""), 0);
	/* As an older kernel half wrote it, and cut off. */
	call.head.size = 104;
	assert_int_equal(facts_log_tell(&all, &call, 104, ""), 0);
	call.head.size = 103;
	assert_int_equal(facts_log_tell(&all, &call, 104, ""), -EINVAL);
	assert_int_equal(told.starts, 1);
	assert_int_equal(told.ends, 1);
	assert_int_equal(told.calls, 2);
	assert_int_equal(facts_log_tell(&nobody, &start, sizeof(start), ""), 0);
	assert_int_equal(facts_log_tell(&nobody, &end, sizeof(end), ""), 0);
	call.head.size = sizeof(call);
	assert_int_equal(facts_log_tell(&nobody, &call, sizeof(call), ""), 0);
}

static void test_longer_records(void **state)
{
	struct {
		struct fact_agent_end end;
		uint64_t newer;
	} longer = {.end = end_of(0, END_SUCCESS)};
	char line[FACTS_LOG_LINE_SIZE];

	(void)state;
	longer.end.head.size = sizeof(longer);
	assert_int_equal(facts_log_format(&longer, sizeof(longer), "x", line), 0);
	assert_string_equal(line, "agent x 4711 ended: success code 0 after 12.3 s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("an end says reason, code or signal, and how long it lived", test_ends),
		TEST("a start says who started it", test_start),
		TEST("a record that is cut off is refused", test_short_records),
		TEST("other kinds are no log lines", test_other_kinds),
		TEST("who listens is told starts, ends and calls", test_listener),
		TEST("a record with newer members is read", test_longer_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
