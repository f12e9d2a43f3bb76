// SPDX-License-Identifier: Apache-2.0
/* What the registers hold while a function is walked (tls_shape.h, tls_inside.h). Private to them. */
#ifndef OPERAGLASS_TLS_REGISTERS_H
#define OPERAGLASS_TLS_REGISTERS_H

#if defined(__x86_64__)

#include <stdbool.h>
#include <stdint.h>
#include <Zydis/Zydis.h>

#include "tls_shape.h"

enum tls_value_kind {
	VALUE_UNKNOWN,
	VALUE_ARGUMENT, /* number: which */
	VALUE_NUMBER,	/* a constant */
	VALUE_METHOD,	/* ssl->method */
	VALUE_S3,	/* ssl->s3 */
	VALUE_OF_S3,	/* loaded from s3; number: from where */
};

struct tls_value {
	enum tls_value_kind kind;
	uint64_t number;
};

/* In the order of their encoding. */
enum tls_register {
	REGISTER_RAX = 0,
	REGISTER_RCX = 1,
	REGISTER_RDX = 2,
	REGISTER_RBX = 3,
	REGISTER_RBP = 5,
	REGISTER_RSI = 6,
	REGISTER_RDI = 7,
	REGISTER_R8 = 8,
	REGISTER_R9 = 9,
	REGISTER_R11 = 11,
	REGISTER_R12 = 12,
	REGISTER_R13 = 13,
	REGISTER_R14 = 14,
	REGISTER_R15 = 15,
	REGISTERS = 16,
	REGISTER_NONE = -1,
};

struct tls_registers {
	struct tls_value of[REGISTERS];
};

/* An instruction and where it lies. */
struct tls_instruction {
	uint64_t address;
	ZydisDecodedInstruction decoded;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
};

/* enum tls_register of a general register or a part of it; else REGISTER_NONE. */
int tls_register_of(ZydisRegister name);

/* What a register operand of at least 32 bits holds. */
struct tls_value tls_registers_value(const struct tls_registers *registers,
				     const ZydisDecodedOperand *operand);

/* What the register holds that a memory operand counts from, when that is all it counts from. */
struct tls_value tls_registers_base(const struct tls_registers *registers,
				    const ZydisDecodedOperand *operand);

/* The instruction, which is no call, has run. */
void tls_registers_run(struct tls_registers *registers, const struct tls_instruction *instruction);

/* A call has returned. */
void tls_registers_forget(struct tls_registers *registers);

/* Keeps what both hold. */
void tls_registers_meet(struct tls_registers *registers, const struct tls_registers *other);

/* Whether a call would put an error with these arguments, and which. */
bool tls_registers_error(const struct tls_registers *registers, struct tls_shape_error *ret_error);

#endif
#endif
