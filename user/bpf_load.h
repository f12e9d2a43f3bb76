// SPDX-License-Identifier: Apache-2.0
/* Loads the objects of the catalogue into the kernel. Nothing is attached and nothing is pinned.
 *
 * The shared maps (bpf_maps.h) are all created before the first program is loaded. A program that
 * this kernel refuses is left out, and the rest of its object is loaded.
 */
#ifndef OPERAGLASS_BPF_LOAD_H
#define OPERAGLASS_BPF_LOAD_H

#include "bpf_set.h"
#include "config.h"

/* Types of the running kernel; without them nothing is loaded. */
#define BPF_LOAD_BTF "/sys/kernel/btf/vmlinux"

struct bpf_refusal {
	int program; /* catalogue row */
	int code;    /* -errno of the load */
};

struct bpf_refusals {
	struct bpf_refusal rows[BPF_PROGRAMS_MAX];
	size_t count;
};

/* libbpf's words go to the log, at level debug only. */
void bpf_load_silence(void);

/*
 * Loads every object of the catalogue, several at a time: what takes long is the verifier. Programs
 * that cannot be loaded are added to refusals. ret_codes, by object: 0 when the rest of it is
 * loaded, or -errno when nothing of it can be (no BTF, a map that cannot be created).
 */
void bpf_load_all(const struct config *config, struct bpf_set *set, struct bpf_refusals *refusals,
		  int ret_codes[BPF_OBJECTS_MAX]);

/* Identifies all objects and what of the configuration is fixed at load. */
unsigned long long bpf_load_hash(const struct config *config);

#endif
