// SPDX-License-Identifier: Apache-2.0
/* The instructions of one function, and what each does to what a probe depends on. Of this machine's
 * kind only where there is a decoder for it. */
#ifndef OPERAGLASS_PROBE_CODE_H
#define OPERAGLASS_PROBE_CODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)

#include <Zydis/Zydis.h>

struct probe_step {
	ZydisDecodedInstruction instruction;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	size_t offset;
};

struct probe_code {
	ZydisDecoder decoder;
	const uint8_t *code;
	size_t size;
	unsigned classes;
};

/* classes: enum probe_class bits that are cheap. The bytes must outlive *function. */
void probe_code_open(struct probe_code *function, const uint8_t *code, size_t size,
		     unsigned classes);

/* The instruction at `offset`; false at the end or where there is none. */
bool probe_code_step(const struct probe_code *function, size_t offset, struct probe_step *ret_step);

/* Of the byte behind it. */
size_t probe_step_end(const struct probe_step *step);

/* The target of a relative jump, branch or call, from the function's first byte. */
bool probe_step_target(const struct probe_step *step, int64_t *ret_target);

bool probe_step_is(const struct probe_step *step, ZydisInstructionCategory category);

/* enum probe_class of this instruction; 0: none of them. */
unsigned probe_step_class(const struct probe_step *step);

/* It may go on elsewhere than behind itself. */
bool probe_step_transfers(const struct probe_step *step);

/* It writes the register or a part of it. */
bool probe_step_writes(const struct probe_step *step, ZydisRegister register_);

/* How far the stack pointer goes down; false when it moves in a way that is not followed. */
bool probe_step_stack(const struct probe_step *step, int64_t *ret_down);

#endif

#endif
