/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_PROCESS_SIGNAL_BPF_H
#define OPERAGLASS_PROCESS_SIGNAL_BPF_H

#include "process_table.bpf.h"

/* include/trace/events/signal.h: TRACE_SIGNAL_DELIVERED. Others were ignored, blocked out or lost. */
#define SIGNAL_DELIVERED 0

/* include/linux/sched/signal.h: instead of a pointer to siginfo */
#define INFO_NONE    0 /* SEND_SIG_NOINFO: from user space, nothing to say */
#define INFO_PRIVATE 1 /* SEND_SIG_PRIV: from the kernel; current is a bystander */

/* include/uapi/asm-generic/siginfo.h */
#define CODE_TIMER (-2)

#define BIT_OF(number) (1ULL << ((number)-1))
/* Numbers of x86 and arm64, asm-generic/signal.h. */
#define SIGNALS_HARMLESS                                                         \
	(BIT_OF(17) /* CHLD */ | BIT_OF(18) /* CONT */ | BIT_OF(19) /* STOP */ | \
	 BIT_OF(20) /* TSTP */ | BIT_OF(21) /* TTIN */ | BIT_OF(22) /* TTOU */ | \
	 BIT_OF(23) /* URG */ | BIT_OF(28) /* WINCH */)
/* Of the process's own making though the kernel sends them: setitimer and alarm. */
#define SIGNALS_OWN_TIMER (BIT_OF(14) /* ALRM */ | BIT_OF(26) /* VTALRM */ | BIT_OF(27) /* PROF */)

static __always_inline bool signal_is_fatal(int number)
{
	return number >= 1 && number <= 64 && !(SIGNALS_HARMLESS & BIT_OF(number));
}

/* The argument `info` as a number: typed as a pointer, verifiers of 6.12 and 6.18 take it for never
 * NULL and remove the comparison. */
static __always_inline __u64 signal_info(const void *context)
{
	__u64 info = INFO_NONE;

	bpf_probe_read_kernel(&info, sizeof(info), (const __u64 *)context + 1);
	return info;
}

/* The forker, as long as it is still the same process, or whoever would reap it now. */
static __always_inline bool is_parent(const struct process *row, const struct task_struct *task,
				      __u32 tgid)
{
	struct process *forker;

	if (tgid == (__u32)task->real_parent->tgid)
		return true;
	if (tgid != row->forker)
		return false;
	forker = bpf_map_lookup_elem(&processes, &tgid);
	return forker && forker->start_ns == row->forker_start_ns;
}

static __always_inline enum signal_sender
signal_sender(const struct process *row, const struct task_struct *task, int number, __u64 info)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	int code = 0;

	if (info == INFO_PRIVATE)
		return SIGNALS_OWN_TIMER & BIT_OF(number) ? SENDER_SELF : SENDER_KERNEL;
	if (info != INFO_NONE)
		bpf_probe_read_kernel(&code, sizeof(code),
				      &((struct kernel_siginfo *)(unsigned long)info)->si_code);
	if (code == CODE_TIMER || tgid == row->tgid)
		return SENDER_SELF;
	if (code > 0)
		return SENDER_KERNEL;
	return is_parent(row, task, tgid) ? SENDER_PARENT : SENDER_OTHER;
}

static __always_inline void process_signalled(const struct task_struct *task, int number,
					      __u64 info)
{
	struct process *row = process_find(task->group_leader);

	/* Whatever it is: an exec may be about to make it an agent. */
	if (!row)
		return;
	row->sender = signal_sender(row, task, number, info);
	row->signal = number;
}

#endif
