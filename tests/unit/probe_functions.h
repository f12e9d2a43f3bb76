// SPDX-License-Identifier: Apache-2.0
/* Functions assembled in a test, and where probes of them would go; include it after cmocka. */
#ifndef TESTS_PROBE_FUNCTIONS_H
#define TESTS_PROBE_FUNCTIONS_H

#include "../guard_page.h"
#include "probe_sites.h"

#define ALL ((1U << PROBE_CLASSES) - 1)

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

#if defined(__x86_64__)

CODE(guarded, PROTECTED("add $0x18, %rsp\n ret\n"))
CODE(tail, "xor %r8d, %r8d\n jmp . + 4096\n")
CODE(indirect, "jmp *%rax\n")
CODE(long_branch, "je . + 4096\n ret\n")

#endif

#define CHOOSE(name, classes, arguments, sites) \
	choose(name, (size_t)(name##_end - name), classes, arguments, sites)

/* At the end of readable memory. */
static inline int choose(const uint8_t *code, size_t size, unsigned classes, unsigned arguments,
			 struct probe_sites *ret_sites)
{
	struct guarded page = guard(code, size);
	int err = probe_sites_choose(page.bytes, size, classes, arguments, ret_sites);

	unguard(&page);
	return err;
}

#endif
