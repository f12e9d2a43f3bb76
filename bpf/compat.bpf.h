/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_COMPAT_BPF_H
#define OPERAGLASS_COMPAT_BPF_H

/* Every difference between kernels stands here, as a getter that asks BTF, never a version number. */

#include <bpf/bpf_core_read.h>

/* Counts the writers of a process's sums, odd while one writes. The first word of a seqlock_t since
 * seqcount_spinlock_t (5.10, commit 8117ab508f9c) and before. */
static __always_inline __u32 signal_sequence(const struct signal_struct *signal)
{
	__u32 sequence = 1;

	bpf_probe_read_kernel(&sequence, sizeof(sequence), &signal->stats_lock);
	return sequence;
}

/* mm_types_task.h: file, anonymous, swap, shared pages; swap is not resident. */
enum {
	COMPAT_FILE_PAGES = 0,
	COMPAT_ANON_PAGES = 1,
	COMPAT_SHARED_PAGES = 3
};

/* Resident pages. Since 6.2 (commit f1a7941243c1) per-CPU counters, whose parts are not portable to
 * read: up to 32 pages per CPU and counter low, and possibly below zero. */
static __always_inline __u64 mm_resident_pages(struct mm_struct *mm)
{
	__s64 pages = 0;

	if (bpf_core_type_exists(struct mm_rss_stat)) {
		struct mm_struct___counters *old = (void *)mm;

		pages = BPF_CORE_READ(old, rss_stat.count[COMPAT_FILE_PAGES].counter) +
			BPF_CORE_READ(old, rss_stat.count[COMPAT_ANON_PAGES].counter) +
			BPF_CORE_READ(old, rss_stat.count[COMPAT_SHARED_PAGES].counter);
	} else {
		pages = BPF_CORE_READ(mm, rss_stat[COMPAT_FILE_PAGES].count) +
			BPF_CORE_READ(mm, rss_stat[COMPAT_ANON_PAGES].count) +
			BPF_CORE_READ(mm, rss_stat[COMPAT_SHARED_PAGES].count);
	}
	return pages > 0 ? pages : 0;
}

#endif
