/* SPDX-License-Identifier: GPL-2.0 */
#ifndef OPERAGLASS_PORT_BPF_H
#define OPERAGLASS_PORT_BPF_H

#include "socket_maps.bpf.h"

/* All that an unwatched packet costs: no helper is called. */
static __always_inline bool port_is_watched(__u16 port)
{
	__u32 zero = 0, byte = port >> 3;
	struct port_bitmap *bitmap = bpf_map_lookup_elem(&watched_ports, &zero);

	/* Verifiers up to 6.12 forget that a byte swap leaves 16 bits: keep the mask. */
	asm volatile("" : "+r"(byte));
	return bitmap && bitmap->bits[byte & 8191] >> (port & 7) & 1;
}

#endif
