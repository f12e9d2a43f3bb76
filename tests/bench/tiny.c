// SPDX-License-Identifier: Apache-2.0
/* The smallest program: no libc, ends at once with code 0; or, run with an argument, waits for a
 * signal. */
#if defined(__x86_64__)
__asm__(".globl _start\n"
	"_start:\n"
	"	mov (%rsp), %rdi\n" /* argc */
	"	cmp $1, %rdi\n"
	"	je 1f\n"
	"	mov $34, %eax\n" /* pause */
	"	syscall\n"
	"1:	mov $231, %eax\n" /* exit_group */
	"	xor %edi, %edi\n"
	"	syscall\n");
#elif defined(__aarch64__)
__asm__(".globl _start\n"
	"_start:\n"
	"	ldr x0, [sp]\n"
	"	cmp x0, #1\n"
	"	b.eq 1f\n"
	"	mov x0, #0\n"
	"	mov x1, #0\n"
	"	mov x2, #0\n"
	"	mov x3, #0\n"
	"	mov x8, #73\n" /* ppoll without descriptors */
	"	svc #0\n"
	"1:	mov x8, #94\n"
	"	mov x0, #0\n"
	"	svc #0\n");
#endif
