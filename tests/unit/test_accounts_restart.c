// SPDX-License-Identifier: Apache-2.0
/*
 * The accounts against a naive model: random events in random order, batches that fail, restarts and
 * reboots. The naive model keeps every approval there ever was and sums up anew each time; all its
 * times are microseconds of one clock.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "memory_store.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

#define SEQUENCES  2000
#define STEPS	   40
#define IDS	   24
#define ROOTS	   3
#define PENDING	   8
#define SECOND	   INT64_C(1000000)
#define TIMEOUT_US (60 * SECOND)
#define GRACE_US   (5 * SECOND)

enum kind {
	KIND_UNKNOWN = -1,
	KIND_PENDING,
	KIND_ACCEPTED,
	KIND_REJECTED,
	KIND_CANCELLED,
	KIND_TIMEOUT
};

static const char *const result_names[] = {"", "accepted", "rejected", "cancelled", "timeout"};

struct naive_approval {
	int kind;
	int64_t requested_us, due_us, ended_us;
	int64_t unblocked_us; /* 0: still */
	unsigned root;	      /* 0: none */
};

struct naive {
	struct naive_approval approvals[IDS];
	unsigned late, duplicate, unmatched;
	unsigned generation[ROOTS + 1]; /* of each root: how many ended before it */
};

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

static unsigned pending_of(const struct naive *naive)
{
	unsigned i, count = 0;

	for (i = 0; i < IDS; i++)
		count += naive->approvals[i].kind == KIND_PENDING;
	return count;
}

static void naive_end(struct naive_approval *approval, int kind, int64_t at_us)
{
	approval->kind = kind;
	approval->ended_us = at_us;
	if (!approval->unblocked_us)
		approval->unblocked_us = at_us;
}

/* What the event should do. Returns whether it should be taken. */
static bool naive_apply(struct world *world, enum event_type type, unsigned id, unsigned root)
{
	static const int kinds[] = {[EVENT_APPROVAL_ACCEPTED] = KIND_ACCEPTED,
				    [EVENT_APPROVAL_REJECTED] = KIND_REJECTED,
				    [EVENT_APPROVAL_CANCELLED] = KIND_CANCELLED,
				    [EVENT_APPROVAL_TIMEOUT] = KIND_TIMEOUT};
	struct naive_approval *approval = &world->now.approvals[id];

	if (type == EVENT_APPROVAL_REQUESTED) {
		if (approval->kind != KIND_UNKNOWN) {
			world->now.duplicate++;
		} else if (pending_of(&world->now) < PENDING) {
			*approval = (struct naive_approval){KIND_PENDING,
							    world->wall_us,
							    world->wall_us + TIMEOUT_US + GRACE_US,
							    0,
							    0,
							    root};
			return true;
		}
		return false;
	}
	if (approval->kind == KIND_UNKNOWN) {
		world->now.unmatched++;
	} else if (approval->kind == KIND_PENDING && world->wall_us > approval->due_us) {
		naive_end(approval, KIND_TIMEOUT, approval->due_us);
		if (type != EVENT_APPROVAL_TIMEOUT)
			world->now.late++;
		return type == EVENT_APPROVAL_TIMEOUT;
	} else if (approval->kind == KIND_PENDING) {
		naive_end(approval, kinds[type], world->wall_us);
		return true;
	} else if (approval->kind == KIND_TIMEOUT && type != EVENT_APPROVAL_TIMEOUT) {
		world->now.late++;
	} else {
		world->now.duplicate++;
	}
	return false;
}

static void send(struct world *world, enum event_type type, unsigned id, unsigned root)
{
	char name[16];
	const struct event_field_value value = {.field = FIELD_APPROVAL_ID, .text = name};
	const struct moment now = moment_of(world);
	const struct event_origin origin = {.wall_us = now.wall_us, .boot_ns = now.boot_ns};
	struct outcome outcome;
	struct event *event;
	bool taken = naive_apply(world, type, id, root);

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
	unsigned i;

	assert_int_equal(event_make(EVENT_AGENT_ENDED, &origin, &value, 1, &event), 0);
	event_set_root(event, root, world->epoch * 100 + world->now.generation[root], "any");
	assert_int_equal(accounts_apply(world->accounts, event, &outcome), 0);
	event_free(event);
	world->now.generation[root]++; /* an agent that ended does not come back */
	for (i = 0; i < IDS; i++) {
		struct naive_approval *approval = &world->now.approvals[i];

		if (approval->kind == KIND_PENDING && approval->root == root &&
		    !approval->unblocked_us)
			approval->unblocked_us = world->wall_us;
	}
}

/* What nobody decided in time, as the recorder asks for it. */
static void expire(struct world *world)
{
	struct event *events[IDS];
	struct moment now = moment_of(world);
	unsigned count = accounts_due(world->accounts, &now, events, IDS), due = 0, i;
	struct outcome outcome;

	for (i = 0; i < IDS; i++) {
		struct naive_approval *approval = &world->now.approvals[i];

		if (approval->kind != KIND_PENDING || approval->due_us > world->wall_us)
			continue;
		naive_end(approval, KIND_TIMEOUT, approval->due_us);
		due++;
	}
	assert_int_equal(count, due);
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

/* The length of the union of an agent's intervals, microsecond by interval end. */
static int64_t naive_blocked(const struct world *world, bool first_type)
{
	int64_t sum = 0, from, to, end;
	unsigned root, i;
	bool grown;

	for (root = 1; root <= ROOTS; root++) {
		if ((root == 1) != first_type)
			continue;
		for (to = 0;;) {
			from = INT64_MAX; /* the first interval that begins after the last one */
			for (i = 0; i < IDS; i++) {
				const struct naive_approval *a = &world->now.approvals[i];

				end = a->unblocked_us ? a->unblocked_us : world->wall_us;
				if (a->kind != KIND_UNKNOWN && a->root == root && end > to &&
				    a->requested_us < from)
					from = a->requested_us > to ? a->requested_us : to;
			}
			if (from == INT64_MAX)
				break;
			to = from;
			do { /* everything that touches it makes it longer */
				grown = false;
				for (i = 0; i < IDS; i++) {
					const struct naive_approval *a = &world->now.approvals[i];

					end = a->unblocked_us ? a->unblocked_us : world->wall_us;
					if (a->kind != KIND_UNKNOWN && a->root == root &&
					    a->requested_us <= to && end > to) {
						to = end;
						grown = true;
					}
				}
			} while (grown);
			sum += to - from;
		}
	}
	return sum;
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
		    pending_of(&world->now));
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
		    (double)naive_blocked(world, true) * 1000);
	assert_true(model_sum(model, FAMILY_AGENT_BLOCKED, "codex", NULL) ==
		    (double)naive_blocked(world, false) * 1000);
}

static void restart(struct world *world, bool reboot)
{
	unsigned i;

	accounts_free(world->accounts);
	world->now = world->before;
	world->wall_us += pick(world, 50) * SECOND;
	if (reboot) {
		world->boot_us = world->wall_us;
		world->wall_us += SECOND + pick(world, 1000000);
		world->epoch++;
	}
	for (i = 0; reboot && i < IDS; i++) {
		struct naive_approval *a = &world->now.approvals[i];

		if (a->kind == KIND_PENDING && a->root && !a->unblocked_us)
			a->unblocked_us = a->due_us < world->boot_us ? a->due_us : world->boot_us;
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
