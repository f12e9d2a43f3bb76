// SPDX-License-Identifier: Apache-2.0
/* Where probes go: each rule and each refusal, on functions assembled here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "../guard_page.h"
#include "probe_classes.h"
#include "probe_sites.h"

#define ALL ((1U << PROBE_CLASSES) - 1)

#if defined(__x86_64__)

/* A function's bytes, from its name to its name_end; never run. */
#define CODE(name, text)                           \
	extern const uint8_t name[], name##_end[]; \
	__asm__(".pushsection .rodata\n" #name ":\n" text "\n" #name "_end:\n.popsection\n");

/* What compilers make of `int f(void *, const void *, int)` with a stack protector. */
#define PROTECTED(after_check)                                                          \
	"sub $0x18, %rsp\n mov %fs:0x28, %rax\n mov %rax, 8(%rsp)\n xor %eax, %eax\n"   \
	"test %edx, %edx\n js 2f\n mov %rsp, %rcx\n movslq %edx, %rdx\n call . + 100\n" \
	"1: mov 8(%rsp), %rdx\n sub %fs:0x28, %rdx\n jne 3f\n" after_check              \
	"2: mov $-1, %eax\n jmp 1b\n3: call . + 200\n"

CODE(guarded, PROTECTED("add $0x18, %rsp\n ret\n"))
CODE(result_late, PROTECTED("mov %ebx, %eax\n add $0x18, %rsp\n ret\n"))
CODE(two_returns, PROTECTED("add $0x18, %rsp\n ret\n ret\n"))
CODE(way_out, PROTECTED("add $0x18, %rsp\n ret\n jmp . + 4096\n"))
CODE(way_out_unknown, PROTECTED("add $0x18, %rsp\n ret\n jmp *%rax\n"))
CODE(way_out_sometimes, PROTECTED("add $0x18, %rsp\n ret\n je . + 4096\n"))
CODE(unbalanced, PROTECTED("sub $0x18, %rsp\n ret\n"))
CODE(two_checks, PROTECTED("sub %fs:0x28, %rcx\n jne 3f\n add $0x18, %rsp\n ret\n"))
CODE(other_segment, "sub $8, %rsp\n test %edx, %edx\n js 1f\n sub %fs:0x30, %rdx\n jne 1f\n"
		    "1: add $8, %rsp\n ret\n")
CODE(pushes, "endbr64\n push %rbp\n mov %rsp, %rbp\n pop %rbp\n ret\n")
CODE(tail, "xor %r8d, %r8d\n jmp . + 4096\n")
CODE(caller, "sub $8, %rsp\n call . + 4096\n add $8, %rsp\n ret\n")
CODE(deep, "push %rbx\n sub $0x20, %rsp\n push %rcx\n mov %rdi, %rbx\n test %rsi, %rsi\n je 1f\n"
	   "1: ret\n")
CODE(one_argument, "mov %rsi, %rdx\n xor %esi, %esi\n je 1f\n1: ret\n")
CODE(first_argument, "mov %rsi, %rdi\n je 1f\n1: ret\n")
CODE(part_of_argument, "mov $1, %dl\n je 1f\n1: ret\n")
CODE(stack_unknown, "and $-16, %rsp\n je 1f\n1: ret\n")
CODE(stack_by_register, "sub %rax, %rsp\n je 1f\n1: ret\n")
CODE(stack_above, "add $8, %rsp\n je 1f\n1: ret\n")
CODE(exchange, "xchg %rdi, %rbx\n je 1f\n1: ret\n")
CODE(indirect, "jmp *%rax\n")
CODE(returns, "ret\n")
CODE(loops, "loop .\n ret\n")
CODE(into_site, "nop\n nop\n1: test %rsi, %rsi\n je 2f\n2: jmp 1b\n")
CODE(at_site, "nop\n1: je 1b\n ret\n")
CODE(to_start, "nop\n je 1f\n1: jmp to_start\n")
CODE(jump_behind_data, "nop\n je 1f\n1: ret\n .byte 0x06, 0x06\n jmp jump_behind_data + 1\n")
CODE(long_branch, "je . + 4096\n ret\n")
CODE(prefixed, "cs je 1f\n1: ret\n")
CODE(push_memory, "push (%rdi)\n ret\n")
CODE(push_short, "push %ax\n je 1f\n1: ret\n")
CODE(no_code, ".byte 0x06, 0x07, 0x0e\n")
/* gnutls_record_recv: a test, failures that return, and a jump to the function that does it. */
CODE(tail_behind, "sub $8, %rsp\n mov %rdx, %rcx\n je 1f\n mov %rsi, %rdx\n call . + 300\n"
		  "add $8, %rsp\n ret\n1: mov %rsi, %rdx\n add $8, %rsp\n jmp . + 4096\n")
CODE(tail_twice,
     "sub $8, %rsp\n je 1f\n add $8, %rsp\n jmp . + 4096\n1: add $8, %rsp\n jmp . + 4096\n")
CODE(tail_deep, "sub $8, %rsp\n je 1f\n1: jmp . + 4096\n")
CODE(tail_again,
     "sub $8, %rsp\n je 1f\n1: push %rbx\n add $8, %rsp\n add $8, %rsp\n jmp . + 4096\n")
CODE(tail_unknown, "sub $8, %rsp\n je 1f\n1: add $8, %rsp\n jmp *%rax\n")
CODE(tail_cold, "sub $8, %rsp\n je . + 4096\n add $8, %rsp\n jmp . + 4096\n")
CODE(no_tail, "sub $8, %rsp\n je 1f\n1: add $8, %rsp\n ret\n")
/* SSL_write_ex of OpenSSL 3.3 and later. */
CODE(handed_on, "endbr64\n mov %rcx, %r8\n xor %ecx, %ecx\n jmp . + 4096\n")
CODE(handed_on_and_lost, "mov %rcx, %r8\n xor %ecx, %ecx\n mov %rdi, %r8\n jmp . + 4096\n")
CODE(third_lost, "mov %rcx, %r8\n xor %edx, %edx\n jmp . + 4096\n")
CODE(hands_on, PROTECTED("add $0x18, %rsp\n ret\n"))
CODE(hands_on_twice, "call . + 100\n call . + 95\n ret\n")
CODE(hands_on_changed, "inc %rsi\n call . + 100\n ret\n")
CODE(hands_on_longer, "add $1, %rdx\n call . + 100\n ret\n")
CODE(hands_on_later, "call . + 50\n call . + 100\n ret\n")
CODE(hands_on_in_loop, "nop\n1: nop\n call . + 100\n test %eax, %eax\n je 1b\n ret\n")
CODE(hands_on_not, "jmp 1f\n1: call . + 100\n ret\n")

#define CHOOSE(name, classes, arguments, sites) \
	choose(name, (size_t)(name##_end - name), classes, arguments, sites)

/* At the end of readable memory. */
static int choose(const uint8_t *code, size_t size, unsigned classes, unsigned arguments,
		  struct probe_sites *ret_sites)
{
	struct guarded page = guard(code, size);
	int err = probe_sites_choose(page.bytes, size, classes, arguments, ret_sites);

	unguard(&page);
	return err;
}

#define assert_refused(name)                                               \
	do {                                                               \
		struct probe_sites refused;                                \
		assert_int_equal(CHOOSE(name, ALL, 3, &refused), -ENOENT); \
	} while (0)

static void a_guarded_function_is_left_at_the_check_of_its_stack(void **state)
{
	struct probe_sites sites;

	(void)state;
	assert_int_equal(CHOOSE(guarded, ALL, 3, &sites), 0);
	assert_int_equal(sites.entry.offset, 22); /* js */
	assert_int_equal(sites.entry.depth, 0x18);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_PLAIN);
	assert_int_equal(guarded[sites.leave.offset], 0x75); /* jne */
	assert_int_equal(sites.leave.depth, 0x18);
}

static void a_result_or_a_way_out_behind_the_check_is_no_plain_leave(void **state)
{
	struct probe_sites sites;

	(void)state;
	assert_int_equal(CHOOSE(result_late, ALL, 3, &sites), 0);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_NONE);
	assert_int_equal(CHOOSE(two_returns, ALL, 3, &sites), 0);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_NONE);
	assert_int_equal(CHOOSE(way_out, ALL, 3, &sites), 0);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_NONE);
	assert_int_equal(CHOOSE(way_out_unknown, ALL, 3, &sites), 0);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_NONE);
	assert_int_equal(CHOOSE(way_out_sometimes, ALL, 3, &sites), 0);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_NONE);
	assert_int_equal(CHOOSE(unbalanced, ALL, 3, &sites), 0);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_NONE);
	assert_int_equal(CHOOSE(two_checks, ALL, 3, &sites), 0);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_NONE);
	assert_int_equal(CHOOSE(other_segment, ALL, 3, &sites), 0);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_NONE);
}

