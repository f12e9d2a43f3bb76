// SPDX-License-Identifier: Apache-2.0
/* What code stores at fixed addresses: each way of saying it, and what makes it unknown, on functions
 * assembled here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <errno.h>
#include <string.h>

#include "../guard_page.h"
#include "code_stores.h"

#if defined(__x86_64__)

/* A function's bytes, from its name to its name_end; never run. TABLE lies where they say, DATA is memory
 * that is known. */
#define CODE(name, text)                           \
	extern const uint8_t name[], name##_end[]; \
	__asm__(".pushsection .rodata\n" #name ":\n" text "\n" #name "_end:\n.popsection\n");
#define TABLE(name, at) #name " + 0x1000 + " #at "(%rip)"
#define DATA(name, at)	#name " + 0x2000 + " #at "(%rip)"

#define BASE  0x100000
#define A(to) (BASE + (to))
#define T(at) (BASE + 0x1000 + (at))
#define D(at) (BASE + 0x2000 + (at))

CODE(plain,
     "lea plain + 0x40(%rip), %rax\n movl $4, " TABLE(plain, 0) "\n mov %rax, " TABLE(
	     plain, 8) "\n mov " DATA(plain, 0) ", %rdx\n mov %rdx, " TABLE(plain, 16) "\n ret")
CODE(vectors,
     "lea vectors + 0x40(%rip), %rax\n movq %rax, %xmm1\n lea vectors + 0x50(%rip), %rcx\n"
     "movq %rcx, %xmm2\n punpcklqdq %xmm2, %xmm1\n movups %xmm1, " TABLE(
	     vectors,
	     0) "\n"
		"movhps " DATA(
			vectors,
			8) ", %xmm1\n lea vectors + 0x1100(%rip), %rdi\n"
			   "movaps %xmm1, 0x10(%rdi)\n movdqu " DATA(
				   vectors,
				   0x20) ", %xmm3\n"
					 "movdqa %xmm3, %xmm4\n movq %xmm4, " TABLE(
						 vectors,
						 0x20) "\n movhps %xmm4, " TABLE(vectors,
										 0x28) "\n ret")
CODE(behind_call,
     "lea behind_call + 0x40(%rip), %rbx\n call . + 4096\n mov %rbx, " TABLE(behind_call,
									     0) "\n ret")
CODE(behind_target,
     "lea behind_target + 0x40(%rip), %rbx\n1: mov %rbx, " TABLE(behind_target,
								 0) "\n jne 1b\n ret")
CODE(changed,
     "lea changed + 0x40(%rip), %rax\n add $1, %rax\n mov %rax, " TABLE(changed, 0) "\n lea changed + 0x40(%rip), %rax\n mov $1, %al\n mov %rax, " TABLE(
	     changed,
	     8) "\n movq %rax, %xmm0\n pxor %xmm1, %xmm0\n movups %xmm0, " TABLE(changed,
										 16) "\n ret")
CODE(overwritten,
     "movq $7, " TABLE(overwritten, 0) "\n movq $8, " TABLE(overwritten, 8) "\n movq $9, " TABLE(
	     overwritten,
	     16) "\n mov %rdi, " TABLE(overwritten,
				       0) "\n movb $1, " TABLE(overwritten,
							       15) "\n movq $10, " TABLE(overwritten,
											 16) "\n ret")
CODE(elsewhere, "mov $5, %eax\n mov %rax, (%rsp)\n mov %rax, (%rdi)\n mov %rax, %fs:8\n"
		"lea elsewhere + 0x1000(%rip), %rcx\n mov %rax, (%rcx,%rdx,8)\n"
		"mov -8(%rsp), %rsi\n mov %rsi, " TABLE(elsewhere, 0) "\n ret")
CODE(no_code, "nop\n .byte 0x06\n ret")

/* DATA holds at each place its own address but one bit; the rest is not known. */
static bool memory(void *context, uint64_t address, uint64_t *ret_value)
{
	(void)context;
	if (address < D(0) || address >= D(0x100))
		return false;
	*ret_value = address | 1;
	return true;
}

static int find(const uint8_t *begin, const uint8_t *end, struct code_store *stores)
{
	size_t size = (size_t)(end - begin);
	struct guarded code = guard(begin, size);
	int count = code_stores_find(code.bytes, size, BASE, memory, NULL, stores);

	unguard(&code);
	return count;
}

static void expect(const uint8_t *begin, const uint8_t *end, const struct code_store *wanted,
		   size_t count)
{
	struct code_store stores[CODE_STORES_MAX];
	size_t i, j;

	assert_int_equal(find(begin, end, stores), count);
	for (i = 0; i < count; i++) {
		for (j = 0; j < count && stores[j].address != wanted[i].address; j++)
			;
		assert_true(j < count);
		assert_int_equal(stores[j].value, wanted[i].value);
	}
}

#define EXPECT(name, ...)                                                             \
	do {                                                                          \
		static const struct code_store wanted[] = {__VA_ARGS__};              \
		expect(name, name##_end, wanted, sizeof(wanted) / sizeof(wanted[0])); \
	} while (0)

static void addresses_constants_and_linked_pointers_are_known(void **state)
{
	(void)state;
	EXPECT(plain, {T(0), 4}, {T(8), A(0x40)}, {T(16), D(0) | 1});
}

static void vectors_are_followed_by_halves(void **state)
{
	(void)state;
	EXPECT(vectors, {T(0), A(0x40)}, {T(8), A(0x50)}, {T(0x110), A(0x40)}, {T(0x118), D(8) | 1},
	       {T(0x20), D(0x20) | 1}, {T(0x28), D(0x28) | 1});
}

static void nothing_is_known_behind_a_call_or_where_a_jump_lands(void **state)
{
	struct code_store stores[CODE_STORES_MAX];

	(void)state;
	assert_int_equal(find(behind_call, behind_call_end, stores), 0);
	assert_int_equal(find(behind_target, behind_target_end, stores), 0);
}

static void what_is_not_understood_makes_its_result_unknown(void **state)
{
	struct code_store stores[CODE_STORES_MAX];

	(void)state;
	assert_int_equal(find(changed, changed_end, stores), 0);
}

static void the_last_store_counts_also_when_it_is_unknown(void **state)
{
	(void)state;
	EXPECT(overwritten, {T(16), 10});
}

static void stores_to_addresses_that_are_not_known_are_none(void **state)
{
	struct code_store stores[CODE_STORES_MAX];

	(void)state;
	assert_int_equal(find(elsewhere, elsewhere_end, stores), 0);
}

static void what_is_no_code_or_too_much_is_refused(void **state)
{
	/* movl $4 to an address that is the next one's each time */
	static const uint8_t one[] = {0xc7, 0x05, 0, 0x10, 0, 0, 4, 0, 0, 0};
	static uint8_t many[sizeof(one) * (CODE_STORES_MAX + 1)], large[CODE_FUNCTION_MAX + 1];
	struct code_store stores[CODE_STORES_MAX];
	size_t i;

	(void)state;
	for (i = 0; i <= CODE_STORES_MAX; i++)
		memcpy(many + i * sizeof(one), one, sizeof(one));
	assert_int_equal(find(no_code, no_code_end, stores), -EINVAL);
	assert_int_equal(find(large, large + sizeof(large), stores), -EINVAL);
	assert_int_equal(find(many, many + sizeof(many), stores), -ENOSPC);
	assert_int_equal(find(many, many + sizeof(many) - sizeof(one), stores), CODE_STORES_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_constants_and_linked_pointers_are_known),
		cmocka_unit_test(vectors_are_followed_by_halves),
		cmocka_unit_test(nothing_is_known_behind_a_call_or_where_a_jump_lands),
		cmocka_unit_test(what_is_not_understood_makes_its_result_unknown),
		cmocka_unit_test(the_last_store_counts_also_when_it_is_unknown),
		cmocka_unit_test(stores_to_addresses_that_are_not_known_are_none),
		cmocka_unit_test(what_is_no_code_or_too_much_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#else

static void other_machines_are_not_followed(void **state)
{
	struct code_store stores[CODE_STORES_MAX];
	uint8_t code[4] = {0};

	(void)state;
	assert_int_equal(code_stores_find(code, sizeof(code), 0, NULL, NULL, stores), -ENOTSUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(other_machines_are_not_followed)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

#endif
