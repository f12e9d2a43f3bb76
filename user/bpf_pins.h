// SPDX-License-Identifier: Apache-2.0
/* What stays in the kernel when the observer ends: a directory tree on a bpf file system.
 *
 *	PIN_PATH/maps/NAME        the shared maps
 *	PIN_PATH/programs/NAME    the programs
 *	PIN_PATH/links/NAME       their attachments
 *	PIN_PATH/tls/…            attachments of TLS programs, named by user/tls_targets.h
 *	PIN_PATH/identity         whose they are; written last, removed first
 */
#ifndef OPERAGLASS_BPF_PINS_H
#define OPERAGLASS_BPF_PINS_H

#include "bpf_set.h"
#include "identity.h"

#define BPF_PINS_TLS "tls"

enum bpf_pins_state {
	BPF_PINS_NONE,	 /* nothing is pinned */
	BPF_PINS_BROKEN, /* something is, but it was never finished */
	BPF_PINS_WHOLE
};

/* Looks without touching. ret_identity is written for BPF_PINS_WHOLE only. */
enum bpf_pins_state bpf_pins_look(const char *pin_path, struct identity *ret_identity);

/* Pins everything in the set that is not pinned yet; creates the directories. 0 or -errno. */
int bpf_pins_save(const char *pin_path, const struct bpf_set *set);

/* Pins who it was: from now on the tree is whole. */
int bpf_pins_seal(const char *pin_path, const struct identity *identity);

/* Opens everything that is pinned. 0 or -errno; the set is then to be closed. */
int bpf_pins_open(const char *pin_path, struct bpf_set *set);

/*
 * Detaches and removes everything below pin_path, but not pin_path itself: who calls this holds the
 * lock on it. ret_count: programs that were pinned. 0, also if there was nothing; -errno if
 * something is left.
 */
int bpf_pins_remove(const char *pin_path, size_t *ret_count);

#endif
