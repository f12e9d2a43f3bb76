// SPDX-License-Identifier: Apache-2.0
/* Writes the configuration into the maps that the programs look it up in. */
#ifndef OPERAGLASS_BPF_TABLES_H
#define OPERAGLASS_BPF_TABLES_H

#include "bpf_set.h"
#include "config.h"

/* What is fixed from the first attach on: the bounds of the histograms. Frozen. 0 or -errno. */
int bpf_tables_fix(const struct bpf_set *set, const struct config *config);

/* Everything else, at start and at every reload. 0 or -errno. */
int bpf_tables_write(const struct bpf_set *set, const struct config *config);

/* After attach and after every write: judges what already runs. 0 or -errno (logged). */
int bpf_tables_find_running(const struct bpf_set *set);

#endif
