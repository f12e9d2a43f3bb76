// SPDX-License-Identifier: Apache-2.0
#include "probe_plan.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "probe_sites.h"
#include "tls_elf.h"

/* A return probe runs behind the return, which pops the address that the call pushed. */
#if defined(__x86_64__)
#define RETURN_POPS 8
#else
#define RETURN_POPS 0
#endif

/* The longest instruction, twice: endbr64 and what follows. */
#define RETURN_BYTES 32
#define DEPTH_MAX    4096 /* of a stack at a place; fits `adjust` */

const char *probe_scheme_name(enum probe_scheme scheme)
{
	static const char *const names[PROBE_SCHEMES] = {
		[PROBE_SCHEME_PLAIN] = "plain",
		[PROBE_SCHEME_RETURN] = "return",
		[PROBE_SCHEME_CALLEE] = "callee",
		[PROBE_SCHEME_SYMBOL] = "symbol",
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

/* The inner function must lie in the code segment of the outer one. */
static int plan_callee(const struct probe_function *function, unsigned classes,
		       const struct probe_sites *sites, struct probe_point *leave)
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
	*leave = (struct probe_point){inner + offset, (int16_t)sites->callee_depth, true};
	return 0;
}

/* The leave that belongs to these sites; -ENOENT: none that is cheap. */
static int plan_leave(const struct probe_function *function, unsigned classes,
		      const struct probe_sites *sites, struct probe_plan *plan)
{
	uint64_t offset = function->offset + sites->leave.offset;

	switch (sites->leave_kind) {
	case PROBE_LEAVE_PLAIN:
		plan->scheme = PROBE_SCHEME_PLAIN;
		plan->leave = (struct probe_point){offset, (int16_t)sites->leave.depth, false};
		return 0;
	case PROBE_LEAVE_RETURN:
		plan->scheme = PROBE_SCHEME_RETURN;
		plan->leave = (struct probe_point){offset, -RETURN_POPS, true};
		return 0;
	case PROBE_LEAVE_CALLEE:
		plan->scheme = PROBE_SCHEME_CALLEE;
		return plan_callee(function, classes, sites, &plan->leave);
	case PROBE_LEAVE_NONE:
		break;
	}
	return -ENOENT;
}

static struct probe_plan plan_symbol(const struct probe_function *function)
{
	return (struct probe_plan){
		.scheme = PROBE_SCHEME_SYMBOL,
		.entry = {function->offset, 0, false},
		.leave = {function->offset, -RETURN_POPS, true},
	};
}

/* Programs that are not told expect the stack as it is at a symbol. */
static bool is_placeable(const struct probe_plan *plan, const struct probe_function *function,
			 const struct probe_abilities *abilities)
{
	return abilities->cookies || (plan->entry.adjust == 0 &&
				      (!function->has_leave || plan->leave.adjust == -RETURN_POPS));
}

static int plan_cheap(const struct probe_function *function,
		      const struct probe_abilities *abilities, const uint8_t *code, size_t size,
		      struct probe_plan *ret_plan)
{
	struct probe_plan plan = plan_symbol(function);
	struct probe_sites sites;
	int err = probe_sites_choose(code, size, abilities->classes, function->arguments, &sites);

	if (err)
		return err;
	if (sites.entry.depth > DEPTH_MAX || sites.leave.depth > DEPTH_MAX)
		return -ENOENT;
	plan.scheme = PROBE_SCHEME_PLAIN;
	plan.entry.offset = function->offset + sites.entry.offset;
	plan.entry.adjust = (int16_t)sites.entry.depth;
	if (function->has_leave) {
		err = plan_leave(function, abilities->classes, &sites, &plan);
		if (err == -ENOENT) /* half of it is cheap */
			plan.scheme = PROBE_SCHEME_SYMBOL;
		else if (err)
			return err;
	}
	if (!is_placeable(&plan, function, abilities))
		return -ENOENT;
	*ret_plan = plan;
	return 0;
}

int probe_plan_make(const struct probe_function *function, const struct probe_abilities *abilities,
		    struct probe_plan *ret_plan)
{
	static const uint8_t nop5[] = {0x0f, 0x1f, 0x44, 0x00, 0x00};
	struct probe_plan plan = plan_symbol(function);
	uint8_t code[PROBE_FUNCTION_MAX];
	ssize_t got;
	bool harms;

	got = read_code(function->file, function->offset, code, sizeof(code));
	if (got < 0)
		return (int)got;
	harms = got >= (ssize_t)sizeof(nop5) && !memcmp(code, nop5, sizeof(nop5));
	if (function->size && function->size <= (uint64_t)got && function->arguments)
		plan_cheap(function, abilities, code, function->size, &plan);
	if (harms && (plan.entry.offset == function->offset ||
		      (function->has_leave && plan.leave.offset == function->offset)))
		return -EPERM;
	*ret_plan = plan;
	return 0;
}
