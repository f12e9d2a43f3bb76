// SPDX-License-Identifier: Apache-2.0
/* The mounts that a process sees, and those of the host, asked whether a file can be touched without a wait
 * that may never end (file_systems.h). Asks only the kernel, never a file system. One thread. */
#ifndef OPERAGLASS_MOUNT_VIEWS_H
#define OPERAGLASS_MOUNT_VIEWS_H

#include <stdbool.h>
#include <sys/types.h>

struct mount_views {
	pid_t pid;
	char *own; /* of the process; NULL: not read yet, or it has ended */
	bool read;
};

/* The host's are read once, and again when the kernel says that they have changed. */
struct mount_views mount_views_of(pid_t pid);
void mount_views_free(struct mount_views *views);

/* Whether what lies on this device, as /proc/PID/maps names it, answers. 0; -ESRCH: the process has ended;
 * -EREMOTE: it may not, or no mount is of it; said in the log once for each device. path: for that. */
int mount_views_ask_device(struct mount_views *views, dev_t device, const char *path);

/* The same of what was opened with O_PATH, which stays on the mount that it was opened on. answering: a
 * device of which it is known; 0: none. */
int mount_views_ask_file(struct mount_views *views, int file, dev_t answering, const char *path);

/* The same of all that lies on the way to a path of the process. -EREMOTE also for one that may mount
 * something there meanwhile. */
int mount_views_ask_way(struct mount_views *views, const char *path);

/* The same of a path of this process; links on it are not followed. */
bool mount_views_lead_here(const char *path);

#endif
