// SPDX-License-Identifier: Apache-2.0
/*
 * The accounts against a naive model: random events in random order, batches that fail, restarts and
 * reboots.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "memory_store.h"
#include "naive_approvals.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

#define SEQUENCES 2000
#define STEPS	  40

static const char *const result_names[] = {"", "accepted", "rejected", "cancelled", "timeout"};

struct world {
	struct memory_store *store, *batch;
	struct accounts *accounts;
	struct model *model;
	struct naive now, before;
	int64_t wall_us, boot_us; /* now, and when this boot began */
	uint64_t epoch, random;
};

static struct reporting_settings settings = {
	.approval_timeout_ns = TIMEOUT_US * 1000,
	.approval_grace_ns = GRACE_US * 1000,
	.pending_max = PENDING,
};

static unsigned pick(struct world *world, unsigned below)
{
	world->random = world->random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (unsigned)((world->random >> 33) % below);
}

static struct moment moment_of(const struct world *world)
{
	return (struct moment){world->wall_us, (uint64_t)(world->wall_us - world->boot_us) * 1000};
}

static void start(struct world *world)
{
	struct moment now = moment_of(world);

	assert_int_equal(accounts_create(&settings, &world->accounts), 0);
	accounts_set_boot(world->accounts, world->epoch, &now);
	assert_int_equal(memory_load(world->store, world->accounts), 0);
}

static void send(struct world *world, enum event_type type, unsigned id, unsigned root)
{
	char name[16];
	const struct event_field_value value = {.field = FIELD_APPROVAL_ID, .text = name};
	const struct moment now = moment_of(world);
	const struct event_origin origin = {.wall_us = now.wall_us, .boot_ns = now.boot_ns};
	struct outcome outcome;
	struct event *event;
	bool taken = naive_apply(&world->now, world->wall_us, type, id, root);

	snprintf(name, sizeof(name), "approval-%u", id);
	assert_int_equal(event_make(type, &origin, &value, 1, &event), 0);
	if (root)
		event_set_root(event, root, world->epoch * 100 + world->now.generation[root],
			       root == 1 ? "claude-code" : "codex");
	assert_int_equal(accounts_apply(world->accounts, event, &outcome), 0);
	assert_int_equal(outcome.kind == OUTCOME_TAKEN, taken);
	event_free(event);
}

static void end_agent(struct world *world, unsigned root)
{
	const struct event_field_value value = {.field = FIELD_AGENT_TYPE, .text = "any"};
	const struct moment now = moment_of(world);
	const struct event_origin origin = {.wall_us = now.wall_us, .boot_ns = now.boot_ns};
	struct outcome outcome;
	struct event *event;

	assert_int_equal(event_make(EVENT_AGENT_ENDED, &origin, &value, 1, &event), 0);
	event_set_root(event, root, world->epoch * 100 + world->now.generation[root], "any");
	assert_int_equal(accounts_apply(world->accounts, event, &outcome), 0);
	event_free(event);
	naive_end_agent(&world->now, world->wall_us, root);
}

/* What nobody decided in time, as the recorder asks for it. */
static void expire(struct world *world)
{
	struct event *events[IDS];
	struct moment now = moment_of(world);
	unsigned count = accounts_due(world->accounts, &now, events, IDS), i;
	struct outcome outcome;

	assert_int_equal(count, naive_expire(&world->now, world->wall_us));
	for (i = 0; i < count; i++) {
		assert_int_equal(accounts_apply(world->accounts, events[i], &outcome), 0);
		assert_int_equal(outcome.kind, OUTCOME_TAKEN);
		event_free(events[i]);
	}
}

static void finish_batch(struct world *world, bool good)
{
	struct account_store functions;

	memory_copy(world->batch, world->store);
	functions = memory_functions(world->batch);
	assert_int_equal(accounts_save(world->accounts, &functions), 0);
	if (good) {
		memory_copy(world->store, world->batch);
		accounts_commit(world->accounts);
		world->before = world->now;
	} else {
		accounts_rollback(world->accounts);
		world->now = world->before;
	}
}

