// SPDX-License-Identifier: Apache-2.0
#include "tls_plan.h"

#include <stdio.h>
#include <string.h>

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

int tls_plan_make(int file, const struct tls_recognition *found, unsigned classes, bool cookies,
		  struct tls_plan *ret_plan)
{
	const struct tls_function *functions = tls_stacks[found->stack].functions;
	struct tls_plan plan = {};
	struct probe_function function;
	size_t i, other;
	int err = 0;

	memcpy(plan.offsets, found->offsets, sizeof(plan.offsets));
	for (i = 0; !err && functions[i].symbol; i++) {
		function = describe(file, found, i);
		if (plan.offsets[i])
			err = probe_plan_make(&function, classes, &plan.plans[i]);
	}
	for (i = 0; !err && functions[i].symbol; i++)
		for (other = 0; plan.offsets[i] && functions[other].symbol; other++) {
			function = describe(file, found, other);
			if (other != i && plan.offsets[other])
				probe_plan_share(&plan.plans[i], &function, &plan.plans[other]);
		}
	for (i = 0; !err && functions[i].symbol; i++) {
		function = describe(file, found, i);
		if (plan.offsets[i])
			err = probe_plan_settle(&function, cookies, &plan.plans[i]);
	}
	if (!err)
		*ret_plan = plan;
	return err;
}

bool tls_plan_places(const struct tls_plan *plan, size_t i)
{
	return plan->offsets[i] && plan->plans[i].scheme != PROBE_SCHEME_SHARED;
}

void tls_plan_order(int file, const char *path, uint32_t stack, enum tls_probe_kind kind,
		    const struct tls_plan *plan, struct proof_order *ret_order)
{
	const struct tls_function *functions = tls_stacks[stack].functions;
	struct proof_order order = {.file = file, .kind = kind};
	const struct tls_program *program;
	size_t i;

	snprintf(order.path, sizeof(order.path), "%s", path);
	/* Others cannot be loaded, or the subject does not know their functions. */
	for (i = 0; stack == TLS_STACK_OPENSSL && functions[i].symbol; i++) {
		program = tls_program_find(functions[i].entry);
		if (program && tls_plan_places(plan, i) && order.count < PROOF_FUNCTIONS)
			order.places[order.count++] = (struct proof_place){
				.entry = plan->plans[i].entry,
				.leave = plan->plans[i].leave,
				.kind = program->kind,
				.has_leave = functions[i].leave,
				.pointed = program->pointed,
			};
	}
	*ret_order = order;
}
