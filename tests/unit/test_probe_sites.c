// SPDX-License-Identifier: Apache-2.0
/* Where probes of entries go: each rule and each refusal. Where those of the way out go:
 * test_probe_leaves.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>

#include "probe_functions.h"

#if defined(__x86_64__)

CODE(deep, "push %rbx\n sub $0x20, %rsp\n push %rcx\n mov %rdi, %rbx\n test %rsi, %rsi\n je 1f\n"
	   "1: ret\n")
CODE(one_argument, "mov %rsi, %rdx\n xor %esi, %esi\n je 1f\n1: ret\n")
CODE(first_argument, "mov %rsi, %rdi\n je 1f\n1: ret\n")
CODE(part_of_argument, "mov $1, %dl\n je 1f\n1: ret\n")
CODE(stack_unknown, "and $-16, %rsp\n je 1f\n1: ret\n")
CODE(stack_by_register, "sub %rax, %rsp\n je 1f\n1: ret\n")
CODE(stack_above, "add $8, %rsp\n je 1f\n1: ret\n")
CODE(exchange, "xchg %rdi, %rbx\n je 1f\n1: ret\n")
CODE(returns, "ret\n")
CODE(loops, "loop .\n ret\n")
CODE(into_site, "nop\n nop\n1: test %rsi, %rsi\n je 2f\n2: jmp 1b\n")
CODE(at_site, "nop\n1: je 1b\n ret\n")
CODE(to_start, "nop\n je 1f\n1: jmp to_start\n")
CODE(jump_behind_data, "nop\n je 1f\n1: ret\n .byte 0x06, 0x06\n jmp jump_behind_data + 1\n")
CODE(prefixed, "cs je 1f\n1: ret\n")
CODE(push_memory, "push (%rdi)\n ret\n")
CODE(push_short, "push %ax\n je 1f\n1: ret\n")
CODE(no_code, ".byte 0x06, 0x07, 0x0e\n")
/* SSL_write_ex of OpenSSL 3.3 and later. */
CODE(handed_on, "endbr64\n mov %rcx, %r8\n xor %ecx, %ecx\n jmp . + 4096\n")
CODE(handed_on_and_lost, "mov %rcx, %r8\n xor %ecx, %ecx\n mov %rdi, %r8\n jmp . + 4096\n")
CODE(third_lost, "mov %rcx, %r8\n xor %edx, %edx\n jmp . + 4096\n")

#define assert_refused(name)                                               \
	do {                                                               \
		struct probe_sites refused;                                \
		assert_int_equal(CHOOSE(name, ALL, 3, &refused), -ENOENT); \
	} while (0)

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

#else

static void other_machines_probe_symbols(void **state)
{
	struct probe_sites sites;

	(void)state;
	assert_int_equal(probe_sites_choose((const uint8_t *)"", 0, ALL, 3, &sites), -ENOTSUP);
}

#endif

int main(void)
{
	const struct CMUnitTest tests[] = {
#if defined(__x86_64__)
		cmocka_unit_test(only_classes_that_are_cheap_here_are_taken),
		cmocka_unit_test(an_argument_that_has_left_its_register_refuses_the_site),
		cmocka_unit_test(a_stack_that_cannot_be_followed_refuses_the_site),
		cmocka_unit_test(what_the_kernel_does_not_emulate_is_no_site),
		cmocka_unit_test(a_jump_to_the_site_or_before_it_refuses_it),
		cmocka_unit_test(bytes_that_are_no_code_are_refused),
		cmocka_unit_test(a_cut_function_yields_no_other_site),
		cmocka_unit_test(no_byte_leads_outside_the_function),
		cmocka_unit_test(an_argument_that_was_handed_on_is_found_again),
		cmocka_unit_test(where_a_function_ends_is_seen_without_its_symbol),
#else
		cmocka_unit_test(other_machines_probe_symbols),
#endif
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
