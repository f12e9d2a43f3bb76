// SPDX-License-Identifier: Apache-2.0
#include "tls_inside.h"

#include <errno.h>

#if defined(__x86_64__)

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "probe_code.h"
#include "probe_sites.h"
#include "tls.h"
#include "tls_elf.h"
#include "tls_image.h"
#include "tls_registers.h"
#include "tls_relocations.h"
#include "tls_unwind.h"

#define METHODS		 "TLS_method" /* returns the table */
#define METHODS_BYTES	 16
#define APPLICATION_DATA 0x17 /* SSL3_RT_APPLICATION_DATA */

/* struct ssl_method_st: where the table has `ssl_read`, and how far behind it `ssl_read_bytes`. */
static const unsigned reads[] = {0x38 /* 1.1, 3.0, 3.1 */, 0x50 /* 3.2 and later */};
#define BEHIND_READ 0x30

static const enum tls_register keepers[TLS_KEEPERS] = {
	[TLS_KEEPER_RBX] = REGISTER_RBX, [TLS_KEEPER_RBP] = REGISTER_RBP,
	[TLS_KEEPER_R12] = REGISTER_R12, [TLS_KEEPER_R13] = REGISTER_R13,
	[TLS_KEEPER_R14] = REGISTER_R14, [TLS_KEEPER_R15] = REGISTER_R15,
};

/* One function of the file, and how far it was followed: straight on, past branches. */
struct path {
	uint8_t bytes[PROBE_FUNCTION_MAX];
	struct probe_code code;
	uint64_t begin; /* in the file */
	size_t at;	/* of the next instruction */
	struct tls_registers registers;
	struct tls_value pushed; /* last */
};

static bool holds(const struct path *path, enum tls_register register_, enum tls_value_kind kind,
		  uint64_t number)
{
	const struct tls_value *value = &path->registers.of[register_];

	return value->kind == kind && value->number == number;
}

static bool is_argument(const struct path *path, enum tls_register register_,
			enum tls_argument argument)
{
	return holds(path, register_, VALUE_ARGUMENT, argument);
}

/* The function that begins at this offset of the file, of which nothing has run. */
static int open_path(const struct tls_image *image, uint64_t offset, unsigned classes,
		     struct path *path)
{
	uint64_t size;
	int err = tls_unwind_function(image, offset, &path->begin, &size);

	if (err)
		return err;
	if (path->begin != offset || size > sizeof(path->bytes) ||
	    !tls_image_is_code(image, offset, size))
		return -ENOENT;
	err = tls_image_bytes(image, offset, path->bytes, size);
	probe_code_open(&path->code, path->bytes, size, classes);
	path->at = 0;
	path->registers = (struct tls_registers){};
	return err;
}

static void run(struct path *path, const struct probe_step *step)
{
	struct tls_instruction instruction = {.address = step->offset,
					      .decoded = step->instruction};

	memcpy(instruction.operands, step->operands, sizeof(instruction.operands));
	if (step->instruction.mnemonic == ZYDIS_MNEMONIC_PUSH)
		path->pushed = tls_registers_value(&path->registers, &step->operands[0]);
	if (probe_step_is(step, ZYDIS_CATEGORY_CALL))
		tls_registers_forget(&path->registers);
	else
		tls_registers_run(&path->registers, &instruction);
	path->at = probe_step_end(step);
}

/* --- the table ----------------------------------------------------------------------------------- */

/* The address that the function does nothing but return. */
static bool returns_address(const struct path *path, uint64_t address, uint64_t *ret_address)
{
	struct probe_step step;
	ZyanU64 value;

	if (!probe_code_step(&path->code, 0, &step))
		return false;
	if (step.instruction.mnemonic == ZYDIS_MNEMONIC_ENDBR64 &&
	    !probe_code_step(&path->code, probe_step_end(&step), &step))
		return false;
	if (step.instruction.mnemonic != ZYDIS_MNEMONIC_LEA ||
	    step.operands[0].reg.value != ZYDIS_REGISTER_RAX ||
	    !ZYAN_SUCCESS(ZydisCalcAbsoluteAddress(&step.instruction, &step.operands[1],
						   address + step.offset, &value)) ||
	    !probe_code_step(&path->code, probe_step_end(&step), &step) ||
	    step.instruction.mnemonic != ZYDIS_MNEMONIC_RET)
		return false;
	*ret_address = value;
	return true;
}

/* The address of the byte at this offset of a file, in a segment that is code. 0: it is in none. */
static uint64_t address_of(const struct tls_image *image, uint64_t offset)
{
	size_t i;

	for (i = 0; i < image->segment_count; i++) {
		const Elf64_Phdr *segment = &image->segments[i];

		if (segment->p_type == PT_LOAD && (segment->p_flags & PF_X) &&
		    offset >= segment->p_offset && offset - segment->p_offset < segment->p_filesz)
			return segment->p_vaddr + (offset - segment->p_offset);
	}
	return 0;
}

