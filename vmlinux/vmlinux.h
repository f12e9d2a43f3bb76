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

/* --- processes: linux/sched.h, sched/signal.h, mm_types.h, fdtable.h, binfmts.h ------------- */

typedef struct {
	int counter;
} atomic_t;

typedef struct {
	long counter;
} atomic_long_t;

struct qstr {
	__u32 len;
	const unsigned char *name;
};

struct dentry {
	struct qstr d_name;
};

struct path {
	struct dentry *dentry;
};

struct file {
	struct path f_path;
	void *private_data;
};

struct linux_binprm {
	struct file *file;
	const char *filename;
};

struct percpu_counter {
	__s64 count;
};

struct mm_struct {
	unsigned long arg_start;
	unsigned long arg_end;
	unsigned long hiwater_rss;
	struct percpu_counter rss_stat[4]; /* since 6.2 */
};

struct mm_rss_stat { /* until 6.1 */
	atomic_long_t count[4];
};

struct mm_struct___counters {
	struct mm_rss_stat rss_stat;
};

struct fdtable {
	unsigned int max_fds;
	struct file **fd;
	unsigned long *open_fds;
};

struct files_struct {
	struct fdtable *fdt;
};

struct task_io_accounting {
	__u64 rchar;
	__u64 wchar;
	__u64 read_bytes;
	__u64 write_bytes;
};

typedef struct {
	int opaque; /* its members moved: see signal_sequence() in bpf/compat.bpf.h */
} seqlock_t;

struct sighand_struct;
struct task_struct;

struct signal_struct {
	atomic_t live;
	int nr_threads;
	struct list_head thread_head;
	int group_exit_code;
	unsigned int flags;
	seqlock_t stats_lock;
	__u64 utime;
	__u64 stime;
	unsigned long nvcsw;
	unsigned long nivcsw;
	unsigned long min_flt;
	unsigned long maj_flt;
	unsigned long maxrss;
	struct task_io_accounting ioac;
	unsigned long long sum_sched_runtime;
	struct mm_struct *oom_mm;
};

struct sched_entity {
	__u64 sum_exec_runtime;
};

struct task_struct {
	unsigned int flags;
	struct sched_entity se;
	struct mm_struct *mm;
	int exit_state;
	int exit_code;
	pid_t pid;
	pid_t tgid;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct list_head thread_node;
	__u64 utime;
	__u64 stime;
	unsigned long nvcsw;
	unsigned long nivcsw;
	__u64 start_boottime;
	unsigned long min_flt;
	unsigned long maj_flt;
	char comm[16];
	struct files_struct *files;
	struct signal_struct *signal;
	struct sighand_struct *sighand;
	struct task_io_accounting ioac;
};

struct kernel_siginfo {
	int si_code;
};

struct seq_file;

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

/* --- sockets: net/sock.h, linux/tcp.h, net/net_namespace.h, linux/nsproxy.h ------------------ */

struct ns_common {
	unsigned int inum;
};

struct net {
	struct ns_common ns;
};

typedef struct {
	struct net *net;
} possible_net_t;

struct in6_addr {
	union {
		__u8 u6_addr8[16];
		__be32 u6_addr32[4];
	} in6_u;
};

struct sock_common {
	__be32 skc_daddr;
	__be16 skc_dport;
	unsigned short skc_family;
	volatile unsigned char skc_state;
	possible_net_t skc_net;
	struct in6_addr skc_v6_daddr;
};

struct sock {
	struct sock_common __sk_common;
	int sk_err;
	int sk_err_soft;
	__u8 sk_shutdown;
	__u16 sk_type;
	__u16 sk_protocol;
};

struct socket {
	struct file *file;
	struct sock *sk;
};

struct tcp_sock {
	__u32 srtt_us;
};

struct nsproxy {
	struct net *net_ns;
};

struct task_struct___nsproxy {
	struct nsproxy *nsproxy;
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	void *map; /* struct bpf_map */
	void *key;
	void *value;
};

#pragma clang attribute pop

#endif
