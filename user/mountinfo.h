// SPDX-License-Identifier: Apache-2.0
/* The text of /proc/PID/mountinfo: one mount a line. Pure; whoever may mount chooses most of what stands there. */
#ifndef OPERAGLASS_MOUNTINFO_H
#define OPERAGLASS_MOUNTINFO_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Part of a line, as it stands there: blank, tab, line feed, '#' and backslash are \ooo. */
struct mount_text {
	const char *text;
	size_t length;
};

struct mount {
	int id;
	dev_t device;		   /* as /proc/PID/maps names it */
	struct mount_text root;	   /* within its file system */
	struct mount_text point;   /* as the process sees it */
	struct mount_text type;	   /* "ext4", "fuse.sshfs" */
	struct mount_text options; /* of the file system, "rw,lowerdir=..." */
};

/* The next mount of a text; *at begins as the text and moves on. Leaves out lines that are none. */
bool mountinfo_next(const char **at, struct mount *ret_mount);

bool mount_text_is(struct mount_text part, const char *text);

/* What it says, without the escapes. 0 or -ENAMETOOLONG. */
int mount_text_plain(struct mount_text part, char *ret_text, size_t size);

/* Whether `path`, which is absolute and has no dots, is the mount's point or lies below it. */
bool mount_is_above(const struct mount *mount, const char *path);

#endif
