// SPDX-License-Identifier: Apache-2.0
#include "tls_target.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "tls_links.h"
#include "tls_pins.h"
#include "tls_plan.h"
#include "tls_recognise.h"

static struct tls_pin pin_of(const struct tls_target *target, uint32_t number)
{
	return (struct tls_pin){
		.device = target->device,
		.inode = target->inode,
		.slot = target->slot,
		.stack = target->stack,
		.probes = target->pin_total,
		.number = number,
	};
}

void tls_target_close(struct tls_target *target)
{
	while (target->probe_count)
		close(target->probes[--target->probe_count]);
}

void tls_target_detach(struct tls_target *target, const struct tls_target_tools *tools)
{
	uint32_t number;

	tls_target_close(target);
	for (number = 0; target->pins && number < target->pin_total; number++) {
		struct tls_pin pin = pin_of(target, number);

		tls_pin_remove(tools->pin_directory, &pin);
	}
	target->pins = 0;
}

/* `cookie`: of the point in its file, as far as it is not said by the point. */
static int place(struct tls_target *target, const struct tls_target_tools *tools, int file,
		 const struct probe_point *point, const char *program, uint64_t cookie)
{
	struct tls_place where = {.file = file,
				  .offset = point->offset,
				  .leave = point->is_return,
				  .cookie = cookie | TLS_COOKIE(target->slot, point->adjust, 0)};
	int fd = bpf_set_program(tools->set, program), probe, err;

	if (fd < 0)
		return -ENOENT;
	err = tls_link_create(tools->abilities.kind, fd, &where, &probe);
	if (!err)
		target->probes[target->probe_count++] = probe;
	return err;
}

/* What ends a call of function i. */
static int place_leave(struct tls_target *target, const struct tls_target_tools *tools, int file,
		       const struct tls_plan *plan, size_t i)
{
	const char *program = tls_plan_leave(plan, target->stack, i);
	struct probe_point point = plan->plans[i].leave;
	uint64_t cookie = TLS_COOKIE(0, 0, i) | plan->plans[i].keeps;

	if (!program)
		return 0;
	if (tools->abilities.kind == TLS_PROBE_SESSION && point.is_return) {
		if (tls_plan_is_session(plan, i))
			return 0;
		point.adjust = (int16_t)(point.adjust + TLS_RETURN_POPS);
		cookie |= TLS_COOKIE_RETURNS;
		program = "og_tls_callee";
	}
	return place(target, tools, file, &point, program, cookie);
}

static int place_entry(struct tls_target *target, const struct tls_target_tools *tools, int file,
		       const struct tls_plan *plan, size_t i)
{
	uint64_t cookie = TLS_COOKIE(0, 0, i) | plan->plans[i].keeps;

	if (tools->abilities.kind == TLS_PROBE_SESSION && tls_plan_is_session(plan, i) &&
	    tls_plan_leave(plan, target->stack, i))
		cookie |= TLS_COOKIE_RETURNS;
	return place(target, tools, file, &plan->plans[i].entry,
		     tls_plan_entry(plan, target->stack, i), cookie);
}

/* First all returns, then the entries: no call is seen begin and not end. */
static int place_all(struct tls_target *target, const struct tls_target_tools *tools, int file,
		     const struct tls_plan *plan)
{
	const struct tls_function *functions = tls_stacks[target->stack].functions;
	int err = 0;
	size_t i;

	for (i = 0; !err && functions[i].symbol; i++)
		if (tls_plan_places(plan, i))
			err = place_leave(target, tools, file, plan, i);
	for (i = 0; !err && functions[i].symbol; i++)
		if (tls_plan_places(plan, i))
			err = place_entry(target, tools, file, plan, i);
	return err;
}

/* With a pin for each probe, their descriptors are not needed any more. */
static int pin_all(struct tls_target *target, const struct tls_target_tools *tools)
{
	uint32_t number;
	int err = 0;

	target->pin_total = target->probe_count;
	for (number = 0; !err && number < target->probe_count; number++) {
		struct tls_pin pin = pin_of(target, number);

		err = tls_pin_save(tools->pin_directory, &pin, target->probes[number]);
		target->pins += !err;
	}
	if (!err)
		tls_target_close(target);
	return err;
}

static void begin_slot(const struct tls_target *target, const struct tls_target_tools *tools,
		       const struct tls_recognition *found)
{
	struct tls_slot slot = {
		.object_at = found->object_at, .reach = target->reach, .trust = target->trust};
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	slot.attached_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	if (target->slot)
		bpf_map_update_elem(tools->slots_fd, &target->slot, &slot, BPF_ANY);
}

void tls_target_know(struct tls_target *target, const struct tls_target_tools *tools,
		     enum tls_trust trust, const struct tls_random_place *place)
{
	struct tls_slot *slot = target->slot ? &tools->slots[target->slot] : NULL;

