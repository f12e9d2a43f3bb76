// SPDX-License-Identifier: GPL-2.0
/* No program: only the map that says who loaded the others, typed so that bpftool can print it. */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "identity.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct identity);
} identity SEC(".maps");

char LICENSE[] SEC("license") = "GPL";
