// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include "agents_state.h"

#define S	   UINT64_C(1000000000)
#define MS	   UINT64_C(1000000)
#define IDLE_AFTER (60 * S)

static struct member agent(__u32 tgid, __u16 type, __u64 cpu_ns)
{
	return (struct member){
		.start_ns = tgid * S,
		.root_start_ns = tgid * S,
		.cpu_ns = cpu_ns,
		.resident_bytes = 1000,
		.tgid = tgid,
		.root = tgid,
		.threads = 2,
		.open_fds = 3,
		.type = type,
		.flags = PROCESS_AGENT,
	};
}

static struct member tool(const struct member *root, __u32 tgid, __u64 cpu_ns)
{
	struct member member = *root;

	member.tgid = tgid;
	member.flags = 0;
	member.cpu_ns = cpu_ns;
	return member;
}

static const struct agents_waiting nobody;

static uint64_t in_state(const struct agents_state *state, unsigned int type,
			 enum agent_state which)
{
	return state->types[type].agents[which];
}

static void sums_are_per_type(void **unused)
{
	struct agents_state state = {};
	struct member members[] = {agent(10, 1, 0), agent(20, 2, 0), agent(30, 1, 0), {}};

	(void)unused;
	members[3] = tool(&members[0], 11, 0);
	assert_int_equal(agents_state_update(&state, members, 4, &nobody, 100 * S, IDLE_AFTER), 0);
	assert_int_equal(in_state(&state, 1, AGENT_RUNNING), 2);
	assert_int_equal(in_state(&state, 2, AGENT_RUNNING), 1);
	assert_int_equal(state.types[1].processes, 3);
	assert_int_equal(state.types[1].threads, 6);
	assert_int_equal(state.types[1].open_fds, 9);
	assert_int_equal(state.types[1].resident_bytes, 3000);
	agents_state_release(&state);
}

static void an_agent_is_idle_when_its_tree_used_nothing_for_long(void **unused)
{
	struct agents_state state = {};
	struct member members[] = {agent(10, 1, 5 * S), {}};
	int second;

	(void)unused;
	members[1] = tool(&members[0], 11, S);
	for (second = 0; second < 60; second += 15) {
		assert_int_equal(agents_state_update(&state, members, 2, &nobody,
						     (100 + second) * S, IDLE_AFTER),
				 0);
		assert_int_equal(in_state(&state, 1, AGENT_RUNNING), 1);
	}
	/* Housekeeping: 10 ms of CPU in 15 s is less than a thousandth. */
	members[0].cpu_ns += 10 * MS;
	agents_state_update(&state, members, 2, &nobody, 160 * S, IDLE_AFTER);
	assert_int_equal(in_state(&state, 1, AGENT_IDLE), 1);
	assert_int_equal(in_state(&state, 1, AGENT_RUNNING), 0);
	/* A tool that works is work of the agent. */
	members[1].cpu_ns += 20 * MS;
	agents_state_update(&state, members, 2, &nobody, 175 * S, IDLE_AFTER);
	assert_int_equal(in_state(&state, 1, AGENT_RUNNING), 1);
	/* So is a tool that ended. */
	agents_state_update(&state, members, 1, &nobody, 300 * S, IDLE_AFTER);
	assert_int_equal(in_state(&state, 1, AGENT_RUNNING), 1);
	agents_state_release(&state);
}

static void another_process_under_the_same_number_is_not_idle(void **unused)
{
	struct agents_state state = {};
	struct member member = agent(10, 1, 5 * S);

	(void)unused;
	agents_state_update(&state, &member, 1, &nobody, 100 * S, IDLE_AFTER);
	member.start_ns = member.root_start_ns = 150 * S;
	agents_state_update(&state, &member, 1, &nobody, 200 * S, IDLE_AFTER);
	assert_int_equal(in_state(&state, 1, AGENT_RUNNING), 1);
	agents_state_release(&state);
}

