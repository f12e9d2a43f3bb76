// SPDX-License-Identifier: Apache-2.0
/*
 * What becomes of the table of targets when a file is mapped, written to, searched, or one of the host's
 * own: it gets a row and probes, shares another's, or loses its own. The context of each is a struct
 * tls_targets.
 */
#ifndef OPERAGLASS_TLS_TAKERS_H
#define OPERAGLASS_TLS_TAKERS_H

#include "tls_mappings.h"
#include "tls_rows.h"

void tls_take_change(void *context, int watch);
void tls_take_mapping(void *context, const struct tls_mapping *mapping);
void tls_take_known_file(void *context, const char *path, int file);
void tls_take_search(void *context, const struct tls_search_job *job);

/* Counts what was given up as it did not answer (bounded_call.h). False: nothing was. As long as there is such a
 * process no probe is set, and none is taken away by a scan: the kernel would wait for the memory of each
 * process that maps the file, and every fork() of the host for the kernel. */
bool tls_take_given_up(struct tls_targets *targets);

#endif
