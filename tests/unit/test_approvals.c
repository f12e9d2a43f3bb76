// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "approvals.h"
#include "decided.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static const uint8_t key[32] = {1};

static struct approvals *create(uint32_t decided_max)
{
	struct approvals *approvals;

	assert_int_equal(approvals_create(key, decided_max, &approvals), 0);
	approvals_set_limit(approvals, 100000);
	return approvals;
}

static enum approval_verdict request(struct approvals *approvals, const char *id, int64_t at)
{
	const struct approval_request what = {.id = id,
					      .session = "session",
					      .tool = "Bash",
					      .priority = "high",
					      .agent_type = "codex",
					      .requested_us = at,
					      .requested_ns = at * 1000,
					      .due_us = at + 1000000,
					      .due_ns = (at + 1000000) * 1000};
	const struct approval *approval;
	enum approval_verdict verdict;

	assert_int_equal(approvals_request(approvals, &what, &verdict, &approval), 0);
	return verdict;
}

static enum approval_verdict decide(struct approvals *approvals, const char *id,
				    enum approval_input input, int64_t at)
{
	const struct approval_decision what = {.id = id,
					       .actor = "ann",
					       .reason = "",
					       .input = input,
					       .decided_us = at,
					       .decided_ns = at * 1000};
	const struct approval *approval;
	enum approval_verdict verdict;

	if (input == INPUT_REQUEST)
		return request(approvals, id, at);
	if (input == INPUT_MESSAGE)
		assert_int_equal(approvals_message(approvals, id, 200, 5, &verdict, &approval), 0);
	else
		assert_int_equal(approvals_decide(approvals, &what, &verdict, &approval), 0);
	return verdict;
}

#define T VERDICT_TAKEN
#define D VERDICT_DUPLICATE
#define L VERDICT_LATE
#define U VERDICT_UNMATCHED
#define I VERDICT_IGNORED

/* Each transition, with what came before in the same batch and in a committed one. */
static void test_transitions(void **state)
{
	static const enum approval_input ways[APPROVAL_STATES] = {
		INPUT_REQUEST, INPUT_ACCEPT, INPUT_REJECT, INPUT_CANCEL, INPUT_EXPIRE};
	/* request accept reject cancel timeout expire message */
	static const enum approval_verdict expected[APPROVAL_STATES + 1][APPROVAL_INPUTS] = {
		{D, T, T, T, T, T, T}, /* pending */
		{D, D, D, D, D, I, I}, /* accepted */
		{D, D, D, D, D, I, I}, /* rejected */
		{D, D, D, D, D, I, I}, /* cancelled */
		{D, L, L, L, D, I, I}, /* timed out */
		{T, U, U, U, U, I, I}, /* unknown */
	};
	struct approvals *approvals;
	unsigned from, input, committed;

	(void)state;
	for (from = 0; from <= APPROVAL_STATES; from++) {
		for (input = 0; input < APPROVAL_INPUTS; input++) {
			for (committed = 0; committed < 2; committed++) {
				approvals = create(10);
				if (from < APPROVAL_STATES)
					assert_int_equal(request(approvals, "a", 0), T);
				if (from > 0 && from < APPROVAL_STATES)
					assert_int_equal(decide(approvals, "a", ways[from], 1), T);
				if (committed)
					approvals_commit(approvals);
				assert_int_equal(decide(approvals, "a", input, 2),
						 expected[from][input]);
				approvals_free(approvals);
			}
		}
	}
}

