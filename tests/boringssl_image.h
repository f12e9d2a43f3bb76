// SPDX-License-Identifier: Apache-2.0
/*
 * A small file with what is known of BoringSSL's SSL_read and SSL_write in it, in two versions: errors with
 * the argument that nobody uses or without it, its source named by a constant or relative to the code.
 */
#ifndef OPERAGLASS_TESTS_BORINGSSL_IMAGE_H
#define OPERAGLASS_TESTS_BORINGSSL_IMAGE_H

#include <stdint.h>
#include <string.h>

#include "tls_image.h"

#define IMAGE_TEXTS  0x200 /* bytes of read-only data; the code follows */
#define IMAGE_SOURCE 0x101 /* where the name of the source file begins */
#define IMAGE_SIZE   0x800

/* clang-format off */
__asm__(
	".pushsection .rodata\n"
	/* ERR_put_error: `plain` 1: without the unused argument, and with a constant */
	".macro put plain reason line begin\n"
	".if \\plain\n"
	"	movl $0x200101, %edx\n movl $16, %edi\n movl $\\reason, %esi\n movl $\\line, %ecx\n"
	".else\n"
	"	.byte 0x48, 0x8d, 0x0d\n .long 0x200101 - 0x301200 - (. + 4 - \\begin)\n"
	"	movl $16, %edi\n xorl %esi, %esi\n movl $\\reason, %edx\n movl $\\line, %r8d\n"
	".endif\n"
	".endm\n"

	".macro image name plain begin\n"
	".global \\name\n .balign 16\n"
	"\\name:\n"
	"\\begin:\n"
	"	ret\n .balign 16, 0xcc\n"
	"\\name\\()_error:\n"
	"	ret\n .balign 16, 0xcc\n"
	/* ssl_read_impl(ssl) */
	"\\name\\()_fill:\n"
	"	pushq %rbx\n movq %rdi, %rbx\n"
	"	movq 0x30(%rdi), %rax\n movl $0, 0xc4(%rax)\n"
	"	cmpq $0, 0x28(%rbx)\n jne 1f\n"
	"	put \\plain 226 840 \\begin\n"
	"	jmp 2f\n"
	"1:	movq %rbx, %rdi\n call \\name\\()_error\n testl %eax, %eax\n jne 3f\n"
	"	put \\plain 215 873 \\begin\n"
	"2:	call \\name\\()_error\n movl $-1, %eax\n"
	"3:	popq %rbx\n ret\n .balign 16, 0xcc\n"
	/* SSL_read(ssl, buffer, number) */
	".global \\name\\()_read\n"
	"\\name\\()_read:\n"
	"	pushq %rbp\n pushq %r15\n pushq %r14\n pushq %rbx\n"
	"	cmpq $0, 0x98(%rdi)\n je 1f\n"
	"	put \\plain 66 932 \\begin\n"
	"	call \\name\\()_error\n movl $-1, %ebx\n"
	"0:	movl %ebx, %eax\n popq %rbx\n popq %r14\n popq %r15\n popq %rbp\n ret\n"
	"1:	movl %edx, %ebx\n movq %rsi, %r14\n movq %rdi, %r15\n"
	"	call \\name\\()_fill\n testl %eax, %eax\n jle 0b\n"
	"	testl %ebx, %ebx\n jle 0b\n"
	"	movq 0x30(%r15), %rax\n movq 0x88(%rax), %rcx\n"
	"	cmpq %rbx, %rcx\n cmovb %rcx, %rbx\n"
	"	movq 0x80(%rax), %rsi\n movq %r14, %rdi\n movq %rbx, %rdx\n"
	"	call \\name\\()_error\n"
	"	movq 0x30(%r15), %rax\n movq 0x88(%rax), %rcx\n"
	"	subq %rbx, %rcx\n addq %rbx, 0x80(%rax)\n movq %rcx, 0x88(%rax)\n"
	"	jmp 0b\n .balign 16, 0xcc\n"
	/* SSL_write(ssl, buffer, number) */
	".global \\name\\()_write\n"
	"\\name\\()_write:\n"
	"	pushq %rbp\n movq %rsp, %rbp\n pushq %r15\n pushq %r14\n pushq %r13\n pushq %r12\n pushq %rbx\n"
	"	subq $24, %rsp\n movl %edx, %r15d\n movq %rsi, %r14\n movq %rdi, %rbx\n"
	"	movq 0x30(%rdi), %rax\n movl $0, 0xc4(%rax)\n"
	"	call \\name\\()_error\n"
	"	cmpq $0, 0x98(%rbx)\n je 2f\n"
	"	put \\plain 66 953 \\begin\n"
	"0:	call \\name\\()_error\n movl $-1, %eax\n"
	"1:	addq $24, %rsp\n popq %rbx\n popq %r12\n popq %r13\n popq %r14\n popq %r15\n popq %rbp\n ret\n"
	"2:	cmpq $0, 0x28(%rbx)\n je 5f\n"
	"	testl %r15d, %r15d\n js 6f\n"
	"	movl %r15d, %r15d\n jmp 4f\n"
	"3:	movq (%rbx), %rax\n movq %rbx, %rdi\n leaq -1(%rbp), %rsi\n leaq -16(%rbp), %rdx\n"
	"	movq %r14, %rcx\n movq %r15, %r8\n call *0x48(%rax)\n"
	"	jmp 1b\n"
	"4:	movq 0x30(%rbx), %rax\n cmpq $0, 0x118(%rax)\n je 3b\n"
	"	movq %rbx, %rdi\n call \\name\\()_fill\n testl %eax, %eax\n jne 3b\n"
	"	put \\plain 215 973 \\begin\n"
	"	jmp 0b\n"
	"5:	put \\plain 226 958 \\begin\n"
	"	jmp 0b\n"
	"6:	put \\plain 111 979 \\begin\n"
	"	jmp 0b\n .balign 16, 0xcc\n"
	/* Another function of the same source. */
	".global \\name\\()_other\n"
	"\\name\\()_other:\n"
	"	pushq %rbx\n"
	"	put \\plain 182 781 \\begin\n"
	"	call \\name\\()_error\n popq %rbx\n ret\n .balign 16, 0xcc\n"
	"	call \\name\\()_read\n call \\name\\()_write\n ret\n"
	".global \\name\\()_end\n"
	"\\name\\()_end:\n"
	".endm\n"
	"	image image_plain 1 image_plain_begin\n"
	"	image image_whole 0 image_whole_begin\n"
	".popsection\n");
