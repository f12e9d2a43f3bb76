// SPDX-License-Identifier: Apache-2.0
/*
 * TLS targets: the files whose TLS functions are probed, and how they are found.
 *
 * Order of use: tls_targets_prepare between open and load of tls.bpf.c's object, tls_targets_new
 * and tls_targets_start after load; then tls_targets_on_event whenever one of tls_targets_fds is
 * readable, and tls_targets_scan about once a minute. All from one thread. Invariants:
 *  - a file is (device, inode): it gets its links once, however many processes map it, and they
 *    are pinned as PIN_DIRECTORY/uprobe_<device>_<inode>_<program> where the kernel can pin them;
 *  - links found pinned at start are taken over, not made again: counting never stopped;
 *  - nothing here trusts a file: size and time of looking into one are bounded.
 */
#ifndef OPERAGLASS_TLS_TARGETS_H
#define OPERAGLASS_TLS_TARGETS_H

#include <stdbool.h>
#include <stddef.h>

struct bpf_object;
struct bpf_set;
struct tls_targets;

enum tls_probe_kind {
	TLS_PROBE_SESSION, /* BPF_TRACE_UPROBE_SESSION links (6.13): as MULTI, and entry and return are one */
	TLS_PROBE_MULTI, /* BPF_TRACE_UPROBE_MULTI links: CAP_BPF + CAP_PERFMON, pinnable */
	TLS_PROBE_PERF,	 /* perf-event links: more privilege, pinnable */
	TLS_PROBE_LOCAL, /* perf events without links (5.10): they end with the observer */
};

enum tls_return_probes {
	TLS_RETURN_SAFE,
	TLS_RETURN_UNSAFE,  /* they kill a process that runs under seccomp: never used */
	TLS_RETURN_UNKNOWN, /* the test itself could not be made: treated as unsafe */
};

struct tls_abilities {
	enum tls_probe_kind kind;
	enum tls_return_probes return_probes;
	bool mapping_records; /* new mappings are seen at once; else only at scans */
};

/* Between open and load (bpf_object_row.prepare): finds out which kind of probe this kernel has and sets the programs'
 * attach type accordingly. Returns 0, or -errno when the kernel has no uprobes at all (then the
 * object is not worth loading). */
int tls_targets_prepare(struct bpf_object *object);

/* After load, or after an earlier run's programs were taken over. set: has the programs and maps of
 * tls.bpf.c; must outlive the result. pin_directory: BPF_PINS_TLS below the pin path; created when it
 * is needed; NULL to pin nothing. Fills the tables; attaches nothing yet. -ENOENT: a program or a map
 * is missing in the set. */
int tls_targets_new(const struct bpf_set *set, const char *pin_directory,
		    struct tls_targets **ret_targets);

/* Before tls_targets_start: has the places of probes proven, and keeps what was proven in this directory.
 * 0 or -ENOMEM. */
int tls_targets_prove(struct tls_targets *targets, const char *directory);

/* Opens the mapping records, then attaches to what runs and to the host's own well-known files.
 * Failures of single files are logged and counted as refused, not returned. */
int tls_targets_start(struct tls_targets *targets);

/* Descriptors to poll for reading; returns how many (at most size) were written. */
size_t tls_targets_fds(const struct tls_targets *targets, int *ret_fds, size_t size);

/* One of the descriptors is readable: attaches what was newly mapped. Never blocks. */
int tls_targets_on_event(struct tls_targets *targets, int fd);

/* Looks at every process again: attaches what records missed, drops links of files that nobody
 * maps any more, finds stale targets, publishes the counts. */
int tls_targets_scan(struct tls_targets *targets);

/* Before tls_targets_start: where signature files lie (tls_signatures.h). Warns of each that is
 * refused. */
void tls_targets_set_signatures(struct tls_targets *targets, const char *state_dir);

/* Whether only agents and what they spawned are read, from the next connection on, and only the files
 * that they map keep probes, from the next scan on. Before tls_targets_start, and whenever it may
 * have changed. 0 or -errno. */
int tls_targets_set_scope(struct tls_targets *targets, bool agents_only);

/* Whether return probes are set at all, and whether single-stepped ones, some 20 us a call, are where no
 * cheap one shows everything. Before tls_targets_start, and whenever it may have changed; files are
 * probed anew at the next scan. */
void tls_targets_set_probes(struct tls_targets *targets, bool returns, bool stepped);

struct tls_abilities tls_targets_abilities(const struct tls_targets *targets);

/* Releases memory and descriptors. Pinned links stay attached. NULL is allowed. */
void tls_targets_free(struct tls_targets *targets);

/* For `doctor`, before anything is loaded. -errno when the question itself could not be put. */
int tls_probe_kind_check(enum tls_probe_kind *ret_kind);

/* Forks a child that lets itself be probed under a seccomp filter. Needs CAP_BPF + CAP_PERFMON.
 * Takes about 20 ms. */
enum tls_return_probes tls_return_probe_check(enum tls_probe_kind kind);

/* Closes the probes that both placed, as the end of the process does: slow where nobody else, such as a
 * child that was forked meanwhile, holds them. */
void tls_probe_check_release(void);
/* In such a child: closes every descriptor but these, `other` and the standard ones, so that no lock and
 * no socket lives as long as it does. */
void tls_probe_check_hold_only(int other);

/* The answers to both, from an earlier process of this boot (probe_answers.h): nothing is asked. */
void tls_probe_check_know(enum tls_probe_kind kind, enum tls_return_probes answer);

#endif
