/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_VMLINUX_H
#define OPERAGLASS_VMLINUX_H

/*
 * The kernel types that the programs read, and of each only the members they read: CO-RE finds the
 * offsets in the running kernel's BTF. Names are the kernel's (include/linux/sched.h, sched/signal.h,
 * mm_types.h, net/sock.h, linux/tcp.h, …). Where kernels differ, the variants stand here with a
 * ___suffix and are chosen in bpf/compat.bpf.h.
 */

#include <linux/types.h>
#include <stdbool.h>
#include <stddef.h>

#pragma clang attribute push(__attribute__((preserve_access_index)), apply_to = record)

typedef int pid_t;

struct list_head {
	struct list_head *next, *prev;
};

#pragma clang attribute pop

#endif
