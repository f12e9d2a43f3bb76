// SPDX-License-Identifier: Apache-2.0
#include "probe_plan.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probe_sites.h"
#include "tls.h"
#include "tls_elf.h"

/* The longest instruction, twice: endbr64 and what follows. */
#define RETURN_BYTES 32
#define DEPTH_MAX    4096 /* of a stack at a place; fits `adjust` */

const char *probe_scheme_name(enum probe_scheme scheme)
{
	static const char *const names[PROBE_SCHEMES] = {
		[PROBE_SCHEME_PLAIN] = "plain",	  [PROBE_SCHEME_RETURN] = "return",
		[PROBE_SCHEME_CALLEE] = "callee", [PROBE_SCHEME_INNER] = "inner",
		[PROBE_SCHEME_SHARED] = "shared", [PROBE_SCHEME_ENTRY] = "entry",
		[PROBE_SCHEME_SYMBOL] = "symbol", [PROBE_SCHEME_NONE] = "none",
		[PROBE_SCHEME_INSIDE] = "inside",
	};

	return scheme < PROBE_SCHEMES ? names[scheme] : "";
}

/* Up to size bytes of code at `offset`, none of another segment. How many, or -errno. */
static ssize_t read_code(int file, uint64_t offset, uint8_t *code, size_t size)
{
	uint64_t begin, end;
	ssize_t got;
	int err = tls_elf_code(file, offset, &begin, &end);

	if (err)
		return err;
	if (size > end - offset)
		size = end - offset;
	got = pread(file, code, size, (off_t)offset);
	return got < 0 ? -errno : got;
}