	target->trust = trust;
	if (!slot)
		return;
	slot->trust = trust;
	if (!place->used)
		return;
	slot->found.pointer = place->pointer;
	slot->found.offset = place->offset;
	__atomic_store_n(&slot->found.used, 1, __ATOMIC_RELEASE);
}

/* Whether these places were proven; else they will be, where that can be done. */
static void ask_proof(struct tls_target *target, const struct tls_target_tools *tools, int file,
		      const char *path, const struct tls_recognition *found,
		      const struct tls_plan *plan)
{
	enum tls_probe_kind kind = tools->abilities.kind;
	struct tls_random_place random = {};
	struct proof_order order;

	if (!tools->trust || kind == TLS_PROBE_LOCAL)
		return;
	tls_plan_order(file, path, target->stack, kind, plan, &order);
	if (probe_trust_ask(tools->trust, &order, found->build_id, &random))
		tls_target_know(target, tools, TLS_TRUST_PROVEN, &random);
}

static const char *const reaches[TLS_REACHES] = {
	[TLS_REACH_WHOLE] = "cheaply",
	[TLS_REACH_STEPPED] = "in part by slow probes, as configured",
	[TLS_REACH_WRITES] = "requests only, as no cheap place shows its results",
};

static void report(const struct tls_target *target, const struct tls_plan *plan, const char *path)
{
	const struct tls_stack *stack = &tls_stacks[target->stack];
	size_t i;

	for (i = 0; stack->functions[i].symbol; i++)
		if (tls_plan_places(plan, i))
			log_debug(0, "'%s' of '%s' is probed at %+lld and %+lld (%s)",
				  stack->functions[i].symbol, path,
				  (long long)(plan->plans[i].entry.offset - plan->offsets[i]),
				  (long long)(plan->plans[i].leave.offset - plan->offsets[i]),
				  probe_scheme_name(plan->plans[i].scheme));
	log_info(0, "reading HTTP inside the TLS of '%s' (%s; %s%s)", path, stack->name,
		 reaches[target->reach],
		 target->trust == TLS_TRUST_PROVEN ? "; places proven before" : "");
}

/* Why a file with the right functions gets no probes; NULL: nothing stands against it. */
static const char *find_obstacle(const struct tls_stack *stack,
				 const struct tls_target_tools *tools)
{
	if (!stack->return_probes && tools->abilities.kind == TLS_PROBE_LOCAL)
		return "this kernel has no attach cookies";
	return NULL;
}

static int place_planned(struct tls_target *target, const struct tls_target_tools *tools, int file,
			 const struct tls_recognition *found, struct tls_plan *plan)
{
	const struct probe_policy policy = {
		.classes = tools->cheap_classes,
		.cookies = tools->abilities.kind != TLS_PROBE_LOCAL,
		.returns = tools->returns && tools->abilities.return_probes == TLS_RETURN_SAFE,
		.stepped = tools->stepped,
		.inside = !tools->outside,
	};
	int err = tls_plan_make(file, found, &policy, plan);

	if (err)
		return err;
	target->reach = plan->reach;
	target->inside = tls_plan_is_inside(plan);
	begin_slot(target, tools, found);
	return place_all(target, tools, file, plan);
}

void tls_target_attach(struct tls_target *target, const struct tls_target_tools *tools, int file,
		       const char *path, const struct tls_recognition *found)
{
	const struct tls_stack *stack = &tls_stacks[target->stack];
	struct tls_plan plan = {};
	const char *why;
	int err;

	target->fate = stack->covered ? TLS_FATE_COVERED : TLS_FATE_UNDECODED;
	if (found->refused) {
		target->fate = TLS_FATE_MISLED;
		log_warning(0, "'%s' is not probed: %s", path, found->why);
		return;
	}
	if (!found->found) {
		log_debug(0, "'%s' (%s) is not probed: %s", path, stack->name, found->why);
		return;
	}
	if (found->misfit[0])
		log_warning(0, "signature file %s; '%s' is read by %s", found->misfit, path,
			    found->by);
	target->fate = TLS_FATE_REFUSED;
	why = find_obstacle(stack, tools);
	err = why ? -ENOTSUP : place_planned(target, tools, file, found, &plan);
	if (err == -ENOTSUP && !why)
		why = "no instruction at its functions is probed cheaply (configure "
		      "tls.stepped_probes to have it read all the same)";
	if (err) {
		log_warning(err,
			    "'%s' is not probed: %s; its calls are timed at the socket, without "
			    "endpoint and status",
			    path, why ? why : strerror(-err));
		tls_target_detach(target, tools);
		return;
	}
	target->fate = TLS_FATE_ATTACHED;
	ask_proof(target, tools, file, path, found, &plan);
	report(target, &plan, path);
	if (!tools->pin_directory || tools->abilities.kind == TLS_PROBE_LOCAL)
		return;
	err = pin_all(target, tools);
	if (err)
		log_warning(err,
			    "cannot pin the probes of '%s' below '%s': %s; they end with this "
			    "process",
			    path, tools->pin_directory, strerror(-err));
}
