// SPDX-License-Identifier: Apache-2.0
#include "probe_sites.h"

#include <errno.h>

#if defined(__x86_64__)

#include <Zydis/Zydis.h>

/* The offset of the stack protector's canary in the thread's own block. */
#define CANARY_OFFSET 0x28
/* Longest way from the stack-protector check to its return: one addition, six pops. */
#define TAIL_INSTRUCTIONS 12

struct step {
	ZydisDecodedInstruction instruction;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	size_t offset;
};

struct function {
	ZydisDecoder decoder;
	const uint8_t *code;
	size_t size;
	unsigned classes;
};

static void open_function(struct function *function, const uint8_t *code, size_t size,
			  unsigned classes)
{
	*function = (struct function){.code = code, .size = size, .classes = classes};
	ZydisDecoderInit(&function->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

/* The instruction at `offset`; false at the end or where there is none. */
static bool decode(const struct function *function, size_t offset, struct step *ret_step)
{
	if (offset >= function->size)
		return false;
	ret_step->offset = offset;
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&function->decoder, function->code + offset,
						   function->size - offset, &ret_step->instruction,
						   ret_step->operands));
}

static size_t next_offset(const struct step *step)
{
	return step->offset + step->instruction.length;
}

/* The target of a relative jump, branch or call, from the function's first byte. */
static bool relative_target(const struct step *step, int64_t *ret_target)
{
	const ZydisDecodedOperand *operand = &step->operands[0];

	if (operand->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || !operand->imm.is_relative)
		return false;
	*ret_target = (int64_t)next_offset(step) + operand->imm.value.s;
	return true;
}

static bool is_category(const struct step *step, ZydisInstructionCategory category)
{
	return step->instruction.meta.category == category;
}

/* enum probe_class of this instruction; 0: none of them. */
static unsigned class_of(const struct step *step)
{
	bool near_relative = step->operands[0].type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
			     step->operands[0].imm.is_relative;
	bool prefixed = step->instruction.raw.prefix_count > 0;

	if (step->instruction.mnemonic == ZYDIS_MNEMONIC_PUSH &&
	    step->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    step->instruction.operand_width == 64)
		return PROBE_CLASS_PUSH;
	if (!near_relative || prefixed)
		return 0;
	if (is_category(step, ZYDIS_CATEGORY_UNCOND_BR))
		return PROBE_CLASS_JUMP;
	if (is_category(step, ZYDIS_CATEGORY_COND_BR))
		/* loop and jrcxz are conditional, too, but not emulated */
		return step->instruction.mnemonic == ZYDIS_MNEMONIC_LOOP ||
				       step->instruction.mnemonic == ZYDIS_MNEMONIC_LOOPE ||
				       step->instruction.mnemonic == ZYDIS_MNEMONIC_LOOPNE ||
				       step->instruction.mnemonic == ZYDIS_MNEMONIC_JRCXZ ||
				       step->instruction.mnemonic == ZYDIS_MNEMONIC_JECXZ
			       ? 0
			       : PROBE_CLASS_BRANCH;
	return is_category(step, ZYDIS_CATEGORY_CALL) ? PROBE_CLASS_CALL : 0;
}

static bool is_control_transfer(const struct step *step)
{
	return is_category(step, ZYDIS_CATEGORY_UNCOND_BR) ||
	       is_category(step, ZYDIS_CATEGORY_COND_BR) ||
	       is_category(step, ZYDIS_CATEGORY_CALL) || is_category(step, ZYDIS_CATEGORY_RET) ||
	       is_category(step, ZYDIS_CATEGORY_SYSCALL) ||
	       is_category(step, ZYDIS_CATEGORY_INTERRUPT);
}

static bool writes(const struct step *step, ZydisRegister register_)
{
	const ZydisDecodedOperand *operand = step->operands;
	int i;

	for (i = 0; i < step->instruction.operand_count; i++, operand++)
		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    (operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) &&
		    ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64,
						     operand->reg.value) == register_)
			return true;
	return false;
}

