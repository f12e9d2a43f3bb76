// SPDX-License-Identifier: GPL-2.0
/* What a probe sees in a process that the observer has made for that: user/probe_proof.h. Loaded for
 * the time of a proof, attached to that process only, never pinned. */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <linux/ptrace.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#include "keeper.bpf.h"
#include "proof.h"
#include "tls.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, PROOF_HITS_SIZE);
} proof_hits SEC(".maps");

/* By function: the fourth argument of its last entry. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PROOF_FUNCTIONS);
	__type(key, __u32);
	__type(value, __u64);
} proof_results SEC(".maps");

/* Set by the loader: of sessions, the process whose hits count. A filter of the kernel's own would ask for
 * the returns of all the others. */
const volatile __u32 proof_subject SEC(".rodata.proof");

/* What is not of interest: another process's call, or in a session the entry in front of a return. *ret_code:
 * what the program returns then. */
static __always_inline bool is_other(struct pt_regs *ctx, __u64 cookie, int *ret_code)
{
	if (!proof_subject)
		return false;
	*ret_code = 1;
	if (bpf_get_current_pid_tgid() >> 32 != proof_subject)
		return true;
	if (!(cookie & PROOF_COOKIE_RETURN) || PT_REGS_IP(ctx) != bpf_get_func_ip(ctx))
		return false;
	*ret_code = 0;
	return true;
}

/* A place where all of a read is seen. */
static __always_inline void look_inside(struct pt_regs *ctx, __u64 cookie, struct proof_hit *hit)
{
	struct keepers keepers;
	__u64 count;

	keepers_load(ctx, &keepers);
	count = keepers_value(&keepers, cookie, TLS_ARGUMENT_COUNT);
	hit->arguments[0] = keepers_value(&keepers, cookie, TLS_ARGUMENT_OBJECT);
	hit->arguments[1] = keepers_value(&keepers, cookie, TLS_ARGUMENT_BUFFER);
	hit->arguments[2] = keepers_value(&keepers, cookie, TLS_ARGUMENT_LENGTH);
	hit->arguments[3] = (__u32)keepers_value(&keepers, cookie, TLS_ARGUMENT_PEEK);
	bpf_probe_read_user(&hit->moved, sizeof(hit->moved), (const void *)count);
}

SEC("uprobe")
int probe_proof_hit(struct pt_regs *ctx)
{
	__u64 cookie = bpf_get_attach_cookie(ctx), *result;
	__u32 function = TLS_COOKIE_FUNCTION(cookie);
	struct proof_hit *hit;
	int code = 0;

	if (is_other(ctx, cookie, &code))
		return code;
	result = bpf_map_lookup_elem(&proof_results, &function);
	hit = bpf_ringbuf_reserve(&proof_hits, sizeof(*hit), 0);
	if (!hit)
		return code; /* a hit too few fails the proof */
	hit->cookie = cookie;
	hit->stack = PT_REGS_SP(ctx) + TLS_COOKIE_ADJUST(cookie);
	hit->arguments[0] = PT_REGS_PARM1(ctx);
	hit->arguments[1] = PT_REGS_PARM2(ctx);
	hit->arguments[2] = PT_REGS_PARM3(ctx);
	hit->arguments[3] = PT_REGS_PARM4(ctx);
	asm volatile("" ::: "memory"); /* two loads at fixed places, not one at either of them */
	if (cookie & PROOF_COOKIE_MOVED)
		hit->arguments[3] = PT_REGS_PARM5(ctx);
	hit->result = PT_REGS_RC(ctx);
	hit->moved = 0;
	if (cookie & PROOF_COOKIE_INSIDE)
		look_inside(ctx, cookie, hit);
	else if (result && !(cookie & PROOF_COOKIE_LEAVE))
		*result = hit->arguments[3];
	else if (result && *result)
		bpf_probe_read_user(&hit->moved, sizeof(hit->moved), (const void *)*result);
	bpf_ringbuf_submit(hit, BPF_RB_NO_WAKEUP);
	return code;
}

char LICENSE[] SEC("license") = "GPL";