static int find_table(const struct tls_image *image, struct path *path, uint64_t *ret_table)
{
	const char *const name = METHODS;
	uint64_t offset;
	int count = tls_elf_functions(image->file, &name, 1, &offset, NULL);

	if (count < 1)
		return count ? count : -ENOENT;
	path->at = 0;
	if (!tls_image_is_code(image, offset, METHODS_BYTES) ||
	    tls_image_bytes(image, offset, path->bytes, METHODS_BYTES))
		return -ENOENT;
	probe_code_open(&path->code, path->bytes, METHODS_BYTES, 0);
	return returns_address(path, address_of(image, offset), ret_table) ? 0 : -ENOENT;
}

/* --- the functions ------------------------------------------------------------------------------- */

/* ssl_read: hands everything on to the function that also peeks, and says that it does not. */
static bool hands_on(struct path *path, uint64_t *ret_inner)
{
	struct probe_step step;
	int64_t target;

	path->registers.of[REGISTER_RDI] = (struct tls_value){VALUE_ARGUMENT, TLS_ARGUMENT_OBJECT};
	path->registers.of[REGISTER_RSI] = (struct tls_value){VALUE_ARGUMENT, TLS_ARGUMENT_BUFFER};
	path->registers.of[REGISTER_RDX] = (struct tls_value){VALUE_ARGUMENT, TLS_ARGUMENT_LENGTH};
	path->registers.of[REGISTER_RCX] = (struct tls_value){VALUE_ARGUMENT, TLS_ARGUMENT_COUNT};
	while (probe_code_step(&path->code, path->at, &step)) {
		if (probe_step_is(&step, ZYDIS_CATEGORY_UNCOND_BR)) {
			if (!probe_step_target(&step, &target))
				return false;
			*ret_inner = path->begin + (uint64_t)target;
			return is_argument(path, REGISTER_RDI, TLS_ARGUMENT_OBJECT) &&
			       is_argument(path, REGISTER_RSI, TLS_ARGUMENT_BUFFER) &&
			       is_argument(path, REGISTER_RDX, TLS_ARGUMENT_LENGTH) &&
			       is_argument(path, REGISTER_R8, TLS_ARGUMENT_COUNT) &&
			       holds(path, REGISTER_RCX, VALUE_NUMBER, 0);
		}
		if (probe_step_transfers(&step) && !probe_step_is(&step, ZYDIS_CATEGORY_COND_BR))
			return false;
		run(path, &step);
	}
	return false;
}

/* A call by this entry of a table. */
static bool is_call_by(const struct probe_step *step, unsigned entry)
{
	const ZydisDecodedOperand *operand = &step->operands[0];

	return probe_step_is(step, ZYDIS_CATEGORY_CALL) &&
	       operand->type == ZYDIS_OPERAND_TYPE_MEMORY &&
	       operand->mem.index == ZYDIS_REGISTER_NONE && operand->mem.disp.value == entry;
}

/*
 * On to the next call by that entry, which must be made with what the function was called with. A branch that is
 * not taken may come back: what lies behind it, the compiler has where the way past it has it.
 */
static bool follow_to_call(struct path *path, unsigned entry)
{
	struct probe_step step;

	while (probe_code_step(&path->code, path->at, &step)) {
		if (is_call_by(&step, entry)) {
			bool as_called =
				is_argument(path, REGISTER_RDI, TLS_ARGUMENT_OBJECT) &&
				holds(path, REGISTER_RSI, VALUE_NUMBER, APPLICATION_DATA) &&
				is_argument(path, REGISTER_RCX, TLS_ARGUMENT_BUFFER) &&
				is_argument(path, REGISTER_R8, TLS_ARGUMENT_LENGTH) &&
				is_argument(path, REGISTER_R9, TLS_ARGUMENT_PEEK) &&
				path->pushed.kind == VALUE_ARGUMENT &&
				path->pushed.number == TLS_ARGUMENT_COUNT;
			run(path, &step);
			return as_called;
		}
		if (probe_step_transfers(&step) && !probe_step_is(&step, ZYDIS_CATEGORY_COND_BR) &&
		    !probe_step_is(&step, ZYDIS_CATEGORY_CALL))
			return false;
		run(path, &step);
	}
	return false;
}

/* Which registers keep the arguments. False: one is in none. */
static bool find_keepers(const struct path *path, uint64_t *ret_keeps)
{
	enum tls_keeper keeper;
	enum tls_argument argument;
	uint64_t keeps = 0;

	for (argument = 0; argument < TLS_ARGUMENTS; argument++) {
		for (keeper = 0; keeper < TLS_KEEPERS; keeper++)
			if (is_argument(path, keepers[keeper], argument))
				break;
		if (keeper == TLS_KEEPERS)
			return false;
		keeps |= TLS_COOKIE_KEEPS(argument, keeper);
	}
	*ret_keeps = keeps;
	return true;
}

