/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_PROCESS_ROWS_BPF_H
#define OPERAGLASS_PROCESS_ROWS_BPF_H

#include "process.h"

/* Set by the loader from `limits.processes`; this default is the kernel's smallest pid_max. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 32768);
	__type(key, __u32);
	__type(value, struct process);
	__uint(pinning, LIBBPF_PIN_BY_NAME);
} processes SEC(".maps");

#endif