static void zombie_comes_before_orphan_and_orphan_before_idle(void **unused)
{
	struct agents_state state = {};
	struct member members[] = {agent(10, 1, 0), agent(20, 1, 0), agent(30, 1, 0)};

	(void)unused;
	members[0].zombie = 1;
	members[0].flags |= PROCESS_ORPHAN;
	members[1].flags |= PROCESS_ORPHAN;
	agents_state_update(&state, members, 3, &nobody, 100 * S, IDLE_AFTER);
	agents_state_update(&state, members, 3, &nobody, 200 * S, IDLE_AFTER);
	assert_int_equal(in_state(&state, 1, AGENT_ZOMBIE), 1);
	assert_int_equal(in_state(&state, 1, AGENT_ORPHANED), 1);
	assert_int_equal(in_state(&state, 1, AGENT_IDLE), 1);
	agents_state_release(&state);
}

static void waiting_comes_after_orphan_and_before_idle(void **unused)
{
	struct agents_state state = {};
	struct member members[] = {agent(10, 1, 0), agent(20, 1, 0), agent(30, 1, 0),
				   agent(40, 1, 0)};
	const struct waiting_root roots[] = {
		{.root = 10, .root_start_ns = 10 * S}, {.root = 20, .root_start_ns = 20 * S},
		{.root = 20, .root_start_ns = 20 * S}, {.root = 30, .root_start_ns = 29 * S},
		{.root = 99, .root_start_ns = 99 * S},
	};
	const struct agents_waiting waiting = {roots, 5};

	(void)unused;
	members[0].flags |= PROCESS_ORPHAN;
	agents_state_update(&state, members, 4, &waiting, 100 * S, IDLE_AFTER);
	assert_int_equal(in_state(&state, 1, AGENT_ORPHANED), 1);
	assert_int_equal(in_state(&state, 1, AGENT_WAITING), 1);
	assert_int_equal(in_state(&state, 1, AGENT_RUNNING), 2);
	/* Who waits is not idle; who no longer waits is judged by what its tree did meanwhile. */
	agents_state_update(&state, members, 4, &waiting, 200 * S, IDLE_AFTER);
	assert_int_equal(in_state(&state, 1, AGENT_WAITING), 1);
	assert_int_equal(in_state(&state, 1, AGENT_IDLE), 2);
	agents_state_update(&state, members, 4, &nobody, 201 * S, IDLE_AFTER);
	assert_int_equal(in_state(&state, 1, AGENT_WAITING), 0);
	assert_int_equal(in_state(&state, 1, AGENT_IDLE), 3);
	agents_state_release(&state);
}

static void records_that_make_no_sense_are_left_out(void **unused)
{
	struct agents_state state = {};
	struct member members[] = {agent(10, 0, 0), agent(10, MAX_AGENT_TYPES, 0), agent(0, 1, 0)};

	(void)unused;
	assert_int_equal(agents_state_update(&state, members, 3, &nobody, 100 * S, IDLE_AFTER), 0);
	assert_int_equal(state.types[1].processes, 0);
	agents_state_release(&state);
}

static void many_trees_are_kept_apart(void **unused)
{
	enum {
		COUNT = 3000
	};
	struct member *members = calloc(COUNT, sizeof(*members));
	struct agents_state state = {};
	__u32 i;

	(void)unused;
	assert_non_null(members);
	for (i = 0; i < COUNT; i++)
		members[i] = agent(i + 1, 1, i * MS);
	agents_state_update(&state, members, COUNT, &nobody, 100 * S, IDLE_AFTER);
	for (i = 0; i < COUNT; i += 3)
		members[i].cpu_ns += S;
	agents_state_update(&state, members, COUNT, &nobody, 160 * S, IDLE_AFTER);
	assert_int_equal(in_state(&state, 1, AGENT_RUNNING), 1000);
	assert_int_equal(in_state(&state, 1, AGENT_IDLE), 2000);
	agents_state_update(&state, members, 0, &nobody, 161 * S, IDLE_AFTER);
	assert_int_equal(in_state(&state, 1, AGENT_IDLE), 0);
	agents_state_release(&state);
	free(members);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sums_are_per_type),
		cmocka_unit_test(an_agent_is_idle_when_its_tree_used_nothing_for_long),
		cmocka_unit_test(another_process_under_the_same_number_is_not_idle),
		cmocka_unit_test(zombie_comes_before_orphan_and_orphan_before_idle),
		cmocka_unit_test(waiting_comes_after_orphan_and_before_idle),
		cmocka_unit_test(records_that_make_no_sense_are_left_out),
		cmocka_unit_test(many_trees_are_kept_apart),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
