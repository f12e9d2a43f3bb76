// SPDX-License-Identifier: Apache-2.0
/* One observer at a time: locks that end with their process, however it ends. */
#ifndef OPERAGLASS_INSTANCE_H
#define OPERAGLASS_INSTANCE_H

#include <stddef.h>
#include <sys/types.h>

/* Creates the directory and what leads to it. 0 or -errno. */
int instance_make_directory(const char *path, mode_t mode);

/*
 * Locks a file (it is created) or a directory (it must exist). Returns 0 and the descriptor that
 * holds the lock, or -EWOULDBLOCK and in ret_holder the process that has it (0: unknown), or another
 * -errno.
 */
int instance_lock_file(const char *path, int *ret_fd, pid_t *ret_holder);
int instance_lock_directory(const char *path, int *ret_fd, pid_t *ret_holder);

/* Finds the holder of a flock on (major, minor, inode) in the text of /proc/locks; 0: nobody. Pure. */
pid_t instance_find_holder(const char *locks, unsigned int major, unsigned int minor,
			   unsigned long inode);

#endif
