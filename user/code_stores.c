// SPDX-License-Identifier: Apache-2.0
#include "code_stores.h"

#include <errno.h>
#include <string.h>

#if defined(__x86_64__)

#include <Zydis/Zydis.h>

#define REGISTERS 16

struct value {
	bool known;
	uint64_t number;
};

struct machine {
	ZydisDecoder decoder;
	const uint8_t *code;
	size_t size;
	uint64_t address;
	code_memory *memory;
	void *context;
	struct value general[REGISTERS];
	struct value vector[REGISTERS][2]; /* the low half, the high half */
	bool targets[CODE_FUNCTION_MAX];   /* some jump lands there */
	struct code_store *stores;
	size_t count;
	bool full;
};

struct step {
	ZydisDecodedInstruction instruction;
	ZydisDecodedOperand operands[ZYDIS_MAX_OPERAND_COUNT];
	uint64_t next; /* address behind it */
};

static bool decode(const struct machine *machine, size_t offset, struct step *ret_step)
{
	if (!ZYAN_SUCCESS(ZydisDecoderDecodeFull(&machine->decoder, machine->code + offset,
						 machine->size - offset, &ret_step->instruction,
						 ret_step->operands)))
		return false;
	ret_step->next = machine->address + offset + ret_step->instruction.length;
	return true;
}

/* --- registers and memory --------------------------------------------------------------------------- */

static bool is_vector(const ZydisDecodedOperand *operand)
{
	return operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	       ZydisRegisterGetClass(operand->reg.value) == ZYDIS_REGCLASS_XMM &&
	       ZydisRegisterGetId(operand->reg.value) < REGISTERS;
}

/* Of a 32-bit or a 64-bit one; NULL: it is another. */
static struct value *general_of(struct machine *machine, ZydisRegister register_)
{
	ZydisRegisterClass class_ = ZydisRegisterGetClass(register_);

	return class_ == ZYDIS_REGCLASS_GPR64 || class_ == ZYDIS_REGCLASS_GPR32
		       ? &machine->general[ZydisRegisterGetId(register_)]
		       : NULL;
}

static struct value *vector_of(struct machine *machine, const ZydisDecodedOperand *operand)
{
	return machine->vector[ZydisRegisterGetId(operand->reg.value)];
}

static struct value address_of(struct machine *machine, const struct step *step,
			       const ZydisDecodedOperand *operand)
{
	const ZydisDecodedOperandMem *mem = &operand->mem;
	struct value unknown = {}, *base;

	if (mem->index != ZYDIS_REGISTER_NONE || mem->segment == ZYDIS_REGISTER_FS ||
	    mem->segment == ZYDIS_REGISTER_GS)
		return unknown;
	if (mem->base == ZYDIS_REGISTER_RIP)
		return (struct value){true, step->next + (uint64_t)mem->disp.value};
	base = general_of(machine, mem->base);
	if (!base || !base->known || ZydisRegisterGetClass(mem->base) != ZYDIS_REGCLASS_GPR64)
		return unknown;
	return (struct value){true, base->number + (uint64_t)mem->disp.value};
}

static struct value load(const struct machine *machine, struct value address, uint64_t into)
{
	struct value value = {};

	if (address.known)
		value.known =
			machine->memory(machine->context, address.number + into, &value.number);
	return value;
}

/* What was stored in any of these bytes is no more. */
static void forget_stores(struct machine *machine, uint64_t address, uint64_t size)
{
	size_t i = 0;

	while (i < machine->count) {
		uint64_t at = machine->stores[i].address;

		if (at - address < size || address - at < 8)
			machine->stores[i] = machine->stores[--machine->count];
		else
			i++;
	}
}

static void store(struct machine *machine, struct value address, uint64_t into, struct value value)
{
	if (!address.known || !value.known)
		return;
	if (machine->count == CODE_STORES_MAX) {
		machine->full = true;
		return;
	}
	machine->stores[machine->count++] =
		(struct code_store){address.number + into, value.number};
}

static struct value cut(struct value value, unsigned bits)
{
	if (bits == 32)
		value.number &= UINT32_MAX;
	return value;
}