static void a_cheap_place_on_the_callers_stack_takes_a_return_probe(void **state)
{
	struct probe_sites sites;

	(void)state;
	assert_int_equal(CHOOSE(pushes, ALL, 4, &sites), 0);
	assert_int_equal(sites.entry.offset, 4); /* behind endbr64 */
	assert_int_equal(sites.entry.depth, 0);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_RETURN);
	assert_int_equal(sites.leave.offset, 4);
	assert_int_equal(CHOOSE(long_branch, ALL, 4, &sites), 0);
	assert_int_equal(sites.entry.offset, 0);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_RETURN);
	assert_int_equal(sites.leave.offset, 0);
	assert_int_equal(CHOOSE(tail, ALL, 4, &sites), 0);
	assert_int_equal(sites.entry.offset, 3);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_RETURN);
	assert_int_equal(sites.leave.offset, 3);
}

static void a_call_at_the_entry_names_the_function_and_its_depth(void **state)
{
	struct probe_sites sites;

	(void)state;
	assert_int_equal(CHOOSE(caller, ALL, 4, &sites), 0);
	assert_int_equal(sites.entry.offset, 4);
	assert_int_equal(sites.entry.depth, 8);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_CALLEE);
	assert_int_equal(sites.callee, 4 + 4096);
	assert_int_equal(sites.callee_depth, 8);
}

