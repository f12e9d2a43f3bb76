// SPDX-License-Identifier: Apache-2.0
#include "tls_shape.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "tls_registers.h"

#if defined(__x86_64__)

#define WAYS_MAX	64 /* branches that are open at one time */
#define ERROR_STEPS_MAX 8  /* a load for each argument, and the call */
#define ALIGNMENT	16
#define INT3		0xcc /* what linkers put between functions */

/* A branch not walked yet, and what the registers hold when it is taken. */
struct way {
	size_t target;
	struct tls_registers registers;
};

enum test {
	TEST_NONE,
	TEST_NUMBER, /* of the third argument against itself */
	TEST_RESULT, /* of the result of the call with ssl */
};

struct walk {
	ZydisDecoder decoder;
	const uint8_t *code;
	size_t size, at;
	uint64_t address;
	struct tls_instruction instruction;
	bool is_reached;
	bool has_called;
	bool result_is_fills; /* rax holds what the call with ssl returned */
	enum test test;	      /* what the instruction before this one has tested */
	uint64_t consumed;    /* 1 + the member that the instruction before has added to */
	int64_t fills_by;
	struct tls_registers registers;
	uint8_t walked[TLS_SHAPE_CODE_MAX / 8]; /* a bit for the first byte of each instruction */
	size_t way_count;
	struct way ways[WAYS_MAX];
	struct tls_shape shape;
};

static bool is_argument(struct tls_value value, uint64_t number)
{
	return value.kind == VALUE_ARGUMENT && value.number == number;
}

static bool holds_argument(const struct walk *walk, enum tls_register register_, uint64_t number)
{
	return is_argument(walk->registers.of[register_], number);
}

static void note_error(struct walk *walk)
{
	struct tls_shape *shape = &walk->shape;

	if (shape->error_count < TLS_SHAPE_ERRORS_MAX &&
	    tls_registers_error(&walk->registers, &shape->errors[shape->error_count]))
		shape->error_count++;
}

static bool relative_target(const struct walk *walk, int64_t *ret_target)
{
	const ZydisDecodedOperand *operand = &walk->instruction.operands[0];

	if (operand->type != ZYDIS_OPERAND_TYPE_IMMEDIATE || !operand->imm.is_relative)
		return false;
	*ret_target = (int64_t)(walk->at + walk->instruction.decoded.length) + operand->imm.value.s;
	return true;
}

/* --- what tells ----------------------------------------------------------------------------------- */

/* Any kind of call; the registers are still the caller's. */
static void note_call(struct walk *walk)
{
	const struct tls_value *of = walk->registers.of;
	struct tls_value through =
		tls_registers_base(&walk->registers, &walk->instruction.operands[0]);
	bool fills = false;

	note_error(walk);
	if (through.kind == VALUE_METHOD && holds_argument(walk, REGISTER_RDI, 0) &&
	    holds_argument(walk, REGISTER_RCX, 1) && holds_argument(walk, REGISTER_R8, 2))
		walk->shape.facts |= TLS_SHAPE_HANDS;
	if (of[REGISTER_RSI].kind == VALUE_OF_S3 && holds_argument(walk, REGISTER_RDI, 1)) {
		walk->shape.facts |= TLS_SHAPE_COPIES;
		walk->consumed = 0;
	}
	if (holds_argument(walk, REGISTER_RDI, 0) && !(walk->shape.facts & TLS_SHAPE_FILLS))
		fills = relative_target(walk, &walk->fills_by);
	walk->has_called = true;
	walk->result_is_fills = fills;
}

static void note_test(struct walk *walk)
{
	const ZydisDecodedOperand *operands = walk->instruction.operands;
	enum test before = walk->test;
	ZydisMnemonic mnemonic = walk->instruction.decoded.mnemonic;

	walk->test = TEST_NONE;
	if (mnemonic == ZYDIS_MNEMONIC_JS && before == TEST_NUMBER)
		walk->shape.facts |= TLS_SHAPE_REFUSES;
	if (mnemonic == ZYDIS_MNEMONIC_JLE && before == TEST_NUMBER)
		walk->shape.facts |= TLS_SHAPE_WANTS;
	if (mnemonic == ZYDIS_MNEMONIC_JLE && before == TEST_RESULT) {
		walk->shape.facts |= TLS_SHAPE_FILLS;
		walk->shape.fills_by = walk->fills_by;
	}
	if (mnemonic != ZYDIS_MNEMONIC_TEST || operands[1].type != ZYDIS_OPERAND_TYPE_REGISTER ||
	    operands[0].type != ZYDIS_OPERAND_TYPE_REGISTER || operands[0].size != 32 ||
	    operands[0].reg.value != operands[1].reg.value)
		return;
	if (is_argument(tls_registers_value(&walk->registers, &operands[0]), 2))
		walk->test = TEST_NUMBER;
	else if (operands[0].reg.value == ZYDIS_REGISTER_EAX && walk->result_is_fills)
		walk->test = TEST_RESULT;
}