/* An operand of 32 or 64 bits; unknown: any other. */
static struct value read_operand(struct machine *machine, const struct step *step,
				 const ZydisDecodedOperand *operand)
{
	struct value unknown = {}, *general;

	if (operand->type == ZYDIS_OPERAND_TYPE_IMMEDIATE)
		return cut((struct value){true, operand->imm.value.u}, step->operands[0].size);
	if (is_vector(operand))
		return vector_of(machine, operand)[0];
	if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		general = general_of(machine, operand->reg.value);
		return general ? cut(*general, operand->size) : unknown;
	}
	if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY && operand->size == 64)
		return load(machine, address_of(machine, step, operand), 0);
	return unknown;
}

/* --- what an instruction changes ---------------------------------------------------------------------- */

/* What it writes is unknown by now, whatever it is. */
static void forget_written(struct machine *machine, const struct step *step)
{
	const ZydisDecodedOperand *operand = step->operands;
	struct value address, *general;
	int i;

	for (i = 0; i < step->instruction.operand_count; i++, operand++) {
		if (!(operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE))
			continue;
		if (operand->type == ZYDIS_OPERAND_TYPE_MEMORY) {
			address = address_of(machine, step, operand);
			if (address.known)
				forget_stores(machine, address.number, operand->size / 8);
		} else if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER) {
			ZydisRegister whole = ZydisRegisterGetLargestEnclosing(
				ZYDIS_MACHINE_MODE_LONG_64, operand->reg.value);

			general = general_of(machine, whole);
			if (general)
				general->known = false;
			else if (ZydisRegisterGetId(whole) >= 0 &&
				 ZydisRegisterGetId(whole) < REGISTERS)
				memset(machine->vector[ZydisRegisterGetId(whole)], 0,
				       sizeof(machine->vector[0]));
		}
	}
}

static void forget_registers(struct machine *machine)
{
	memset(machine->general, 0, sizeof(machine->general));
	memset(machine->vector, 0, sizeof(machine->vector));
}

/* Calls, and jumps that come or go. */
static bool is_break(const struct step *step)
{
	switch (step->instruction.meta.category) {
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_INTERRUPT:
		return true;
	default:
		return false;
	}
}

enum move {
	MOVE_NONE,
	MOVE_ADDRESS, /* lea */
	MOVE_LOW,     /* 32 or 64 bits; into a vector: its low half, the other becomes 0 */
	MOVE_HIGH,    /* memory from or to the high half of a vector */
	MOVE_JOIN,    /* the source's low half becomes the high half */
	MOVE_BOTH,    /* 128 bits */
};

static enum move move_of(ZydisMnemonic mnemonic)
{
	static const struct {
		ZydisMnemonic mnemonic;
		enum move move;
	} rows[] = {
		{ZYDIS_MNEMONIC_LEA, MOVE_ADDRESS},	{ZYDIS_MNEMONIC_MOV, MOVE_LOW},
		{ZYDIS_MNEMONIC_MOVQ, MOVE_LOW},	{ZYDIS_MNEMONIC_MOVHPS, MOVE_HIGH},
		{ZYDIS_MNEMONIC_MOVHPD, MOVE_HIGH},	{ZYDIS_MNEMONIC_MOVLHPS, MOVE_JOIN},
		{ZYDIS_MNEMONIC_PUNPCKLQDQ, MOVE_JOIN}, {ZYDIS_MNEMONIC_MOVUPS, MOVE_BOTH},
		{ZYDIS_MNEMONIC_MOVAPS, MOVE_BOTH},	{ZYDIS_MNEMONIC_MOVUPD, MOVE_BOTH},
		{ZYDIS_MNEMONIC_MOVAPD, MOVE_BOTH},	{ZYDIS_MNEMONIC_MOVDQA, MOVE_BOTH},
		{ZYDIS_MNEMONIC_MOVDQU, MOVE_BOTH},
	};
	size_t i;

	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		if (rows[i].mnemonic == mnemonic)
			return rows[i].move;
	return MOVE_NONE;
}