static void only_classes_that_are_cheap_here_are_taken(void **state)
{
	struct probe_sites sites;

	(void)state;
	assert_int_equal(CHOOSE(deep, ALL, 3, &sites), 0);
	assert_int_equal(sites.entry.offset, 0);
	assert_int_equal(CHOOSE(deep, PROBE_CLASS_BRANCH, 3, &sites), 0);
	assert_int_equal(deep[sites.entry.offset], 0x74); /* je */
	assert_int_equal(sites.entry.depth, 8 + 0x20 + 8);
	assert_int_equal(CHOOSE(deep, PROBE_CLASS_CALL, 3, &sites), -ENOENT);
	assert_int_equal(CHOOSE(deep, 0, 3, &sites), -ENOENT);
	assert_int_equal(CHOOSE(guarded, PROBE_CLASS_CALL, 3, &sites), -ENOENT);
	assert_int_equal(CHOOSE(long_branch, PROBE_CLASS_BRANCH, 3, &sites), 0);
}

static void an_argument_that_has_left_its_register_refuses_the_site(void **state)
{
	struct probe_sites sites;

	(void)state;
	assert_int_equal(CHOOSE(one_argument, ALL, 1, &sites), 0);
	assert_int_equal(CHOOSE(one_argument, ALL, 2, &sites), -ENOENT);
	assert_int_equal(CHOOSE(first_argument, ALL, 1, &sites), -ENOENT);
	assert_refused(part_of_argument);
	assert_refused(exchange);
}

