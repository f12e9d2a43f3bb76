// SPDX-License-Identifier: Apache-2.0
/* Attaches loaded programs: BTF tracepoints, cgroup hooks and iterators, all as BPF links. */
#ifndef OPERAGLASS_BPF_ATTACH_H
#define OPERAGLASS_BPF_ATTACH_H

#include "bpf_set.h"

/* Whether a row of this kind gets a link from bpf_attach_all. */
bool bpf_attach_makes_link(enum bpf_attach attach);

/*
 * Attaches every loaded program that has no link yet. cgroup_fd: directory of the hierarchy's root,
 * or -1 when there is none. A program that cannot be attached is reported and left out. Returns how
 * many were left out.
 */
size_t bpf_attach_all(struct bpf_set *set, int cgroup_fd);

#endif