static void test_rollback(void **state)
{
	struct approvals *approvals = create(10);

	(void)state;
	request(approvals, "a", 0);
	approvals_commit(approvals);
	decide(approvals, "a", INPUT_MESSAGE, 1);
	decide(approvals, "a", INPUT_ACCEPT, 1);
	request(approvals, "b", 2);
	assert_int_equal(approvals_tentative_count(approvals), 1);
	assert_int_equal(approvals_count(approvals), 1);
	assert_string_equal(approvals_first(approvals, BY_REQUEST)->id, "a");
	approvals_rollback(approvals);
	assert_int_equal(approvals_tentative_count(approvals), 1);
	assert_int_equal(approvals_first(approvals, BY_DUE)->message_status, 0);
	assert_int_equal(decide(approvals, "b", INPUT_ACCEPT, 3), VERDICT_UNMATCHED);
	assert_int_equal(decide(approvals, "a", INPUT_REJECT, 3), VERDICT_TAKEN);
	approvals_commit(approvals);
	assert_int_equal(approvals_count(approvals), 0);
	assert_null(approvals_first(approvals, BY_REQUEST));
	approvals_free(approvals);
}

static void test_texts(void **state)
{
	struct approvals *approvals = create(10);
	const struct approval *approval;

	(void)state;
	request(approvals, "a", 0);
	approvals_commit(approvals);
	approval = approvals_first(approvals, BY_REQUEST);
	assert_string_equal(approval->id, "a");
	assert_string_equal(approval_session(approval), "session");
	assert_string_equal(approval_tool(approval), "Bash");
	assert_string_equal(approval_priority(approval), "high");
	assert_string_equal(approval_agent_type(approval), "codex");
	approvals_free(approvals);
}

struct order {
	int64_t last;
	unsigned count, stop;
};

static int check_order(void *context, const struct approval *approval)
{
	struct order *order = context;

	assert_true(approval->requested_us >= order->last);
	order->last = approval->requested_us;
	return ++order->count == order->stop;
}

/* 5,000 requested in a scrambled order, every third decided. */
static void test_order(void **state)
{
	struct approvals *approvals = create(100000);
	struct order order = {.last = -1};
	char id[16];
	unsigned i;

	(void)state;
	for (i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "%u", i);
		request(approvals, id, i * 3163 % 5003);
	}
	approvals_commit(approvals);
	for (i = 0; i < 5000; i += 3) {
		snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(decide(approvals, id, INPUT_ACCEPT, 9000), VERDICT_TAKEN);
	}
	approvals_commit(approvals);
	approvals_walk(approvals, BY_REQUEST, check_order, &order);
	assert_int_equal(order.count, 3333);
	order = (struct order){.last = -1, .stop = 10};
	approvals_walk(approvals, BY_DUE, check_order, &order);
	assert_int_equal(order.count, 10);
	for (i = 0; i < 5000; i++) {
		snprintf(id, sizeof(id), "%u", i);
		assert_int_equal(decide(approvals, id, INPUT_CANCEL, 9001),
				 i % 3 ? VERDICT_TAKEN : VERDICT_DUPLICATE);
	}
	approvals_free(approvals);
}

static void test_decided(void **state)
{
	struct decided *decided;
	unsigned i, found = 0;

	(void)state;
	assert_int_equal(decided_create(1000, &decided), 0);
	assert_int_equal(decided_find(decided, 1), -1);
	for (i = 0; i < 5000; i++)
		decided_add(decided, i * UINT64_C(0x9e3779b97f4a7c15), i % 5);
	for (i = 0; i < 5000; i++)
		found += decided_find(decided, i * UINT64_C(0x9e3779b97f4a7c15)) == (int)(i % 5);
	assert_int_equal(found, 1000);
	for (i = 4000; i < 5000; i++)
		assert_int_equal(decided_find(decided, i * UINT64_C(0x9e3779b97f4a7c15)), i % 5);
	decided_free(decided);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("every transition is the table's, within a batch and after one",
		     test_transitions),
		TEST("a rollback leaves requests, decisions and messages as they were",
		     test_rollback),
		TEST("an approval keeps its texts", test_texts),
		TEST("approvals come oldest first, however they came in, as many as are wanted",
		     test_order),
		TEST("the last decided ones are remembered, the older ones forgotten",
		     test_decided),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