static void a_stack_that_cannot_be_followed_refuses_the_site(void **state)
{
	(void)state;
	assert_refused(stack_unknown);
	assert_refused(stack_by_register);
	assert_refused(stack_above);
	assert_refused(push_short);
}

static void what_the_kernel_does_not_emulate_is_no_site(void **state)
{
	(void)state;
	assert_refused(indirect);
	assert_refused(returns);
	assert_refused(loops);
	assert_refused(prefixed);
	assert_refused(push_memory);
}

static void a_jump_to_the_site_or_before_it_refuses_it(void **state)
{
	struct probe_sites sites;

	(void)state;
	assert_refused(into_site);
	assert_refused(at_site);
	assert_refused(jump_behind_data);
	/* A jump to the first byte is a new pass through both. */
	assert_int_equal(CHOOSE(to_start, ALL, 3, &sites), 0);
	assert_int_equal(sites.entry.offset, 1);
}

static void bytes_that_are_no_code_are_refused(void **state)
{
	uint8_t endless[PROBE_FUNCTION_MAX + 1];
	struct probe_sites sites;

	(void)state;
	assert_int_equal(CHOOSE(no_code, ALL, 3, &sites), -EINVAL);
	assert_int_equal(probe_sites_choose((const uint8_t *)"", 0, ALL, 3, &sites), -EINVAL);
	memset(endless, 0x90, sizeof(endless));
	assert_int_equal(choose(endless, sizeof(endless), ALL, 3, &sites), -ENOENT);
	assert_int_equal(choose(endless, sizeof(endless) - 1, ALL, 3, &sites), -ENOENT);
	assert_int_equal(probe_sites_choose(endless, SIZE_MAX, ALL, 3, &sites), -ENOENT);
}

/* Cut anywhere: a site that is still found is the same one, and never a leave that is not there. */
static void a_cut_function_yields_no_other_site(void **state)
{
	size_t size = (size_t)(guarded_end - guarded), cut;
	struct probe_sites sites;

	(void)state;
	for (cut = 0; cut < size; cut++) {
		int err = choose(guarded, cut, ALL, 3, &sites);

		if (cut < 24)
			assert_int_not_equal(err, 0);
		if (err)
			continue;
		assert_int_equal(sites.entry.offset, 22);
		if (sites.leave_kind == PROBE_LEAVE_PLAIN)
			assert_true(guarded[sites.leave.offset] == 0x75 &&
				    sites.leave.offset < cut);
	}
}

/* Every byte of a function replaced by every value: nothing crashes, no offset is outside. */
static void no_byte_leads_outside_the_function(void **state)
{
	size_t size = (size_t)(guarded_end - guarded), at;
	uint8_t *code = malloc(size);
	struct probe_sites sites;
	int value;

	(void)state;
	assert_non_null(code);
	for (at = 0; at < size; at++)
		for (value = 0; value < 256; value++) {
			memcpy(code, guarded, size);
			code[at] = (uint8_t)value;
			probe_sites_hands_on(code, size, 44);
			if (probe_sites_choose(code, size, ALL, 3, &sites))
				continue;
			assert_true(sites.entry.offset < size);
			if (sites.leave_kind == PROBE_LEAVE_PLAIN)
				assert_true(sites.leave.offset < size);
		}
	free(code);
}

