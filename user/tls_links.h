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

#include "tls_targets.h"

struct tls_place {
	int file;	 /* descriptor of the file */
	uint64_t offset; /* of the instruction, in the file */
	bool leave;	 /* at the function's return */
	uint64_t cookie;
	pid_t pid; /* only there; 0: in every process */
};

/* ret_probe: descriptor, the caller closes it. 0 or -errno. */
int tls_link_create(enum tls_probe_kind kind, int program, const struct tls_place *place,
		    int *ret_probe);

/* A program that does nothing, to be placed by this kind. Descriptor or -errno. */
int tls_links_empty_program(enum tls_probe_kind kind);

/* Where code of this process lies in /proc/self/exe. 0 or -errno. */
int tls_links_own_code(const void *code, uint64_t *ret_offset);

/* As in tls_targets.h; program: a descriptor of a loaded uprobe program, of attach type
 * TLS_UPROBE_MULTI for kind TLS_PROBE_MULTI. */
#define TLS_UPROBE_MULTI 48 /* BPF_TRACE_UPROBE_MULTI, unknown to older headers */

#endif
