// SPDX-License-Identifier: Apache-2.0
/* Every object and every program of the kernel half, one row each.
 *
 * Invariants (tests/unit/test_bpf_catalogue.c):
 *  - every program of every object has a row, and every row has a program;
 *  - program names are unique over all objects: pins and metrics are named after them.
 * To add a program: one row here. To add an object: one row in each table.
 */
#ifndef OPERAGLASS_BPF_CATALOGUE_H
#define OPERAGLASS_BPF_CATALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>

/* Room in tables that hold something per row. */
#define BPF_OBJECTS_MAX	 8
#define BPF_PROGRAMS_MAX 64

struct bpf_object;

/* Of the same source: bpf/loop.bpf.h says why. */
enum bpf_variant {
	BPF_VARIANT_QUICK, /* quick to load; needs kernel 5.17 */
	BPF_VARIANT_OLD,
	BPF_VARIANTS,
};

enum bpf_attach {
	BPF_ATTACH_TRACEPOINT, /* BTF tracepoint */
	BPF_ATTACH_CGROUP,     /* at the root of the cgroup v2 hierarchy */
	BPF_ATTACH_ITERATOR,   /* read by the exporter */
	BPF_ATTACH_TLS,	       /* user/tls_targets.h places it into TLS libraries */
	BPF_ATTACH_TAIL,       /* not attached: called by another program */
	BPF_ATTACH_PROBE,      /* never attached: loading it answers a question about this kernel */
};

struct bpf_object_row {
	const char *name;
	const char *component; /* in operaglass_up */
	bool optional;	       /* its component works without it, if less well */
	const void *(*bytes[BPF_VARIANTS])(size_t *ret_size);
	int (*prepare)(struct bpf_object *); /* between open and load; NULL: nothing to do */
	const char *quick_only; /* what its quick variant alone can do, for people; NULL: nothing */
};

struct bpf_program_row {
	const char *object;
	const char *name;
	enum bpf_attach attach;
	enum bpf_attach_type type; /* BPF_ATTACH_CGROUP only */
	const char *lost;	   /* what is missing without it, for people */
	const char *map;	   /* BPF_ATTACH_ITERATOR over the rows of this map; else NULL */
};

extern const struct bpf_object_row bpf_objects[];
extern const size_t bpf_object_count;
extern const struct bpf_program_row bpf_programs[];
extern const size_t bpf_program_count;

/* Index of the program's row, or -ENOENT. */
int bpf_catalogue_find(const char *program);

#endif
