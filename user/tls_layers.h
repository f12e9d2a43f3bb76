// SPDX-License-Identifier: Apache-2.0
/*
 * Files of layers that containers share. Each overlay mount gives them a device number of its own, and
 * since Linux 6.16 mapping records show that one; probes sit in the file below, which is the same: to
 * probe it once for each container would make every call hit that often.
 */
#ifndef OPERAGLASS_TLS_LAYERS_H
#define OPERAGLASS_TLS_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

/* What overlayfs passes on of the file below; inode 0: not on overlayfs. */
struct tls_layer {
	uint64_t inode, size;
	int64_t modified_ns, changed_ns;
};

struct tls_layer tls_layer_of(int file);

/* Two files below with all four the same, to the nanosecond, are one. */
bool tls_layer_is_same(const struct tls_layer *one, const struct tls_layer *other);

#endif
