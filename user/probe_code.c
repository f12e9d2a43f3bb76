// SPDX-License-Identifier: Apache-2.0
#include "probe_code.h"

#if defined(__x86_64__)

#include "probe_sites.h"

void probe_code_open(struct probe_code *function, const uint8_t *code, size_t size,
		     unsigned classes)
{
	*function = (struct probe_code){.code = code, .size = size, .classes = classes};
	ZydisDecoderInit(&function->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

/* The instruction at `offset`; false at the end or where there is none. */
bool probe_code_step(const struct probe_code *function, size_t offset, struct probe_step *ret_step)
{
	if (offset >= function->size)
		return false;
	ret_step->offset = offset;
	return ZYAN_SUCCESS(ZydisDecoderDecodeFull(&function->decoder, function->code + offset,
						   function->size - offset, &ret_step->instruction,
						   ret_step->operands));
}

size_t probe_step_end(const struct probe_step *step)
{
	return step->offset + step->instruction.length;
}

/* The target of a relative jump, branch or call, from the function's first byte. */
bool probe_step_target(const struct probe_step *step, int64_t *ret_target)
{
	const ZydisDecodedOperand *operand = &step->operands[0];

	if (operand->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || !operand->imm.is_relative)
		return false;
	*ret_target = (int64_t)probe_step_end(step) + operand->imm.value.s;
	return true;
}

bool probe_step_is(const struct probe_step *step, ZydisInstructionCategory category)
{
	return step->instruction.meta.category == category;
}

/* enum probe_class of this instruction; 0: none of them. */
unsigned probe_step_class(const struct probe_step *step)
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
	if (probe_step_is(step, ZYDIS_CATEGORY_UNCOND_BR))
		return PROBE_CLASS_JUMP;
	if (probe_step_is(step, ZYDIS_CATEGORY_COND_BR))
		/* loop and jrcxz are conditional, too, but not emulated */
		return step->instruction.mnemonic == ZYDIS_MNEMONIC_LOOP ||
				       step->instruction.mnemonic == ZYDIS_MNEMONIC_LOOPE ||
				       step->instruction.mnemonic == ZYDIS_MNEMONIC_LOOPNE ||
				       step->instruction.mnemonic == ZYDIS_MNEMONIC_JRCXZ ||
				       step->instruction.mnemonic == ZYDIS_MNEMONIC_JECXZ
			       ? 0
			       : PROBE_CLASS_BRANCH;
	return probe_step_is(step, ZYDIS_CATEGORY_CALL) ? PROBE_CLASS_CALL : 0;
}

bool probe_step_transfers(const struct probe_step *step)
{
	return probe_step_is(step, ZYDIS_CATEGORY_UNCOND_BR) ||
	       probe_step_is(step, ZYDIS_CATEGORY_COND_BR) ||
	       probe_step_is(step, ZYDIS_CATEGORY_CALL) ||
	       probe_step_is(step, ZYDIS_CATEGORY_RET) ||
	       probe_step_is(step, ZYDIS_CATEGORY_SYSCALL) ||
	       probe_step_is(step, ZYDIS_CATEGORY_INTERRUPT);
}

bool probe_step_writes(const struct probe_step *step, ZydisRegister register_)
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
bool probe_step_stack(const struct probe_step *step, int64_t *ret_down)
{
	const ZydisDecodedOperand *operands = step->operands;
	ZydisMnemonic mnemonic = step->instruction.mnemonic;

	*ret_down = 0;
	if (!probe_step_writes(step, ZYDIS_REGISTER_RSP))
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

#endif
