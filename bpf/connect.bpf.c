// SPDX-License-Identifier: GPL-2.0
/*
 * Attempts that never become a socket event: connect() fails at once when the host has no route.
 * Each attempt on a stream socket is noted here and struck out by CLOSE -> SYN_SENT, which follows
 * in the same system call; what is still there at the thread's next attempt, or at the next sweep,
 * had no route.
 */
#include "vmlinux.h"
#include <linux/bpf.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "connection.bpf.h"
#include "port.bpf.h"
#include "route.bpf.h"
#include "segment.bpf.h"

enum {
	STREAM = 1 /* SOCK_STREAM */
};

static __always_inline void route_note(struct bpf_sock_addr *ctx, struct route_wait *wait)
{
	struct task_struct *task = (struct task_struct *)bpf_get_current_task();
	struct task_struct___nsproxy *namespaces = (void *)task;
	__u16 port = bpf_ntohs(ctx->user_port);
	/* Kernel 5.10 has bpf_get_current_pid_tgid only in some types of programs. */
	__u64 thread = (__u64)BPF_CORE_READ(task, tgid) << 32 | (__u32)BPF_CORE_READ(task, pid);
	__u32 netns = BPF_CORE_READ(namespaces, nsproxy, net_ns, ns.inum);

	route_settle(thread);
	wait->upstream = learned_upstream(wait->remote, netns, port);
	if (!wait->upstream)
		wait->upstream = network_upstream(wait->remote, port);
	if (!wait->upstream)
		return;
	wait->begin_ns = bpf_ktime_get_boot_ns();
	if (bpf_map_update_elem(&routes, &thread, wait, BPF_ANY))
		lost_add(LOST_ATTEMPTS_FULL);
}

/* 1 lets the connect go on, whatever happens here. */
SEC("cgroup/connect4")
int socket_connect4(struct bpf_sock_addr *ctx)
{
	struct route_wait wait = {};
	__u32 *words = (__u32 *)wait.remote;

	if (ctx->type != STREAM || ctx->protocol != PROTO_TCP ||
	    !port_is_watched(bpf_ntohs(ctx->user_port)))
		return 1;
	words[2] = bpf_htonl(0xffff);
	words[3] = ctx->user_ip4;
	route_note(ctx, &wait);
	return 1;
}

SEC("cgroup/connect6")
int socket_connect6(struct bpf_sock_addr *ctx)
{
	struct route_wait wait = {};
	__u32 *words = (__u32 *)wait.remote;

	if (ctx->type != STREAM || ctx->protocol != PROTO_TCP ||
	    !port_is_watched(bpf_ntohs(ctx->user_port)))
		return 1;
	words[0] = ctx->user_ip6[0];
	words[1] = ctx->user_ip6[1];
	words[2] = ctx->user_ip6[2];
	words[3] = ctx->user_ip6[3];
	route_note(ctx, &wait);
	return 1;
}

char LICENSE[] SEC("license") = "GPL";