/* A five-byte nop, which Linux 6.18 rewrites to a call that tramples the program's red zone. */
static bool is_harmful(const struct probe_function *function, const struct probe_point *point)
{
	static const uint8_t nop[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
	uint8_t code[sizeof(nop)];

	return read_code(function->file, point->offset, code, sizeof(code)) == sizeof(code) &&
	       !memcmp(code, nop, sizeof(nop));
}

/* The inner function must lie in the code segment of the outer one. */
static int plan_callee(const struct probe_function *function, unsigned classes,
		       const struct probe_sites *sites, struct probe_plan *plan)
{
	uint64_t begin, end, inner = function->offset + (uint64_t)sites->callee;
	uint8_t code[RETURN_BYTES];
	uint32_t offset;
	ssize_t got;
	int err = tls_elf_code(function->file, function->offset, &begin, &end);

	if (err)
		return err;
	if (inner < begin || inner >= end)
		return -ENOENT;
	got = read_code(function->file, inner, code, sizeof(code));
	if (got < 0)
		return (int)got;
	err = probe_sites_return(code, (size_t)got, classes, &offset);
	if (err)
		return err;
	plan->scheme = PROBE_SCHEME_CALLEE;
	plan->callee = inner;
	plan->leave = (struct probe_point){inner + offset, (int16_t)sites->callee_depth, true};
	return 0;
}

/* The leave that belongs to these sites, if there is one that is cheap and allowed. */
static int plan_leave(const struct probe_function *function, const struct probe_policy *policy,
		      const struct probe_sites *sites, struct probe_plan *plan)
{
	uint64_t offset = function->offset + sites->leave.offset;
	int err;

	if (sites->leave_kind == PROBE_LEAVE_PLAIN) {
		plan->scheme = PROBE_SCHEME_PLAIN;
		plan->leave = (struct probe_point){offset, (int16_t)sites->leave.depth, false};
	} else if (sites->leave_kind == PROBE_LEAVE_RETURN && policy->returns) {
		plan->scheme = PROBE_SCHEME_RETURN;
		plan->leave = (struct probe_point){offset, -TLS_RETURN_POPS, true};
	} else if (sites->leave_kind == PROBE_LEAVE_CALLEE && policy->returns) {
		err = plan_callee(function, policy->classes, sites, plan);
		return err == -ENOENT ? 0 : err;
	}
	return 0;
}

/* Where a plan that is not whole ends up. */
static struct probe_plan fall_back(const struct probe_function *function,
				   const struct probe_policy *policy, const struct probe_plan *plan)
{
	struct probe_plan symbol = {
		.scheme = PROBE_SCHEME_SYMBOL,
		.entry = {function->offset, 0, false},
		.leave = {function->offset, -TLS_RETURN_POPS, true},
	};

	if ((policy->stepped || PROBE_AT_SYMBOLS) && (policy->returns || !function->has_leave))
		return symbol;
	return *plan;
}

/* Of a function whose end is not seen: no jump leads back to a push, as the stack would be another. */
static void plan_beginning(const struct probe_function *function, const struct probe_policy *policy,
			   const uint8_t *code, size_t size, struct probe_plan *plan)
{
	uint32_t offset;

	if (probe_sites_return(code, size, policy->classes & PROBE_CLASS_PUSH, &offset))
		return;
	plan->entry = (struct probe_point){function->offset + offset, 0, false};
	plan->moved = false;
	plan->scheme = PROBE_SCHEME_ENTRY;
	if (!function->has_leave) {
		plan->scheme = PROBE_SCHEME_PLAIN;
	} else if (policy->returns) {
		plan->scheme = PROBE_SCHEME_RETURN;
		plan->leave = (struct probe_point){plan->entry.offset, -TLS_RETURN_POPS, true};
	}
}

static int plan_cheap(const struct probe_function *function, const struct probe_policy *policy,
		      const uint8_t *code, size_t size, struct probe_plan *plan)
{
	struct probe_sites sites;
	int err = probe_sites_choose(code, size, policy->classes, function->arguments, &sites);

	if (err || sites.entry.depth > DEPTH_MAX || sites.leave.depth > DEPTH_MAX)
		return 0;
	plan->entry.offset = function->offset + sites.entry.offset;
	plan->entry.adjust = (int16_t)sites.entry.depth;
	plan->moved = sites.moved;
	plan->scheme = function->has_leave ? PROBE_SCHEME_ENTRY : PROBE_SCHEME_PLAIN;
	return function->has_leave ? plan_leave(function, policy, &sites, plan) : 0;
}

bool probe_plan_is_whole(const struct probe_function *function, const struct probe_plan *plan)
{
	if (plan->scheme == PROBE_SCHEME_ENTRY)
		return !function->has_leave;
	return plan->scheme != PROBE_SCHEME_NONE;
}

/* The best plan of all that is cheap. */
static int plan_best(const struct probe_function *function, const struct probe_policy *policy,
		     struct probe_plan *ret_plan)
{
	struct probe_plan plan = {.scheme = PROBE_SCHEME_NONE};
	uint8_t code[PROBE_FUNCTION_MAX];
	ssize_t got = read_code(function->file, function->offset, code, sizeof(code));
	uint64_t size = function->size;
	int err = 0;

	if (got < 0)
		return (int)got;
	if (!size)
		size = probe_sites_extent(code, (size_t)got);
	if (!function->arguments)
		plan = (struct probe_plan){.scheme = PROBE_SCHEME_PLAIN,
					   .entry = {function->offset, 0, false}};
	else if (size && size <= (uint64_t)got)
		err = plan_cheap(function, policy, code, size, &plan);
	if (!err && !function->size && !probe_plan_is_whole(function, &plan))
		plan_beginning(function, policy, code, (size_t)got, &plan);
	if (!err)
		*ret_plan = plan;
	return err;
}

int probe_plan_make(const struct probe_function *function, const struct probe_policy *policy,
		    struct probe_plan *ret_plan)
{
	struct probe_plan plan;
	int err = plan_best(function, policy, &plan);

	if (!err)
		*ret_plan = probe_plan_is_whole(function, &plan)
				    ? plan
				    : fall_back(function, policy, &plan);
	return err;
}

int probe_plan_entry(const struct probe_function *function, const struct probe_policy *policy,
		     struct probe_plan *ret_plan)
{
	struct probe_plan plan;
	int err = plan_best(function, policy, &plan);

	if (err)
		return err;
	if (plan.scheme == PROBE_SCHEME_NONE && PROBE_AT_SYMBOLS)
		plan.entry = (struct probe_point){function->offset, 0, false};
	if (plan.scheme != PROBE_SCHEME_NONE || PROBE_AT_SYMBOLS)
		plan = (struct probe_plan){.scheme = PROBE_SCHEME_ENTRY, .entry = plan.entry};
	if (plan.scheme == PROBE_SCHEME_ENTRY && is_harmful(function, &plan.entry))
		return -EPERM;
	*ret_plan = plan;
	return 0;
}

void probe_plan_share(struct probe_plan *plan, const struct probe_function *other,
		      struct probe_plan *other_plan)
{
	uint8_t code[PROBE_FUNCTION_MAX];
	ssize_t got;

	if ((plan->scheme != PROBE_SCHEME_CALLEE && plan->scheme != PROBE_SCHEME_INNER) ||
	    !other->has_leave || !other->size)
		return;
	got = read_code(other->file, other->offset, code, sizeof(code));
	if (got < 0 || other->size > (uint64_t)got ||
	    !probe_sites_hands_on(code, other->size, (int64_t)(plan->callee - other->offset)))
		return;
	plan->scheme = PROBE_SCHEME_INNER;
	plan->entry = (struct probe_point){plan->leave.offset, 0, false};
	plan->leave.adjust = -TLS_RETURN_POPS;
	other_plan->scheme = PROBE_SCHEME_SHARED;
}

/* Programs that are not told expect the stack as it is at a symbol, to find a call's entry at its leave. */
static bool is_placeable(const struct probe_plan *plan, const struct probe_function *function)
{
	return !function->has_leave ||
	       (plan->entry.adjust == 0 && plan->leave.adjust == -TLS_RETURN_POPS);
}

int probe_plan_settle(const struct probe_function *function, const struct probe_policy *policy,
		      struct probe_plan *plan)
{
	struct probe_plan entry = {.scheme = PROBE_SCHEME_ENTRY, .entry = plan->entry};

	if (plan->scheme == PROBE_SCHEME_SHARED || plan->scheme == PROBE_SCHEME_NONE)
		return 0;
	if (!policy->cookies && plan->scheme != PROBE_SCHEME_ENTRY && !is_placeable(plan, function))
		*plan = fall_back(function, policy, &entry);
	if (is_harmful(function, &plan->entry) ||
	    (plan->scheme != PROBE_SCHEME_ENTRY && function->has_leave &&
	     is_harmful(function, &plan->leave)))
		return -EPERM;
	return 0;
}