/* Writes to a member of s3. */
static void note_store(struct walk *walk)
{
	const ZydisDecodedOperand *to = &walk->instruction.operands[0],
				  *from = &walk->instruction.operands[1];
	uint64_t at = (uint64_t)to->mem.disp.value;
	ZydisMnemonic mnemonic = walk->instruction.decoded.mnemonic;

	if (tls_registers_base(&walk->registers, to).kind != VALUE_S3)
		return;
	if (mnemonic == ZYDIS_MNEMONIC_MOV && from->type == ZYDIS_OPERAND_TYPE_IMMEDIATE &&
	    !from->imm.value.u && to->size == 32 && !walk->has_called)
		walk->shape.facts |= TLS_SHAPE_RESETS;
	if (mnemonic == ZYDIS_MNEMONIC_MOV && from->type == ZYDIS_OPERAND_TYPE_REGISTER &&
	    walk->consumed && at == walk->consumed - 1 + sizeof(uint64_t))
		walk->shape.facts |= TLS_SHAPE_CONSUMES;
	walk->consumed = mnemonic == ZYDIS_MNEMONIC_ADD &&
					 from->type == ZYDIS_OPERAND_TYPE_REGISTER &&
					 walk->shape.facts & TLS_SHAPE_COPIES
				 ? at + 1
				 : 0;
}

/* --- the walk ------------------------------------------------------------------------------------- */

static bool is_walked(const struct walk *walk, size_t at)
{
	return at < TLS_SHAPE_CODE_MAX && walk->walked[at / 8] & 1 << at % 8;
}

/* Begins behind the padding that follows another function. */
static bool is_other_function(const struct walk *walk, size_t target)
{
	return target && (walk->address + target) % ALIGNMENT == 0 && target <= walk->size &&
	       walk->code[target - 1] == INT3;
}

/* A jump elsewhere leaves the function; what was walked is not walked again. */
static int open_way(struct walk *walk, int64_t target)
{
	size_t i;

	if (target < 0 || target >= TLS_SHAPE_CODE_MAX || is_walked(walk, (size_t)target) ||
	    is_other_function(walk, (size_t)target))
		return 0;
	for (i = 0; i < walk->way_count; i++)
		if (walk->ways[i].target == (size_t)target) {
			tls_registers_meet(&walk->ways[i].registers, &walk->registers);
			return 0;
		}
	if (walk->way_count == WAYS_MAX)
		return -EINVAL;
	walk->ways[walk->way_count++] = (struct way){(size_t)target, walk->registers};
	return 0;
}

/* Goes on here, or at the first open branch. False: everything was walked. */
static bool join_ways(struct walk *walk)
{
	struct way *ways = walk->ways, *first = NULL;
	size_t i;

	if (walk->is_reached && is_walked(walk, walk->at)) {
		note_error(walk); /* the call was walked with another one's arguments */
		walk->is_reached = false;
	}
	for (i = 0; i < walk->way_count; i++)
		if (walk->is_reached ? ways[i].target == walk->at
				     : !first || ways[i].target < first->target)
			first = &ways[i];
	if (!first)
		return walk->is_reached;
	if (walk->is_reached) {
		note_error(walk); /* several errors share a call */
		tls_registers_meet(&walk->registers, &first->registers);
	} else {
		walk->registers = first->registers;
	}
	walk->at = first->target;
	walk->is_reached = true;
	walk->result_is_fills = false;
	*first = ways[--walk->way_count];
	return true;
}

static bool decode(struct walk *walk)
{
	walk->instruction.address = walk->address + walk->at;
	return walk->at < walk->size &&
	       ZYAN_SUCCESS(ZydisDecoderDecodeFull(
		       &walk->decoder, walk->code + walk->at, walk->size - walk->at,
		       &walk->instruction.decoded, walk->instruction.operands));
}

