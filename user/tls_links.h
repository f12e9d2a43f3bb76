// SPDX-License-Identifier: Apache-2.0
/*
 * Placing one program at one offset of one file, by the best means the kernel has, and keeping it.
 *
 * A probe is a descriptor: of a link, which may be pinned, or on kernels without uprobe links of a
 * perf event, which ends with the process.
 */
#ifndef OPERAGLASS_TLS_LINKS_H
#define OPERAGLASS_TLS_LINKS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <linux/bpf.h>

#include "tls_targets.h"

struct tls_place {
	int file;	 /* descriptor of the file */
	uint64_t offset; /* of the instruction, in the file */
	bool leave;	 /* at the function's return; of TLS_PROBE_SESSION its program decides */
	uint64_t cookie;
	pid_t pid; /* only there; 0: in every process */
};

/* ret_probe: descriptor, the caller closes it. 0 or -errno. */
int tls_link_create(enum tls_probe_kind kind, int program, const struct tls_place *place,
		    int *ret_probe);

/* What programs that are placed by this kind are to be loaded with; 0: nothing. */
enum bpf_attach_type tls_links_attach_type(enum tls_probe_kind kind);

/* The kind by which a program sees what it is placed at and nothing else, whatever it returns. */
enum tls_probe_kind tls_links_plain(enum tls_probe_kind kind);

/* A program that does nothing, to be placed by this kind. Descriptor or -errno. */
int tls_links_empty_program(enum tls_probe_kind kind);

/* Where code of this process lies in /proc/self/exe. 0 or -errno. */
int tls_links_own_code(const void *code, uint64_t *ret_offset);

#endif