/* Whether something jumps behind `low`, and not behind `high`. */
static bool is_entered(const struct path *path, size_t low, size_t high)
{
	struct probe_step step;
	size_t offset = 0;
	int64_t target;

	for (; probe_code_step(&path->code, offset, &step); offset = probe_step_end(&step))
		if (probe_step_target(&step, &target) && target >= (int64_t)low &&
		    target <= (int64_t)high)
			return true;
	return offset != path->code.size; /* not all of it was understood */
}

/* The next cheap instruction behind the call that was made last; the result and the arguments are where they
 * were. Followed up to it, and not over it. */
static bool find_place(struct path *path, uint64_t keeps, struct probe_step *ret_place)
{
	const size_t begin = path->at;
	uint64_t kept;

	while (probe_code_step(&path->code, path->at, ret_place)) {
		if (probe_step_class(ret_place) & path->code.classes)
			return find_keepers(path, &kept) && kept == keeps &&
			       !is_entered(path, begin, path->at);
		if (probe_step_transfers(ret_place) ||
		    probe_step_writes(ret_place, ZYDIS_REGISTER_RAX))
			return false;
		run(path, ret_place);
	}
	return false;
}

/* How many calls by that entry there are. */
static size_t count_calls(const struct path *path, unsigned entry)
{
	struct probe_step step;
	size_t offset = 0, count = 0;

	for (; probe_code_step(&path->code, offset, &step); offset = probe_step_end(&step))
		count += is_call_by(&step, entry);
	return count;
}

/* The function that reads and peeks. */
static int look_inside(struct path *path, unsigned entry, struct tls_inside *inside)
{
	static const enum tls_register arguments[TLS_ARGUMENTS] = {
		[TLS_ARGUMENT_OBJECT] = REGISTER_RDI, [TLS_ARGUMENT_BUFFER] = REGISTER_RSI,
		[TLS_ARGUMENT_LENGTH] = REGISTER_RDX, [TLS_ARGUMENT_COUNT] = REGISTER_R8,
		[TLS_ARGUMENT_PEEK] = REGISTER_RCX,
	};
	struct tls_registers registers;
	struct probe_step place;
	int64_t target;
	size_t i, ways[2];

	for (i = 0; i < TLS_ARGUMENTS; i++)
		path->registers.of[arguments[i]] = (struct tls_value){VALUE_ARGUMENT, i};
	if (count_calls(path, entry) != 2 || !follow_to_call(path, entry) ||
	    !find_keepers(path, &inside->keeps) || !find_place(path, inside->keeps, &place) ||
	    probe_step_class(&place) != PROBE_CLASS_BRANCH || !probe_step_target(&place, &target) ||
	    target < 0 || target >= (int64_t)path->code.size)
		return -ENOENT;
	inside->first = path->begin + place.offset;
	ways[0] = (size_t)target;
	ways[1] = probe_step_end(&place);
	registers = path->registers;
	for (i = 0; i < 2; i++) { /* one returns, on the other the second call is made */
		path->registers = registers;
		path->at = ways[i];
		if (!follow_to_call(path, entry) || !find_place(path, inside->keeps, &place))
			continue;
		inside->again = path->begin + place.offset;
		return 0;
	}
	return -ENOENT;
}

static int find(const struct tls_image *image, unsigned classes,
		const struct tls_relocations *relocations, struct path *path,
		struct tls_inside *inside)
{
	uint64_t table, function, inner;
	int err = find_table(image, path, &table);
	size_t i;

	for (i = 0; !err && i < sizeof(reads) / sizeof(reads[0]); i++) {
		if (!tls_relocations_value(relocations, table + reads[i], &function) ||
		    open_path(image, tls_image_offset(image, function, true), 0, path) ||
		    !hands_on(path, &inner) || open_path(image, inner, classes, path))
			continue;
		if (!look_inside(path, reads[i] + BEHIND_READ, inside))
			return 0;
	}
	return err ? err : -ENOENT;
}

int tls_inside_find(int file, unsigned classes, struct tls_inside *ret_inside)
{
	struct tls_image *image = malloc(sizeof(*image));
	struct path *path = malloc(sizeof(*path));
	struct tls_relocations relocations;
	struct tls_inside inside;
	int err = image && path ? tls_image_read(file, image) : -ENOMEM;

	if (!err)
		err = tls_relocations_read(image, &relocations);
	if (!err) {
		err = find(image, classes, &relocations, path, &inside);
		tls_relocations_release(&relocations);
	}
	free(path);
	free(image);
	if (!err)
		*ret_inside = inside;
	return err;
}

#else

int tls_inside_find(int file, unsigned classes, struct tls_inside *ret_inside)
{
	(void)file, (void)classes, (void)ret_inside;
	return -ENOTSUP;
}

#endif