static void a_return_probe_sits_on_the_first_instruction_or_behind_endbr64(void **state)
{
	uint32_t offset = 99;

	(void)state;
	assert_int_equal(probe_sites_return(pushes, 5, ALL, &offset), 0);
	assert_int_equal(offset, 4);
	assert_int_equal(probe_sites_return(pushes + 4, 1, ALL, &offset), 0);
	assert_int_equal(offset, 0);
	assert_int_equal(probe_sites_return(pushes, 4, ALL, &offset), -EINVAL);
	assert_int_equal(probe_sites_return(pushes, 0, ALL, &offset), -EINVAL);
	assert_int_equal(probe_sites_return(pushes, 5, PROBE_CLASS_JUMP, &offset), -ENOENT);
	assert_int_equal(probe_sites_return(guarded, 4, ALL, &offset), -ENOENT);
	assert_int_equal(probe_sites_return(indirect, 2, ALL, &offset), -ENOENT);
	assert_int_equal(probe_sites_return(long_branch, 6, ALL, &offset), -ENOENT);
}

static bool hands(const uint8_t *code, const uint8_t *end, int64_t callee)
{
	return probe_sites_hands_on(code, (size_t)(end - code), callee);
}

static void who_only_hands_on_needs_no_probe_of_its_own(void **state)
{
	struct probe_sites sites;
	int64_t callee;

	(void)state;
	assert_int_equal(CHOOSE(hands_on, PROBE_CLASS_BRANCH, 3, &sites), 0);
	callee = sites.entry.offset + 2 + 3 + 3 + 100; /* js, mov, movslq; the call itself */
	assert_true(hands(hands_on, hands_on_end, callee));
	assert_false(hands(hands_on, hands_on_end, callee + 1));
	assert_false(hands(hands_on_twice, hands_on_twice_end, 100));
	assert_false(hands(hands_on_changed, hands_on_changed_end, 103));
	assert_false(hands(hands_on_longer, hands_on_longer_end, 104));
	assert_false(hands(hands_on_later, hands_on_later_end, 105));
	assert_false(hands(hands_on_in_loop, hands_on_in_loop_end, 102));
	assert_false(hands(hands_on_not, hands_on_not_end, 102));
	assert_false(probe_sites_hands_on(hands_on, SIZE_MAX, callee));
}

static enum probe_leave leave_of(const uint8_t *code, size_t size)
{
	struct probe_sites sites;

	assert_int_equal(choose(code, size, ALL, 3, &sites), 0);
	return sites.leave_kind;
}

#define LEAVE_OF(name) leave_of(name, (size_t)(name##_end - name))

static void the_only_jump_out_takes_a_return_probe(void **state)
{
	struct probe_sites sites;

	(void)state;
	assert_int_equal(CHOOSE(tail_behind, ALL, 3, &sites), 0);
	assert_int_equal(tail_behind[sites.entry.offset], 0x74); /* je */
	assert_int_equal(sites.entry.depth, 8);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_RETURN);
	assert_int_equal(tail_behind[sites.leave.offset], 0xe9); /* jmp */
	assert_int_equal(sites.leave.depth, 0);
	assert_int_equal(CHOOSE(tail_behind, PROBE_CLASS_BRANCH, 3, &sites), 0);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(tail_twice), PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(tail_deep), PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(tail_again), PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(tail_unknown), PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(tail_cold), PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(no_tail), PROBE_LEAVE_NONE);
}

static void an_argument_that_was_handed_on_is_found_again(void **state)
{
	struct probe_sites sites;

	(void)state;
	assert_int_equal(CHOOSE(handed_on, ALL, 4, &sites), 0);
	assert_int_equal(handed_on[sites.entry.offset], 0xe9);
	assert_true(sites.moved);
	assert_int_equal(sites.leave_kind, PROBE_LEAVE_RETURN);
	assert_int_equal(CHOOSE(handed_on, ALL, 3, &sites), 0);
	assert_false(sites.moved);
	assert_int_equal(CHOOSE(handed_on_and_lost, ALL, 4, &sites), -ENOENT);
	assert_int_equal(CHOOSE(third_lost, ALL, 4, &sites), -ENOENT);
	assert_int_equal(CHOOSE(guarded, ALL, 3, &sites), 0);
	assert_false(sites.moved);
}

