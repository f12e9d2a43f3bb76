// SPDX-License-Identifier: Apache-2.0
#include "tls_registers.h"

#if defined(__x86_64__)

#define LIBRARY_SSL 16	 /* ERR_LIB_SSL */
#define AT_METHOD   0x00 /* members of the SSL object */
#define AT_S3	    0x30

int tls_register_of(ZydisRegister name)
{
	ZydisRegister whole = ZydisRegisterGetLargestEnclosing(ZYDIS_MACHINE_MODE_LONG_64, name);

	return whole >= ZYDIS_REGISTER_RAX && whole <= ZYDIS_REGISTER_R15
		       ? (int)(whole - ZYDIS_REGISTER_RAX)
		       : REGISTER_NONE;
}

struct tls_value tls_registers_value(const struct tls_registers *registers,
				     const ZydisDecodedOperand *operand)
{
	int number = operand->type == ZYDIS_OPERAND_TYPE_REGISTER && operand->size >= 32
			     ? tls_register_of(operand->reg.value)
			     : REGISTER_NONE;

	return number == REGISTER_NONE ? (struct tls_value){} : registers->of[number];
}

struct tls_value tls_registers_base(const struct tls_registers *registers,
				    const ZydisDecodedOperand *operand)
{
	int number = operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
				     operand->mem.index == ZYDIS_REGISTER_NONE &&
				     operand->mem.segment != ZYDIS_REGISTER_FS &&
				     operand->mem.segment != ZYDIS_REGISTER_GS
			     ? tls_register_of(operand->mem.base)
			     : REGISTER_NONE;

	return number == REGISTER_NONE ? (struct tls_value){} : registers->of[number];
}

static struct tls_value load(const struct tls_registers *registers,
			     const ZydisDecodedOperand *operand)
{
	struct tls_value base = tls_registers_base(registers, operand);
	uint64_t at = (uint64_t)operand->mem.disp.value;
	bool is_object = base.kind == VALUE_ARGUMENT && base.number == 0;

	if (operand->size != 64)
		return (struct tls_value){};
	if (is_object && at == AT_METHOD)
		return (struct tls_value){VALUE_METHOD, 0};
	if (is_object && at == AT_S3)
		return (struct tls_value){VALUE_S3, 0};
	return base.kind == VALUE_S3 ? (struct tls_value){VALUE_OF_S3, at} : (struct tls_value){};
}

/* What it leaves in its first operand, a register. */
static struct tls_value result_of(const struct tls_registers *registers,
				  const struct tls_instruction *instruction)
{
	const ZydisDecodedOperand *to = &instruction->operands[0], *from = to + 1;
	ZydisMnemonic mnemonic = instruction->decoded.mnemonic;
	bool moves = mnemonic == ZYDIS_MNEMONIC_MOV;
	ZyanU64 address;

	if (to->size < 32)
		return (struct tls_value){};
	if ((moves || mnemonic == ZYDIS_MNEMONIC_MOVSXD) &&
	    from->type == ZYDIS_OPERAND_TYPE_REGISTER)
		return tls_registers_value(registers, from);
	if (moves && from->type == ZYDIS_OPERAND_TYPE_MEMORY)
		return load(registers, from);
	if (moves && from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return (struct tls_value){VALUE_NUMBER, from->imm.value.u};
	if (mnemonic == ZYDIS_MNEMONIC_LEA && from->mem.base == ZYDIS_REGISTER_RIP &&
	    ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&instruction->decoded, from, instruction->address,
						  &address)))
		return (struct tls_value){VALUE_NUMBER, address};
	if (mnemonic == ZYDIS_MNEMONIC_XOR && from->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    from->reg.value == to->reg.value)
		return (struct tls_value){VALUE_NUMBER, 0};
	return (struct tls_value){};
}

void tls_registers_run(struct tls_registers *registers, const struct tls_instruction *instruction)
{
	const ZydisDecodedOperand *operand = instruction->operands;
	struct tls_value result = {};
	int i, number;

	if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER)
		result = result_of(registers, instruction);
	for (i = 0; i < instruction->decoded.operand_count; i++, operand++) {
		if (operand->type != ZYDIS_OPERAND_TYPE_REGISTER ||
		    !(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		number = tls_register_of(operand->reg.value);
		if (number != REGISTER_NONE)
			registers->of[number] = i ? (struct tls_value){} : result;
	}
}

void tls_registers_forget(struct tls_registers *registers)
{
	int i;

	for (i = REGISTER_RAX; i <= REGISTER_R11; i++)
		if (i <= REGISTER_RDX || i >= REGISTER_RSI)
			registers->of[i] = (struct tls_value){};
}

void tls_registers_meet(struct tls_registers *registers, const struct tls_registers *other)
{
	int i;

	for (i = 0; i < REGISTERS; i++)
		if (registers->of[i].kind != other->of[i].kind ||
		    registers->of[i].number != other->of[i].number)
			registers->of[i] = (struct tls_value){};
}

static bool is_number(const struct tls_value *value, uint64_t most)
{
	return value->kind == VALUE_NUMBER && value->number <= most;
}

bool tls_registers_error(const struct tls_registers *registers, struct tls_shape_error *ret_error)
{
	/* With the argument that nobody uses, which is 0, and without it. */
	static const struct {
		int reason, file, line;
	} orders[] = {{REGISTER_RDX, REGISTER_RCX, REGISTER_R8},
		      {REGISTER_RSI, REGISTER_RDX, REGISTER_RCX}};
	const struct tls_value *of = registers->of;
	size_t i;

	if (of[REGISTER_RDI].kind != VALUE_NUMBER || of[REGISTER_RDI].number != LIBRARY_SSL)
		return false;
	for (i = !is_number(&of[REGISTER_RSI], 0); i < sizeof(orders) / sizeof(orders[0]); i++) {
		const struct tls_value *reason = &of[orders[i].reason], *line = &of[orders[i].line];

		if (!is_number(reason, UINT16_MAX) || !is_number(line, UINT16_MAX) ||
		    !is_number(&of[orders[i].file], UINT64_MAX))
			continue;
		*ret_error = (struct tls_shape_error){.file = of[orders[i].file].number,
						      .reason = (uint32_t)reason->number,
						      .line = (uint32_t)line->number};
		return true;
	}
	return false;
}

#endif
