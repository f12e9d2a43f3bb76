/* SPDX-License-Identifier: Apache-2.0 */
/* An SSL_read that no cheap probe shows the result of; the real one is called og_real_read. */
	.text
	.globl	SSL_read
	.type	SSL_read, @function
SSL_read:
	subq	$8, %rsp
	leaq	og_real_read(%rip), %rax
	call	*%rax
	movl	%eax, %eax
	addq	$8, %rsp
	ret
	.size	SSL_read, .-SSL_read
	.section .note.GNU-stack, "", @progbits
