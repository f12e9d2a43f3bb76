// SPDX-License-Identifier: Apache-2.0
/* Small files of the observer's own below the state directory. */
#ifndef OPERAGLASS_STATE_FILE_H
#define OPERAGLASS_STATE_FILE_H

#include <stdbool.h>
#include <stddef.h>

/*
 * The whole of a file as text. -EPERM when somebody else owns it or may write to it, -EFBIG when it
 * does not fit into size - 1 bytes, or another -errno.
 */
int state_file_read(const char *path, size_t size, char *ret_text);

/* Written beside and renamed, for its owner alone: never half a file. lasting: it cannot be made again, and
 * waits for the disk, so that it survives a loss of power, too. 0 or -errno. */
int state_file_write(const char *path, const char *text, bool lasting);

#endif
