// SPDX-License-Identifier: Apache-2.0
#include "probe_sites.h"

#include <errno.h>

#include "probe_code.h"

#if defined(__x86_64__)

/* The offset of the stack protector's canary in the thread's own block. */
#define CANARY_OFFSET 0x28
/* Longest way from the stack-protector check to its return: one addition, six pops. */
#define TAIL_INSTRUCTIONS 12

static bool keeps_arguments(const struct probe_step *step, unsigned arguments)
{
	static const ZydisRegister registers[] = {ZYDIS_REGISTER_RDI, ZYDIS_REGISTER_RSI,
						  ZYDIS_REGISTER_RDX, ZYDIS_REGISTER_RCX};
	unsigned i;

	for (i = 0; i < arguments && i < sizeof(registers) / sizeof(registers[0]); i++)
		if (probe_step_writes(step, registers[i]))
			return false;
	return true;
}

/* Whether some jump of the function lands behind its first byte and not behind `site`: a probe
 * there would then fire more than once a call, or not at the first pass. */
static bool is_entered_again(const struct probe_code *function, size_t site)
{
	struct probe_step step;
	size_t offset = 0;
	int64_t target;

	while (offset < function->size) {
		if (!probe_code_step(function, offset, &step)) {
			offset++; /* padding or data: look on, a jump from it is refused as well */
			continue;
		}
		if (probe_step_transfers(&step) && probe_step_target(&step, &target) &&
		    target > 0 && target <= (int64_t)site)
			return true;
		offset = probe_step_end(&step);
	}
	return false;
}

/* Hands the fourth argument on as the fifth, as functions do that call one with another argument. */
static bool moves_fourth(const struct probe_step *step)
{
	return step->instruction.mnemonic == ZYDIS_MNEMONIC_MOV &&
	       step->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       step->operands[0].reg.value == ZYDIS_REGISTER_R8 &&
	       step->operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       step->operands[1].reg.value == ZYDIS_REGISTER_RCX;
}

/* Whether the arguments are where they were, or the fourth is where it was moved to. */
static bool follow_arguments(const struct probe_step *step, unsigned arguments, bool *moved)
{
	if (!*moved && arguments == 4 && moves_fourth(step)) {
		*moved = true;
		return true;
	}
	return keeps_arguments(step, *moved ? 3 : arguments) &&
	       !(*moved && probe_step_writes(step, ZYDIS_REGISTER_R8));
}

static int choose_entry(const struct probe_code *function, unsigned arguments,
			struct probe_sites *ret_sites)
{
	bool moved = false;
	size_t offset = 0;
	int64_t depth = 0, down;
	struct probe_step step;

	while (probe_code_step(function, offset, &step)) {
		if (probe_step_class(&step) & function->classes) {
			if (is_entered_again(function, offset))
				return -ENOENT;
			ret_sites->entry = (struct probe_site){(uint32_t)offset, (uint32_t)depth};
			ret_sites->moved = moved;
			return 0;
		}
		if (probe_step_transfers(&step) || !follow_arguments(&step, arguments, &moved) ||
		    !probe_step_stack(&step, &down))
			return -ENOENT;
		depth += down;
		offset = probe_step_end(&step);
		if (depth < 0)
			return -ENOENT;
	}
	return offset ? -ENOENT : -EINVAL;
}

/* Compares with the canary: `sub %fs:0x28,%reg` and its kin. */
static bool is_canary_check(const struct probe_step *step)
{
	const ZydisDecodedOperand *operand = step->operands;
	ZydisMnemonic mnemonic = step->instruction.mnemonic;
	int i;

	if (mnemonic != ZYDIS_MNEMONIC_SUB && mnemonic != ZYDIS_MNEMONIC_XOR &&
	    mnemonic != ZYDIS_MNEMONIC_CMP)
		return false;
	for (i = 0; i < step->instruction.operand_count_visible; i++, operand++)
		if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
		    operand->mem.segment == ZYDIS_REGISTER_FS &&
		    operand->mem.base == ZYDIS_REGISTER_NONE &&
		    operand->mem.index == ZYDIS_REGISTER_NONE &&
		    operand->mem.disp.value == CANARY_OFFSET)
			return true;
	return false;
}

/* From behind the check straight to a return, the result untouched. Where it ends, and the depth of
 * the stack before it. */
static bool ends_in_return(const struct probe_code *function, size_t offset, size_t *ret_return,
			   uint32_t *ret_depth)
{
	int64_t depth = 0, down;
	struct probe_step step;
	int i;

	for (i = 0; i < TAIL_INSTRUCTIONS && probe_code_step(function, offset, &step); i++) {
		if (step.instruction.mnemonic == ZYDIS_MNEMONIC_RET) {
			*ret_return = offset;
			*ret_depth = (uint32_t)-depth;
			return depth <= 0;
		}
		if (probe_step_transfers(&step) || probe_step_writes(&step, ZYDIS_REGISTER_RAX) ||
		    !probe_step_stack(&step, &down))
			return false;
		depth += down;
		offset = probe_step_end(&step);
	}
	return false;
}

