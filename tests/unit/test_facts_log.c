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
	static const uint32_t kinds[] = {0, FACT_CALL, FACT_CALL + 1, UINT32_MAX};
	char line[FACTS_LOG_LINE_SIZE];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		end.head.kind = kinds[i];
		assert_int_equal(facts_log_format(&end, sizeof(end), "x", line), -ENOMSG);
		assert_int_equal(facts_log_type(&end, sizeof(end)), 0);
	}
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
		TEST("a record with newer members is read", test_longer_records),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