static void compare(struct world *world)
{
	struct moment now = moment_of(world);
	struct model *model = world->model;
	int64_t oldest = world->wall_us;
	unsigned i, kind, count;
	double sum, naive_sum;

	model_reset(model);
	accounts_add(world->accounts, &now, model);
	for (i = 0; i < IDS; i++)
		if (world->now.approvals[i].kind == KIND_PENDING &&
		    world->now.approvals[i].requested_us < oldest)
			oldest = world->now.approvals[i].requested_us;
	assert_true(model_sum(model, FAMILY_APPROVAL_QUEUE_SIZE, NULL, NULL) ==
		    naive_pending(&world->now));
	assert_true(model_sum(model, FAMILY_APPROVAL_OLDEST, NULL, NULL) ==
		    (double)(world->wall_us - oldest) * 1000);
	for (kind = KIND_ACCEPTED; kind <= KIND_TIMEOUT; kind++) {
		for (i = 0, count = 0, naive_sum = 0; i < IDS; i++) {
			const struct naive_approval *a = &world->now.approvals[i];

			if (a->kind != (int)kind)
				continue;
			count++;
			naive_sum += (double)(a->ended_us - a->requested_us) * 1000;
		}
		sum = 0;
		assert_true(model_sum(model, FAMILY_APPROVAL_RESPONSE, result_names[kind], &sum) ==
			    count);
		assert_true(sum == naive_sum);
	}
	assert_true(model_sum(model, FAMILY_APPROVAL_IGNORED, "late", NULL) == world->now.late);
	assert_true(model_sum(model, FAMILY_APPROVAL_IGNORED, "duplicate", NULL) ==
		    world->now.duplicate);
	assert_true(model_sum(model, FAMILY_APPROVAL_IGNORED, "unmatched", NULL) ==
		    world->now.unmatched);
	assert_true(model_sum(model, FAMILY_AGENT_BLOCKED, "claude-code", NULL) ==
		    (double)naive_blocked(&world->now, world->wall_us, true) * 1000);
	assert_true(model_sum(model, FAMILY_AGENT_BLOCKED, "codex", NULL) ==
		    (double)naive_blocked(&world->now, world->wall_us, false) * 1000);
}

static void restart(struct world *world, bool reboot)
{
	accounts_free(world->accounts);
	world->now = world->before;
	world->wall_us += pick(world, 50) * SECOND;
	if (reboot) {
		world->boot_us = world->wall_us;
		world->wall_us += SECOND + pick(world, 1000000);
		world->epoch++;
		naive_reboot(&world->now, world->boot_us);
	}
	world->before = world->now;
	start(world);
}

static void step(struct world *world)
{
	unsigned count = pick(world, 4), id, chance;

	world->wall_us += pick(world, 15) * SECOND + pick(world, 1000000);
	expire(world);
	while (count--) {
		id = pick(world, IDS);
		chance = pick(world, 20);
		if (chance < 9)
			send(world, EVENT_APPROVAL_REQUESTED, id, pick(world, ROOTS + 1));
		else if (chance < 18)
			send(world, (enum event_type)(EVENT_APPROVAL_ACCEPTED + pick(world, 4)), id,
			     0);
		else
			end_agent(world, 1 + pick(world, ROOTS));
	}
	finish_batch(world, pick(world, 8) != 0);
	if (pick(world, 10) == 0)
		restart(world, pick(world, 3) == 0);
	/* What is due must be noticed before it can be right. */
	expire(world);
	finish_batch(world, true);
	compare(world);
}

static void test_random(void **state)
{
	static struct memory_store stores[2];
	struct world world;
	struct model *model;
	unsigned sequence, i;

	(void)state;
	assert_int_equal(model_create(0, &model), 0);
	for (sequence = 0; sequence < SEQUENCES; sequence++) {
		memset(&world, 0, sizeof(world));
		memset(&stores[0], 0, offsetof(struct memory_store, tallies));
		world.store = &stores[0];
		world.batch = &stores[1];
		world.random = sequence;
		world.model = model;
		world.epoch = 1;
		world.boot_us = 1790000000 * SECOND;
		world.wall_us = world.boot_us + 3600 * SECOND;
		for (i = 0; i < IDS; i++)
			world.now.approvals[i].kind = KIND_UNKNOWN;
		world.before = world.now;
		start(&world);
		for (i = 0; i < STEPS; i++)
			step(&world);
		accounts_free(world.accounts);
	}
	model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("whatever happens in whatever order, with failed batches, restarts and "
		     "reboots, the sums are those of a naive count",
		     test_random),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
