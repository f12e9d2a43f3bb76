// SPDX-License-Identifier: Apache-2.0
/* The files of a journal: the directory, the lock that keeps a second instance out, modes, names. */
#ifndef EXPORTER_JOURNAL_FILES_H
#define EXPORTER_JOURNAL_FILES_H

/*
 * Makes the directory where it is missing and locks it. 0 and a descriptor that holds the lock;
 * -EWOULDBLOCK: another process holds it; or -errno. Logs why.
 */
int journal_files_lock(const char *directory, int *ret_fd);

/* Makes an empty file that only its owner can read, unless it is there. 0 or -errno. */
int journal_files_create(const char *path);

/*
 * Renames `path` and its write-ahead log to PATH.damaged-YYYYMMDDTHHMMSS (and -wal), in UTC; a name
 * that is taken gets a number. Writes the new name. 0 or -errno.
 */
int journal_files_set_aside(const char *path, char *ret_name, unsigned size);

#endif
