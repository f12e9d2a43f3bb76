// SPDX-License-Identifier: Apache-2.0
/* Probes that have gone blind: ciphertext flows on watched connections of processes that map the
 * file, and no probe of it was ever hit. */
#ifndef OPERAGLASS_TLS_STALE_H
#define OPERAGLASS_TLS_STALE_H

#include <stddef.h>

#include "tls_target.h"

/* Sets `stale` of rows that have gone blind, and clears it of those whose probes were hit since. */
void tls_stale_find(struct tls_target *rows, size_t count, const struct tls_target_tools *tools);

#endif
