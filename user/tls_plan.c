// SPDX-License-Identifier: Apache-2.0
#include "tls_plan.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tls_inside.h"
#include "tls_programs.h"

static struct probe_function describe(int file, const struct tls_recognition *found, size_t i)
{
	const struct tls_function *function = &tls_stacks[found->stack].functions[i];
	const struct tls_program *program = tls_program_find(function->entry);

	return (struct probe_function){
		.file = file,
		.offset = found->offsets[i],
		.size = found->sizes[i],
		.arguments = program ? program->arguments : 0,
		.has_leave = function->leave,
	};
}

/* Whether some program finds its arguments where this plan probes it. */
static bool has_program(const struct tls_function *function, const struct probe_plan *plan)
{
	const struct tls_program *program = tls_program_find(function->entry);

	return !plan->moved || (program && program->moved);
}

static bool moves_data(const struct tls_function *function)
{
	const struct tls_program *program = tls_program_find(function->entry);

	return !program || program->kind != SUBJECT_FREE;
}

static bool writes(const struct tls_function *function)
{
	const struct tls_program *program = tls_program_find(function->entry);

	return program && program->write_only;
}

/* Reading functions that go through one place where all of a read is seen need no other. */
static void plan_inside(int file, const struct tls_recognition *found,
			const struct probe_policy *policy, struct tls_plan *plan)
{
	const struct tls_function *functions = tls_stacks[found->stack].functions;
	const struct tls_program *program;
	struct tls_inside inside;
	bool is_seen = false;
	size_t i;

	if (!policy->inside || !policy->cookies || !tls_stacks[found->stack].inside ||
	    tls_inside_find(file, policy->classes, &inside))
		return;
	for (i = 0; functions[i].symbol; i++) {
		program = tls_program_find(functions[i].entry);
		if (!plan->offsets[i] || !program || !program->inside)
			continue;
		plan->plans[i] = (struct probe_plan){
			.scheme = is_seen ? PROBE_SCHEME_SHARED : PROBE_SCHEME_INSIDE,
			.keeps = inside.keeps,
			.entry = {inside.first, 0, false},
			.leave = {inside.again, 0, false},
		};
		is_seen = true;
	}
}

/* Where requests and answers are seen. -ENOTSUP: not everywhere. */
static int plan_whole(int file, const struct tls_recognition *found,
		      const struct probe_policy *policy, struct tls_plan *plan)
{
	const struct tls_function *functions = tls_stacks[found->stack].functions;
	struct probe_function function;
	size_t i, other;
	int err = 0;

	for (i = 0; !err && functions[i].symbol; i++) {
		function = describe(file, found, i);
		if (plan->offsets[i])
			err = probe_plan_make(&function, policy, &plan->plans[i]);
	}
	if (!err)
		plan_inside(file, found, policy, plan);
	for (i = 0; !err && functions[i].symbol; i++)
		for (other = 0; plan->offsets[i] && functions[other].symbol; other++) {
			function = describe(file, found, other);
			if (other != i && plan->offsets[other])
				probe_plan_share(&plan->plans[i], &function, &plan->plans[other]);
		}
	for (i = 0; !err && functions[i].symbol; i++) {
		function = describe(file, found, i);
		if (plan->offsets[i])
			err = probe_plan_settle(&function, policy, &plan->plans[i]);
		if (!err && plan->offsets[i] && moves_data(&functions[i]) &&
		    !(probe_plan_is_whole(&function, &plan->plans[i]) &&
		      has_program(&functions[i], &plan->plans[i])))
			err = -ENOTSUP;
		if (plan->plans[i].scheme == PROBE_SCHEME_SYMBOL && !PROBE_AT_SYMBOLS)
			plan->reach = TLS_REACH_STEPPED;
	}
	return err;
}