/* How far the stack pointer goes down; false when it moves in a way that is not followed. */
static bool stack_effect(const struct step *step, int64_t *ret_down)
{
	const ZydisDecodedOperand *operands = step->operands;
	ZydisMnemonic mnemonic = step->instruction.mnemonic;

	*ret_down = 0;
	if (!writes(step, ZYDIS_REGISTER_RSP))
		return true;
	if (mnemonic == ZYDIS_MNEMONIC_PUSH)
		*ret_down = 8;
	else if (mnemonic == ZYDIS_MNEMONIC_POP)
		*ret_down = -8;
	else if ((mnemonic == ZYDIS_MNEMONIC_SUB || mnemonic == ZYDIS_MNEMONIC_ADD) &&
		 operands[1].type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		*ret_down = mnemonic == ZYDIS_MNEMONIC_SUB ? operands[1].imm.value.s
							   : -operands[1].imm.value.s;
	else
		return false;
	return step->instruction.operand_width == 64;
}

static bool keeps_arguments(const struct step *step, unsigned arguments)
{
	static const ZydisRegister registers[] = {ZYDIS_REGISTER_RDI, ZYDIS_REGISTER_RSI,
						  ZYDIS_REGISTER_RDX, ZYDIS_REGISTER_RCX};
	unsigned i;

	for (i = 0; i < arguments && i < sizeof(registers) / sizeof(registers[0]); i++)
		if (writes(step, registers[i]))
			return false;
	return true;
}

/* Whether some jump of the function lands behind its first byte and not behind `site`: a probe
 * there would then fire more than once a call, or not at the first pass. */
static bool is_entered_again(const struct function *function, size_t site)
{
	struct step step;
	size_t offset = 0;
	int64_t target;

	while (offset < function->size) {
		if (!decode(function, offset, &step)) {
			offset++; /* padding or data: look on, a jump from it is refused as well */
			continue;
		}
		if (is_control_transfer(&step) && relative_target(&step, &target) && target > 0 &&
		    target <= (int64_t)site)
			return true;
		offset = next_offset(&step);
	}
	return false;
}

static int choose_entry(const struct function *function, unsigned arguments,
			struct probe_site *ret_entry)
{
	size_t offset = 0;
	int64_t depth = 0, down;
	struct step step;

	while (decode(function, offset, &step)) {
		if (class_of(&step) & function->classes) {
			if (is_entered_again(function, offset))
				return -ENOENT;
			*ret_entry = (struct probe_site){(uint32_t)offset, (uint32_t)depth};
			return 0;
		}
		if (is_control_transfer(&step) || !keeps_arguments(&step, arguments) ||
		    !stack_effect(&step, &down))
			return -ENOENT;
		depth += down;
		offset = next_offset(&step);
		if (depth < 0)
			return -ENOENT;
	}
	return offset ? -ENOENT : -EINVAL;
}

/* Compares with the canary: `sub %fs:0x28,%reg` and its kin. */
static bool is_canary_check(const struct step *step)
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
static bool ends_in_return(const struct function *function, size_t offset, size_t *ret_return,
			   uint32_t *ret_depth)
{
	int64_t depth = 0, down;
	struct step step;
	int i;

	for (i = 0; i < TAIL_INSTRUCTIONS && decode(function, offset, &step); i++) {
		if (step.instruction.mnemonic == ZYDIS_MNEMONIC_RET) {
			*ret_return = offset;
			*ret_depth = (uint32_t)-depth;
			return depth <= 0;
		}
		if (is_control_transfer(&step) || writes(&step, ZYDIS_REGISTER_RAX) ||
		    !stack_effect(&step, &down))
			return false;
		depth += down;
		offset = next_offset(&step);
	}
	return false;
}

/* The only way out of the function is the return behind its only stack-protector check. */
static bool choose_plain_leave(const struct function *function, struct probe_site *ret_leave)
{
	size_t offset = 0, end = 0, checks = 0, returns = 0;
	struct step step, jump;
	int64_t target;

	for (; offset < function->size; offset = next_offset(&step)) {
		if (!decode(function, offset, &step))
			return false;
		returns += step.instruction.mnemonic == ZYDIS_MNEMONIC_RET;
		/* A jump to elsewhere, also a conditional one, is another way out. */
		if ((is_category(&step, ZYDIS_CATEGORY_UNCOND_BR) ||
		     is_category(&step, ZYDIS_CATEGORY_COND_BR)) &&
		    (!relative_target(&step, &target) || target < 0 ||
		     target >= (int64_t)function->size))
			return false;
		if (!is_canary_check(&step))
			continue;
		if (checks++ || !decode(function, next_offset(&step), &jump) ||
		    jump.instruction.mnemonic != ZYDIS_MNEMONIC_JNZ ||
		    !(class_of(&jump) & function->classes) ||
		    !ends_in_return(function, next_offset(&jump), &end, &ret_leave->depth))
			return false;
		ret_leave->offset = (uint32_t)jump.offset;
	}
	return checks == 1 && returns == 1;
}

/* A call at the entry site whose result this function hands on is not provable in general; what is
 * left to the caller is to prove it by calls of its own. */
static void choose_leave(const struct function *function, struct probe_sites *sites)
{
	struct step step;
	int64_t target;

	sites->leave_kind = PROBE_LEAVE_NONE;
	if (choose_plain_leave(function, &sites->leave)) {
		sites->leave_kind = PROBE_LEAVE_PLAIN;
		return;
	}
	if (!decode(function, sites->entry.offset, &step))
		return;
	/* The caller's address still lies where a return probe replaces it. */
	if (sites->entry.depth == 0 && !is_category(&step, ZYDIS_CATEGORY_CALL)) {
		sites->leave_kind = PROBE_LEAVE_RETURN;
		sites->leave = sites->entry;
	} else if (is_category(&step, ZYDIS_CATEGORY_CALL) && relative_target(&step, &target)) {
		sites->leave_kind = PROBE_LEAVE_CALLEE;
		sites->callee = target;
		sites->callee_depth = sites->entry.depth;
	}
}

int probe_sites_choose(const uint8_t *code, size_t size, unsigned classes, unsigned arguments,
		       struct probe_sites *ret_sites)
{
	struct probe_sites sites = {};
	struct function function;
	int err;

	if (size > PROBE_FUNCTION_MAX)
		return -ENOENT;
	open_function(&function, code, size, classes);
	err = choose_entry(&function, arguments, &sites.entry);
	if (err)
		return err;
	choose_leave(&function, &sites);
	*ret_sites = sites;
	return 0;
}

int probe_sites_return(const uint8_t *code, size_t size, unsigned classes, uint32_t *ret_offset)
{
	struct function function;
	size_t offset = 0;
	struct step step;

	open_function(&function, code, size, classes);
	if (!decode(&function, 0, &step))
		return -EINVAL;
	if (step.instruction.mnemonic == ZYDIS_MNEMONIC_ENDBR64) {
		offset = next_offset(&step);
		if (!decode(&function, offset, &step))
			return -EINVAL;
	}
	if (!(class_of(&step) & classes & (PROBE_CLASS_PUSH | PROBE_CLASS_JUMP)))
		return -ENOENT;
	*ret_offset = (uint32_t)offset;
	return 0;
}

/* Extends the third argument's sign, and nothing else. */
static bool is_extension(const struct step *step)
{
	return step->instruction.mnemonic == ZYDIS_MNEMONIC_MOVSXD &&
	       step->operands[0].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       step->operands[0].reg.value == ZYDIS_REGISTER_RDX &&
	       step->operands[1].type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       step->operands[1].reg.value == ZYDIS_REGISTER_EDX;
}

/* How often the function goes there; more than once as well when it is not understood. */
static int count_calls(const struct function *function, int64_t callee)
{
	size_t offset = 0;
	struct step step;
	int64_t target;
	int count = 0;

	for (; offset < function->size; offset = next_offset(&step)) {
		if (!decode(function, offset, &step))
			return 2;
		if (relative_target(&step, &target) && target == callee)
			count++;
	}
	return count;
}

bool probe_sites_hands_on(const uint8_t *code, size_t size, int64_t callee)
{
	struct function function;
	struct step step;
	size_t offset = 0;
	int64_t target;

	if (size > PROBE_FUNCTION_MAX)
		return false;
	open_function(&function, code, size, 0);
	if (count_calls(&function, callee) != 1)
		return false;
	for (; decode(&function, offset, &step); offset = next_offset(&step)) {
		if (is_category(&step, ZYDIS_CATEGORY_CALL))
			return relative_target(&step, &target) && target == callee &&
			       !is_entered_again(&function, offset);
		/* Away from the way to the call lead only branches; behind it nothing comes back. */
		if (is_control_transfer(&step) && !is_category(&step, ZYDIS_CATEGORY_COND_BR))
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

bool probe_sites_hands_on(const uint8_t *code, size_t size, int64_t callee)
{
	(void)code, (void)size, (void)callee;
	return false;
}

#endif
