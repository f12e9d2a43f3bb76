// SPDX-License-Identifier: Apache-2.0
/* Probes that have gone blind: processes that map the file make calls on watched connections since it is
 * probed, and no probe of it was ever hit. */
#ifndef OPERAGLASS_TLS_STALE_H
#define OPERAGLASS_TLS_STALE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "connection.h"
#include "tls_target.h"

/* Calls that begin sooner after struct tls_slot's attached_ns may have been written before the last probe
 * was there, by programs that write to memory first and send later. */
#define TLS_STALE_GRACE_NS (UINT64_C(1) * 1000000000)

/* Pure: when the last call that nobody reads began on this connection; 0: there is none. */
uint64_t tls_stale_call(const struct connection *connection);

/* Pure: does a call that began then show that probes of attached_ns, which were never hit, are blind? */
bool tls_stale_shown(uint64_t call_ns, uint64_t attached_ns);

/* Sets `stale` of rows that have gone blind, and clears it of those whose probes were hit since. */
void tls_stale_find(struct tls_target *rows, size_t count, const struct tls_target_tools *tools);

#endif