/* clang-format on */

struct boringssl {
	const uint8_t *begin, *read, *write, *other, *end;
};

#define BORINGSSL(name)                                                                           \
	extern const uint8_t name[], name##_read[], name##_write[], name##_other[], name##_end[]; \
	static const struct boringssl name##_parts = {name, name##_read, name##_write,            \
						      name##_other, name##_end};
BORINGSSL(image_plain)
BORINGSSL(image_whole)

/* The outline of every such file. */
static inline struct tls_image boringssl_outline(void)
{
	struct tls_image image = {.file = -1, .size = IMAGE_SIZE, .type = 2, .segment_count = 2};

	image.segments[0] = (Elf64_Phdr){
		.p_type = PT_LOAD, .p_flags = PF_R, .p_vaddr = 0x200000, .p_filesz = IMAGE_TEXTS};
	image.segments[1] = (Elf64_Phdr){.p_type = PT_LOAD,
					 .p_flags = PF_R | PF_X,
					 .p_offset = IMAGE_TEXTS,
					 .p_vaddr = 0x301000 + IMAGE_TEXTS,
					 .p_filesz = IMAGE_SIZE - IMAGE_TEXTS};
	return image;
}

static inline void boringssl_file(const struct boringssl *parts, uint8_t bytes[IMAGE_SIZE])
{
	memset(bytes, 0, IMAGE_SIZE);
	strcpy((char *)bytes + IMAGE_SOURCE, "../vendor/boringssl/ssl/ssl_lib.cc");
	memcpy(bytes + IMAGE_TEXTS, parts->begin, (size_t)(parts->end - parts->begin));
}

#endif