static int plan_writes(int file, const struct tls_recognition *found,
		       const struct probe_policy *policy, struct tls_plan *plan)
{
	const struct tls_function *functions = tls_stacks[found->stack].functions;
	struct probe_function function;
	size_t i, count = 0;
	int err = 0;

	plan->reach = TLS_REACH_WRITES;
	for (i = 0; !err && functions[i].symbol; i++) {
		plan->plans[i] = (struct probe_plan){.scheme = PROBE_SCHEME_NONE};
		if (!plan->offsets[i] || !writes(&functions[i]))
			continue;
		function = describe(file, found, i);
		err = probe_plan_entry(&function, policy, &plan->plans[i]);
		count += tls_plan_places(plan, i);
	}
	return err || count ? err : -ENOTSUP;
}

int tls_plan_make(int file, const struct tls_recognition *found, const struct probe_policy *policy,
		  struct tls_plan *ret_plan)
{
	struct tls_plan plan = {.reach = TLS_REACH_WHOLE};
	int err;

	memcpy(plan.offsets, found->offsets, sizeof(plan.offsets));
	err = plan_whole(file, found, policy, &plan);
	if (err == -ENOTSUP)
		err = plan_writes(file, found, policy, &plan);
	if (!err)
		*ret_plan = plan;
	return err;
}

bool tls_plan_places(const struct tls_plan *plan, size_t i)
{
	return plan->offsets[i] && plan->plans[i].scheme != PROBE_SCHEME_SHARED &&
	       plan->plans[i].scheme != PROBE_SCHEME_NONE;
}

bool tls_plan_is_session(const struct tls_plan *plan, size_t i)
{
	const struct probe_plan *probes = &plan->plans[i];

	return probes->leave.is_return && probes->leave.offset == probes->entry.offset &&
	       probes->leave.adjust == probes->entry.adjust - TLS_RETURN_POPS;
}

bool tls_plan_is_inside(const struct tls_plan *plan)
{
	size_t i;

	for (i = 0; i < TLS_STACK_FUNCTIONS_MAX; i++)
		if (plan->plans[i].scheme == PROBE_SCHEME_INSIDE)
			return true;
	return false;
}

const char *tls_plan_entry(const struct tls_plan *plan, uint32_t stack, size_t i)
{
	const char *entry = tls_stacks[stack].functions[i].entry;

	if (plan->reach == TLS_REACH_WRITES)
		return tls_program_find(entry)->write_only;
	if (plan->plans[i].scheme == PROBE_SCHEME_INSIDE)
		return tls_program_find(entry)->inside;
	return plan->plans[i].moved ? tls_program_find(entry)->moved : entry;
}

const char *tls_plan_leave(const struct tls_plan *plan, uint32_t stack, size_t i)
{
	if (plan->plans[i].scheme == PROBE_SCHEME_INSIDE)
		return tls_plan_entry(plan, stack, i);
	return plan->reach == TLS_REACH_WRITES ? NULL : tls_stacks[stack].functions[i].leave;
}

void tls_plan_order(int file, const char *path, uint32_t stack, enum tls_probe_kind kind,
		    const struct tls_plan *plan, struct proof_order *ret_order)
{
	const struct tls_function *functions = tls_stacks[stack].functions;
	struct proof_order order = {
		.file = file, .kind = kind, .library = tls_stacks[stack].library};
	const struct tls_program *program;
	size_t i;

	snprintf(order.path, sizeof(order.path), "%s", path);
	for (i = 0; order.library && functions[i].symbol; i++) {
		program = tls_program_find(functions[i].entry);
		if (program && tls_plan_places(plan, i) && order.count < PROOF_FUNCTIONS)
			order.places[order.count++] = (struct proof_place){
				.entry = plan->plans[i].entry,
				.leave = plan->plans[i].leave,
				.kind = program->kind,
				.has_leave = tls_plan_leave(plan, stack, i),
				.pointed = program->pointed || plan->plans[i].keeps,
				.moved = plan->plans[i].moved,
				.keeps = plan->plans[i].keeps,
			};
	}
	*ret_order = order;
}