/* What is moved: two halves of a vector, or one number. */
static void read_moved(struct machine *machine, const struct step *step, enum move move,
		       struct value moved[2])
{
	const ZydisDecodedOperand *to = &step->operands[0], *from = &step->operands[1];
	struct value address;

	memset(moved, 0, 2 * sizeof(moved[0]));
	if (move == MOVE_ADDRESS) {
		moved[0] = address_of(machine, step, from);
	} else if (move == MOVE_LOW) {
		moved[0] = read_operand(machine, step, from);
		moved[1] = (struct value){true, 0};
	} else if (move == MOVE_BOTH && from->type == ZYDIS_OPERAND_TYPE_MEMORY) {
		address = address_of(machine, step, from);
		moved[0] = load(machine, address, 0);
		moved[1] = load(machine, address, 8);
	} else if (is_vector(from)) {
		moved[0] = vector_of(machine, from)[0];
		moved[1] = vector_of(machine, from)[1];
	}
	if ((move == MOVE_HIGH || move == MOVE_JOIN) && is_vector(to)) {
		moved[1] = read_operand(machine, step, from);
		moved[0] = vector_of(machine, to)[0];
	} else if (move == MOVE_HIGH) {
		moved[0] = moved[1];
	}
}

static void write_moved(struct machine *machine, const struct step *step, enum move move,
			const struct value moved[2])
{
	const ZydisDecodedOperand *to = &step->operands[0];
	struct value address, *general;

	if (to->type == ZYDIS_OPERAND_TYPE_MEMORY && to->size >= 32) {
		address = address_of(machine, step, to);
		store(machine, address, 0, moved[0]);
		if (move == MOVE_BOTH)
			store(machine, address, 8, moved[1]);
	} else if (is_vector(to)) {
		memcpy(vector_of(machine, to), moved, 2 * sizeof(moved[0]));
	} else if (to->type == ZYDIS_OPERAND_TYPE_REGISTER) {
		general = general_of(machine, to->reg.value);
		if (general)
			*general = cut(moved[0], to->size);
	}
}

static void run(struct machine *machine, const struct step *step)
{
	enum move move = move_of(step->instruction.mnemonic);
	struct value moved[2];

	if (is_break(step)) {
		forget_registers(machine);
		return;
	}
	if (move)
		read_moved(machine, step, move, moved);
	forget_written(machine, step);
	if (move)
		write_moved(machine, step, move, moved);
}

static void mark_target(struct machine *machine, const struct step *step)
{
	const ZydisDecodedOperand *operand = &step->operands[0];
	uint64_t target;

	if (!is_break(step) || operand->type != ZYDIS_OPERAND_TYPE_IMMEDIATE ||
	    !operand->imm.is_relative)
		return;
	target = step->next + operand->imm.value.u - machine->address;
	if (target < machine->size)
		machine->targets[target] = true;
}

int code_stores_find(const uint8_t *code, size_t size, uint64_t address, code_memory *memory,
		     void *context, struct code_store *ret_stores)
{
	struct machine machine = {.code = code,
				  .size = size,
				  .address = address,
				  .memory = memory,
				  .context = context,
				  .stores = ret_stores};
	struct step step;
	size_t offset;

	if (size > CODE_FUNCTION_MAX)
		return -EINVAL;
	ZydisDecoderInit(&machine.decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	for (offset = 0; offset < size; offset += step.instruction.length) {
		if (!decode(&machine, offset, &step))
			return -EINVAL;
		mark_target(&machine, &step);
	}
	for (offset = 0; offset < size; offset += step.instruction.length) {
		decode(&machine, offset, &step);
		if (machine.targets[offset])
			forget_registers(&machine);
		run(&machine, &step);
	}
	return machine.full ? -ENOSPC : (int)machine.count;
}

#else /* other machines: instructions differ */

int code_stores_find(const uint8_t *code, size_t size, uint64_t address, code_memory *memory,
		     void *context, struct code_store *ret_stores)
{
	(void)code, (void)size, (void)address, (void)memory, (void)context, (void)ret_stores;
	return -ENOTSUP;
}

#endif