static bool writes_result(const struct walk *walk)
{
	const ZydisDecodedOperand *operand = walk->instruction.operands;
	int i;

	for (i = 0; i < walk->instruction.decoded.operand_count; i++, operand++)
		if (operand->type == ZYDIS_OPERAND_TYPE_REGISTER &&
		    operand->actions & ZYDIS_OPERAND_ACTION_MASK_WRITE &&
		    tls_register_of(operand->reg.value) == REGISTER_RAX)
			return true;
	return false;
}

/* One instruction. -EINVAL: too many branches. */
static int step(struct walk *walk)
{
	ZydisInstructionCategory category = walk->instruction.decoded.meta.category;
	int64_t target;
	int err = 0;

	walk->walked[walk->at / 8] |= (uint8_t)(1 << walk->at % 8);
	if (walk->instruction.operands[0].type == ZYDIS_OPERAND_TYPE_MEMORY)
		note_store(walk);
	note_test(walk);
	if (category == ZYDIS_CATEGORY_CALL) {
		note_call(walk);
		tls_registers_forget(&walk->registers);
	} else if (category == ZYDIS_CATEGORY_COND_BR) {
		if (relative_target(walk, &target))
			err = open_way(walk, target);
	} else if (category == ZYDIS_CATEGORY_UNCOND_BR) {
		note_error(walk);
		if (relative_target(walk, &target))
			err = open_way(walk, target);
		walk->is_reached = false;
	} else if (category == ZYDIS_CATEGORY_RET || category == ZYDIS_CATEGORY_INTERRUPT ||
		   walk->instruction.decoded.mnemonic == ZYDIS_MNEMONIC_UD2) {
		walk->is_reached = false;
	} else {
		tls_registers_run(&walk->registers, &walk->instruction);
		walk->result_is_fills &= !writes_result(walk);
	}
	walk->at += walk->instruction.decoded.length;
	if (walk->at > walk->shape.size)
		walk->shape.size = walk->at;
	return err;
}

static void open_walk(struct walk *walk, const uint8_t *code, size_t size, uint64_t address)
{
	memset(walk, 0, sizeof(*walk));
	walk->code = code;
	walk->size = size < TLS_SHAPE_CODE_MAX ? size : TLS_SHAPE_CODE_MAX;
	walk->address = address;
	walk->is_reached = true;
	ZydisDecoderInit(&walk->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
}

int tls_shape_of(const uint8_t *code, size_t size, uint64_t address, struct tls_shape *ret_shape)
{
	struct walk walk;
	int err = 0;

	open_walk(&walk, code, size, address);
	walk.registers.of[REGISTER_RDI] = (struct tls_value){VALUE_ARGUMENT, 0};
	walk.registers.of[REGISTER_RSI] = (struct tls_value){VALUE_ARGUMENT, 1};
	walk.registers.of[REGISTER_RDX] = (struct tls_value){VALUE_ARGUMENT, 2};
	while (!err && join_ways(&walk))
		err = decode(&walk) ? step(&walk) : -EINVAL;
	if (err)
		return err;
	*ret_shape = walk.shape;
	return 0;
}

int tls_shape_error_at(const uint8_t *code, size_t size, uint64_t address,
		       struct tls_shape_error *ret_error)
{
	struct walk walk;
	int i;

	open_walk(&walk, code, size, address);
	for (i = 0; i < ERROR_STEPS_MAX && decode(&walk); i++) {
		ZydisInstructionCategory category = walk.instruction.decoded.meta.category;

		if (category == ZYDIS_CATEGORY_CALL || category == ZYDIS_CATEGORY_UNCOND_BR)
			return tls_registers_error(&walk.registers, ret_error) ? 0 : -ENOENT;
		if (category == ZYDIS_CATEGORY_COND_BR || category == ZYDIS_CATEGORY_RET)
			break;
		tls_registers_run(&walk.registers, &walk.instruction);
		walk.at += walk.instruction.decoded.length;
	}
	return -ENOENT;
}

#else /* other machines */

int tls_shape_of(const uint8_t *code, size_t size, uint64_t address, struct tls_shape *ret_shape)
{
	(void)code, (void)size, (void)address, (void)ret_shape;
	return -ENOTSUP;
}

int tls_shape_error_at(const uint8_t *code, size_t size, uint64_t address,
		       struct tls_shape_error *ret_error)
{
	(void)code, (void)size, (void)address, (void)ret_error;
	return -ENOTSUP;
}

#endif