static bool leads_out(const struct probe_code *function, const struct probe_step *step)
{
	int64_t target;

	return !probe_step_target(step, &target) || target < 0 || target >= (int64_t)function->size;
}

/* The only way out of the function is the return behind its only stack-protector check. */
static bool choose_plain_leave(const struct probe_code *function, struct probe_site *ret_leave)
{
	size_t offset = 0, end = 0, checks = 0, returns = 0;
	struct probe_step step, jump;

	for (; offset < function->size; offset = probe_step_end(&step)) {
		if (!probe_code_step(function, offset, &step))
			return false;
		returns += step.instruction.mnemonic == ZYDIS_MNEMONIC_RET;
		/* A jump to elsewhere, also a conditional one, is another way out. */
		if ((probe_step_is(&step, ZYDIS_CATEGORY_UNCOND_BR) ||
		     probe_step_is(&step, ZYDIS_CATEGORY_COND_BR)) &&
		    leads_out(function, &step))
			return false;
		if (!is_canary_check(&step))
			continue;
		if (checks++ || !probe_code_step(function, probe_step_end(&step), &jump) ||
		    jump.instruction.mnemonic != ZYDIS_MNEMONIC_JNZ ||
		    !(probe_step_class(&jump) & function->classes) ||
		    !ends_in_return(function, probe_step_end(&jump), &end, &ret_leave->depth))
			return false;
		ret_leave->offset = (uint32_t)jump.offset;
	}
	return checks == 1 && returns == 1;
}

/*
 * The function's only jump to another one, with the stack as its caller left it: behind the entry the
 * stack pointer only ever goes up, and on the straight way to this jump by as much as it had gone down.
 * Calls that end in a return before it are not seen to end: failures, and a way past the library.
 */
static bool choose_tail(const struct probe_code *function, const struct probe_site *entry,
			struct probe_site *ret_leave)
{
	size_t offset = entry->offset, count = 0;
	int64_t down, released = 0;
	struct probe_step step;

	for (; offset < function->size; offset = probe_step_end(&step)) {
		if (!probe_code_step(function, offset, &step))
			return false;
		if (!probe_step_transfers(&step)) {
			if (!probe_step_stack(&step, &down) || down > 0)
				return false;
			released -= down;
			continue;
		}
		if (probe_step_is(&step, ZYDIS_CATEGORY_COND_BR) && leads_out(function, &step))
			return false;
		if (probe_step_is(&step, ZYDIS_CATEGORY_UNCOND_BR) && leads_out(function, &step)) {
			if (count++ || released != entry->depth ||
			    !(probe_step_class(&step) & function->classes))
				return false;
			*ret_leave = (struct probe_site){(uint32_t)offset, 0};
		}
		released = 0;
	}
	return count == 1;
}

/* A call at the entry site whose result this function hands on is not provable in general; what is
 * left to the caller is to prove it by calls of its own. */
static void choose_leave(const struct probe_code *function, struct probe_sites *sites)
{
	struct probe_step step;
	int64_t target;

	sites->leave_kind = PROBE_LEAVE_NONE;
	if (choose_plain_leave(function, &sites->leave)) {
		sites->leave_kind = PROBE_LEAVE_PLAIN;
		return;
	}
	if (!probe_code_step(function, sites->entry.offset, &step))
		return;
	/* The caller's address still lies where a return probe replaces it. */
	if (sites->entry.depth == 0 && !probe_step_is(&step, ZYDIS_CATEGORY_CALL)) {
		sites->leave_kind = PROBE_LEAVE_RETURN;
		sites->leave = sites->entry;
	} else if (probe_step_is(&step, ZYDIS_CATEGORY_CALL) && probe_step_target(&step, &target)) {
		sites->leave_kind = PROBE_LEAVE_CALLEE;
		sites->callee = target;
		sites->callee_depth = sites->entry.depth;
	} else if (choose_tail(function, &sites->entry, &sites->leave)) {
		sites->leave_kind = PROBE_LEAVE_RETURN;
	}
}

int probe_sites_choose(const uint8_t *code, size_t size, unsigned classes, unsigned arguments,
		       struct probe_sites *ret_sites)
{
	struct probe_sites sites = {};
	struct probe_code function;
	int err;

