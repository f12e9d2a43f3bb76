// SPDX-License-Identifier: Apache-2.0
/*
 * Which file systems answer from this host itself, as far as mountinfo tells. The others may leave whoever
 * touches a file on them waiting for ever: a server of NFS that is gone, a process that answers for FUSE.
 * And not only who touches it: to set a probe in a page that is not in memory, the kernel reads it while
 * every fork() of the host waits. Pure.
 */
#ifndef OPERAGLASS_FILE_SYSTEMS_H
#define OPERAGLASS_FILE_SYSTEMS_H

#include <stdbool.h>

#include "mountinfo.h"

/* Who has made the mounts of a text. */
enum mounts_of {
	MOUNTS_OF_HOST, /* root, before all others: where its own root lies there is no choice */
	MOUNTS_OF_ROOT,
	MOUNTS_OF_ANYBODY, /* in a user namespace: an overlay may lie over what is not to be seen here */
};

/* Whether this mount, which is one of the text, answers. An overlay answers when all its layers do, as far
 * as their paths tell. */
bool file_systems_answer(const struct mount *mount, const char *mountinfo, enum mounts_of whose);

/* Whether every mount on the way to this path, which is absolute and has neither dots nor links, does. */
bool file_systems_lead_to(const char *path, const char *mountinfo, enum mounts_of whose);

#endif
