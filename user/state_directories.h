// SPDX-License-Identifier: Apache-2.0
/* The directories that a running exporter needs and has no right to make. */
#ifndef OPERAGLASS_STATE_DIRECTORIES_H
#define OPERAGLASS_STATE_DIRECTORIES_H

#include "options.h"

/* Below the state directory: the exporter's own. */
#define STATE_JOURNAL "journal"
/* Below the state directory: the key of hashed sessions and actors, when none is configured. */
#define STATE_SESSION_KEY "session.key"

/* Below the state directory, root's own: which probe places were proven, by build-id. */
#define STATE_PROBE_SITES "probe-sites"
/* And what this kernel's uprobes can do, since it was booted. */
#define STATE_PROBE_ANSWERS "probe-answers"

/*
 * Makes the directories of both sockets (0755) and the journal's (0700, the exporter's user's; 0770 of its
 * group where this process may not change owners), and
 * lets that user pass through the state directory. While this process may still change owners. What
 * cannot be made is logged and costs the events, not the metrics. 0 or the first -errno.
 */
int state_directories_make(const struct options *options);

#endif
