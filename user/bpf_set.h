// SPDX-License-Identifier: Apache-2.0
/* Descriptors of everything that is loaded: maps by name, programs and links by catalogue row.
 *
 * A set owns its descriptors. Closing them takes nothing out of the kernel that is pinned.
 */
#ifndef OPERAGLASS_BPF_SET_H
#define OPERAGLASS_BPF_SET_H

#include "bpf_catalogue.h"

#define BPF_MAPS_MAX	  96
#define BPF_MAP_NAME_SIZE 64

struct bpf_map_fd {
	char name[BPF_MAP_NAME_SIZE];
	int fd;
};

struct bpf_program_fd {
	int program; /* -1: not loaded */
	int link;    /* -1: not attached, or attached by somebody else (TLS, tail calls) */
};

struct bpf_set {
	struct bpf_map_fd maps[BPF_MAPS_MAX];
	size_t map_count;
	struct bpf_program_fd programs[BPF_PROGRAMS_MAX];
};

void bpf_set_init(struct bpf_set *set);
void bpf_set_close(struct bpf_set *set);

/* Descriptor, still owned by the set, or -1. */
int bpf_set_map(const struct bpf_set *set, const char *name);
int bpf_set_program(const struct bpf_set *set, const char *name);

/* Takes over fd, also when it fails: 0, or -ENOSPC. */
int bpf_set_add_map(struct bpf_set *set, const char *name, int fd);

/*
 * Nothing of what the component needs is missing: each of its objects that is not optional is loaded,
 * with every program attached that gets a link.
 */
bool bpf_set_is_up(const struct bpf_set *set, const char *component);

#endif