	if (size > PROBE_FUNCTION_MAX)
		return -ENOENT;
	probe_code_open(&function, code, size, classes);
	err = choose_entry(&function, arguments, &sites);
	if (err)
		return err;
	choose_leave(&function, &sites);
	*ret_sites = sites;
	return 0;
}

static bool is_padding(const struct probe_step *step)
{
	return probe_step_is(step, ZYDIS_CATEGORY_NOP) ||
	       probe_step_is(step, ZYDIS_CATEGORY_WIDENOP);
}

size_t probe_sites_extent(const uint8_t *code, size_t size)
{
	struct probe_step step, next;
	struct probe_code function;
	size_t offset = 0, end;
	int64_t target, far = 0;

	probe_code_open(&function, code, size, 0);
	for (; probe_code_step(&function, offset, &step); offset = end) {
		end = probe_step_end(&step);
		if (!probe_step_is(&step, ZYDIS_CATEGORY_CALL) &&
		    probe_step_target(&step, &target) && target > far && target < (int64_t)size)
			far = target;
		if ((int64_t)end <= far)
			continue;
		if (probe_step_is(&step, ZYDIS_CATEGORY_RET) ||
		    probe_step_is(&step, ZYDIS_CATEGORY_UNCOND_BR))
			return end;
		if (probe_step_is(&step, ZYDIS_CATEGORY_CALL) &&
		    probe_code_step(&function, end, &next) && is_padding(&next))
			return end;
	}
	return 0;
}

int probe_sites_return(const uint8_t *code, size_t size, unsigned classes, uint32_t *ret_offset)
{
	struct probe_code function;
	size_t offset = 0;
	struct probe_step step;

	probe_code_open(&function, code, size, classes);
	if (!probe_code_step(&function, 0, &step))
		return -EINVAL;
	if (step.instruction.mnemonic == ZYDIS_MNEMONIC_ENDBR64) {
		offset = probe_step_end(&step);
		if (!probe_code_step(&function, offset, &step))
			return -EINVAL;
	}
	if (!(probe_step_class(&step) & classes & (PROBE_CLASS_PUSH | PROBE_CLASS_JUMP)))
		return -ENOENT;
	*ret_offset = (uint32_t)offset;
	return 0;
}

/* Extends the third argument's sign, and nothing else. */
static bool is_extension(const struct probe_step *step)
{
	return step->instruction.mnemonic == ZYDIS_MNEMONIC_MOVSXD &&
	       step->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       step->operands[0].reg.value == ZYDIS_REGISTER_RDX &&
	       step->operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       step->operands[1].reg.value == ZYDIS_REGISTER_EDX;
}

/* How often the function goes there; more than once as well when it is not understood. */
static int count_calls(const struct probe_code *function, int64_t callee)
{
	size_t offset = 0;
	struct probe_step step;
	int64_t target;
	int count = 0;

	for (; offset < function->size; offset = probe_step_end(&step)) {
		if (!probe_code_step(function, offset, &step))
			return 2;
		if (probe_step_target(&step, &target) && target == callee)
			count++;
	}
	return count;
}

bool probe_sites_hands_on(const uint8_t *code, size_t size, int64_t callee)
{
	struct probe_code function;
	struct probe_step step;
	size_t offset = 0;
	int64_t target;

	if (size > PROBE_FUNCTION_MAX)
		return false;
	probe_code_open(&function, code, size, 0);
	if (count_calls(&function, callee) != 1)
		return false;
	for (; probe_code_step(&function, offset, &step); offset = probe_step_end(&step)) {
		if (probe_step_is(&step, ZYDIS_CATEGORY_CALL))
			return probe_step_target(&step, &target) && target == callee &&
			       !is_entered_again(&function, offset);
		/* Away from the way to the call lead only branches; behind it nothing comes back. */
		if (probe_step_transfers(&step) && !probe_step_is(&step, ZYDIS_CATEGORY_COND_BR))
			return false;
		if (!keeps_arguments(&step, 3) && !is_extension(&step))
			return false;
	}
	return false;
}

#else /* other machines: instructions differ, probes stay at the symbols */

int probe_sites_choose(const uint8_t *code, size_t size, unsigned classes, unsigned arguments,
		       struct probe_sites *ret_sites)
{
	(void)code, (void)size, (void)classes, (void)arguments, (void)ret_sites;
	return -ENOTSUP;
}

int probe_sites_return(const uint8_t *code, size_t size, unsigned classes, uint32_t *ret_offset)
{
	(void)code, (void)size, (void)classes, (void)ret_offset;
	return -ENOTSUP;
}

size_t probe_sites_extent(const uint8_t *code, size_t size)
{
	(void)code, (void)size;
	return 0;
}

bool probe_sites_hands_on(const uint8_t *code, size_t size, int64_t callee)
{
	(void)code, (void)size, (void)callee;
	return false;
}

#endif
