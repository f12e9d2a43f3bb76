// SPDX-License-Identifier: Apache-2.0
/* Where probes see what a call came to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>

#include "probe_functions.h"

#if defined(__x86_64__)

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
CODE(caller, "sub $8, %rsp\n call . + 4096\n add $8, %rsp\n ret\n")
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
CODE(hands_on, PROTECTED("add $0x18, %rsp\n ret\n"))
CODE(hands_on_twice, "call . + 100\n call . + 95\n ret\n")
CODE(hands_on_changed, "inc %rsi\n call . + 100\n ret\n")
CODE(hands_on_longer, "add $1, %rdx\n call . + 100\n ret\n")
CODE(hands_on_later, "call . + 50\n call . + 100\n ret\n")
CODE(hands_on_in_loop, "nop\n1: nop\n call . + 100\n test %eax, %eax\n je 1b\n ret\n")
CODE(hands_on_not, "jmp 1f\n1: call . + 100\n ret\n")

static enum probe_leave leave_of(const uint8_t *code, size_t size)
{
	struct probe_sites sites;

	assert_int_equal(choose(code, size, ALL, 3, &sites), 0);
	return sites.leave_kind;
}

#define LEAVE_OF(name) leave_of(name, (size_t)(name##_end - name))

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
	(void)state;
	assert_int_equal(LEAVE_OF(result_late), PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(two_returns), PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(way_out), PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(way_out_unknown), PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(way_out_sometimes), PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(unbalanced), PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(two_checks), PROBE_LEAVE_NONE);
	assert_int_equal(LEAVE_OF(other_segment), PROBE_LEAVE_NONE);
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

#else

static void other_machines_place_no_return_probe(void **state)
{
	uint32_t offset;

	(void)state;
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
		cmocka_unit_test(a_return_probe_sits_on_the_first_instruction_or_behind_endbr64),
		cmocka_unit_test(who_only_hands_on_needs_no_probe_of_its_own),
		cmocka_unit_test(the_only_jump_out_takes_a_return_probe),
#else
		cmocka_unit_test(other_machines_place_no_return_probe),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
