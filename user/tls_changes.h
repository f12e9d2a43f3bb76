// SPDX-License-Identifier: Apache-2.0
/*
 * Files that are written to while they are probed. A probe is a place in a file: in other code it
 * would sit in the middle of an instruction and break whoever runs it, so it has to go at the first
 * write, before the file is whole and anybody maps it. (A package manager renames a new file over
 * the old one, which changes neither; this is for `cp`, for linkers and for self-updates.)
 */
#ifndef OPERAGLASS_TLS_CHANGES_H
#define OPERAGLASS_TLS_CHANGES_H

#include <stdbool.h>

#include "tls_target.h"

typedef void tls_changes_taker(void *context, int watch);

/* A descriptor, readable when a watched file was written to; or -errno. */
int tls_changes_open(void);

/* Sets target->watch, once; until its file is written to. -errno: it is not watched. */
int tls_changes_watch(int changes, struct tls_target *target, int file);

/* Not any more; target->watch is 0 then. */
void tls_changes_forget(int changes, struct tls_target *target);

/* Whether the file was changed since the probes of an earlier run were placed. */
bool tls_changes_since(int slots_fd, const struct tls_target *target, int file);

/* Gives the watch of every file that was written to to `take`. Never blocks. */
void tls_changes_take(int changes, tls_changes_taker *take, void *context);

#endif