static void where_a_function_ends_is_seen_without_its_symbol(void **state)
{
	size_t size = (size_t)(guarded_end - guarded);
	uint8_t code[256];

	(void)state;
	/* Its last instruction calls what never returns; padding and another function follow. */
	memset(code, 0xc3, sizeof(code));
	memcpy(code, guarded, size);
	code[size] = 0x90;
	assert_int_equal(probe_sites_extent(code, sizeof(code)), size);
	assert_int_equal(probe_sites_extent(code, size), 0);
	assert_int_equal(probe_sites_extent(tail, (size_t)(tail_end - tail)), tail_end - tail);
	assert_int_equal(probe_sites_extent(to_start, (size_t)(to_start_end - to_start)),
			 to_start_end - to_start);
	assert_int_equal(probe_sites_extent(no_code, 3), 0);
	assert_int_equal(probe_sites_extent(code, 0), 0);
}

static void a_class_is_cheap_that_costs_less_than_stepping(void **state)
{
	const uint64_t usual[] = {556, 540, 651, 674}, no_call[] = {556, 540, 651, 18500},
		       emulated[] = {9000, 14000, 9500, 12000}, no_push[] = {19000, 540, 560, 600};

	(void)state;
	assert_int_equal(probe_classes_judge(usual, 18500), ALL);
	assert_int_equal(probe_classes_judge(no_call, 18500), ALL & ~PROBE_CLASS_CALL);
	assert_int_equal(probe_classes_judge(no_push, 18500), ALL & ~PROBE_CLASS_PUSH);
	/* The whole machine is emulated: a step costs hardly more than its trap. */
	assert_int_equal(probe_classes_judge(emulated, 13400), ALL);
	assert_int_equal(probe_classes_judge(usual, 700), ALL);
}

#else

static void other_machines_probe_symbols(void **state)
{
	struct probe_sites sites;
	uint32_t offset;

	(void)state;
	assert_int_equal(probe_sites_choose((const uint8_t *)"", 0, ALL, 3, &sites), -ENOTSUP);
	assert_int_equal(probe_sites_return((const uint8_t *)"", 0, ALL, &offset), -ENOTSUP);
	assert_false(probe_sites_hands_on((const uint8_t *)"", 0, 0));
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
		cmocka_unit_test(a_guarded_function_is_left_at_the_check_of_its_stack),
		cmocka_unit_test(a_result_or_a_way_out_behind_the_check_is_no_plain_leave),
		cmocka_unit_test(a_cheap_place_on_the_callers_stack_takes_a_return_probe),
		cmocka_unit_test(a_call_at_the_entry_names_the_function_and_its_depth),
		cmocka_unit_test(only_classes_that_are_cheap_here_are_taken),
		cmocka_unit_test(an_argument_that_has_left_its_register_refuses_the_site),
		cmocka_unit_test(a_stack_that_cannot_be_followed_refuses_the_site),
		cmocka_unit_test(what_the_kernel_does_not_emulate_is_no_site),
		cmocka_unit_test(a_jump_to_the_site_or_before_it_refuses_it),
		cmocka_unit_test(bytes_that_are_no_code_are_refused),
		cmocka_unit_test(a_cut_function_yields_no_other_site),
		cmocka_unit_test(no_byte_leads_outside_the_function),
		cmocka_unit_test(a_return_probe_sits_on_the_first_instruction_or_behind_endbr64),
		cmocka_unit_test(who_only_hands_on_needs_no_probe_of_its_own),
		cmocka_unit_test(the_only_jump_out_takes_a_return_probe),
		cmocka_unit_test(an_argument_that_was_handed_on_is_found_again),
		cmocka_unit_test(where_a_function_ends_is_seen_without_its_symbol),
		cmocka_unit_test(a_class_is_cheap_that_costs_less_than_stepping),
#else
		cmocka_unit_test(other_machines_probe_symbols),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
