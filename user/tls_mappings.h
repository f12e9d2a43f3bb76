// SPDX-License-Identifier: Apache-2.0
/*
 * Which files processes execute code from: what is mapped now (/proc/PID/maps), and what is being
 * mapped (records of the kernel, also for dlopen and for what an agent updates under itself).
 */
#ifndef OPERAGLASS_TLS_MAPPINGS_H
#define OPERAGLASS_TLS_MAPPINGS_H

#include <stdint.h>
#include <sys/types.h>

struct tls_mapping {
	pid_t pid;
	uint64_t begin, end; /* addresses */
	dev_t device;
	ino_t inode;
	uint64_t generation; /* of an inode number that is used again; 0: not told */
	const char *path; /* as the process sees it; may end in " (deleted)"; never relied upon */
};

typedef void tls_mapping_taker(void *context, const struct tls_mapping *mapping);

/* Whether a mapping is worth more than a look at its numbers. */
typedef _Bool tls_mapping_filter(void *context, const struct tls_mapping *mapping);

struct tls_mappings;

/* Begins to record. -errno: the kernel does not let us, look by tls_mappings_scan only. */
int tls_mappings_open(struct tls_mappings **ret_mappings);
void tls_mappings_close(struct tls_mappings *mappings);

/* One descriptor, readable within 10 ms of a new record (at once, if there was none for 50 ms; or when
 * a burst has filled half of a ring), and four times a second in any case. */
int tls_mappings_fd(const struct tls_mappings *mappings);

/* Gives every executable mapping of a file since the last time that the filter, which gets it without
 * its path, lets through to `take`. Returns 0, -errno, or -ENOBUFS: records were lost, a scan is due
 * (at most once a second). */
int tls_mappings_take(struct tls_mappings *mappings, tls_mapping_filter *filter,
		      tls_mapping_taker *take, void *context);

/* Something was lost elsewhere that a scan finds, too. */
void tls_mappings_lost(struct tls_mappings *mappings);

/* Gives every executable mapping of a file in every process to `take`. 0 or -errno. */
int tls_mappings_scan(tls_mapping_taker *take, void *context);

/* The same of one process; nothing when it has ended. */
void tls_mappings_of(pid_t pid, tls_mapping_taker *take, void *context);

/* One line of /proc/PID/maps, cut at its line feed. True and *ret_mapping (pid not set, path inside
 * `line`) when it is an executable mapping of a file. Pure. */
_Bool tls_mapping_parse(char *line, struct tls_mapping *ret_mapping);

/* What an open file is called where it is mapped: btrfs and overlayfs give their files devices of their own
 * in fstat() only. 0 or -errno: it cannot be mapped. */
int tls_mapping_name(int file, dev_t *ret_device, ino_t *ret_inode);

/* Opens the very file that is mapped, whatever its path means here. Descriptor, or -errno; -EREMOTE: it was
 * not touched, as its file system may leave us waiting for ever (mount_views.h). */
int tls_mapping_open_file(const struct tls_mapping *mapping);

#endif
