// SPDX-License-Identifier: Apache-2.0
/* The two file systems that programs hang on: cgroup v2 and bpffs. */
#ifndef OPERAGLASS_BPF_MOUNTS_H
#define OPERAGLASS_BPF_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Finds the first mount of a file system type in the text of /proc/self/mountinfo, its root before
 * a part of it. Returns 0 and the mount point with escapes undone, -ENOENT, or -ENAMETOOLONG. Pure.
 */
int bpf_mounts_find(const char *mountinfo, const char *type, char *ret_path, size_t size);

/*
 * Opens the root of the cgroup v2 hierarchy: `given` if not NULL, else a mount of it, else one of
 * its own that nobody sees. Returns the descriptor of the directory or -errno; where it was found
 * goes to ret_path.
 */
int bpf_mounts_open_cgroup(const char *given, char *ret_path, size_t size);

/* False in a container's part of the hierarchy: only what runs below it would be seen. */
bool bpf_mounts_is_cgroup_root(int cgroup_fd);

/*
 * Makes sure that pin_path lies on a bpf file system; mounts /sys/fs/bpf if it is not. Returns 0,
 * -EMEDIUMTYPE when pin_path lies on something else, or another -errno.
 */
int bpf_mounts_need_bpffs(const char *pin_path);

/* The same question without mounting anything. */
int bpf_mounts_check_bpffs(const char *pin_path);

#endif
