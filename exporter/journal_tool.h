// SPDX-License-Identifier: Apache-2.0
/* How a command of a person reads the journal that the exporter writes. */
#ifndef EXPORTER_JOURNAL_TOOL_H
#define EXPORTER_JOURNAL_TOOL_H

#include <limits.h>

#define JOURNAL_STATE_DIR "/var/lib/operaglass"

/*
 * The journal's file below --state.dir. Root becomes the owner of the file's directory, for good: as
 * root it would leave files behind that the exporter cannot write, and could be led to files that the
 * exporter must not see. 0; -ENAMETOOLONG; -ELOOP when it is a link, -EPERM when it is root's where
 * others may write; or -errno, and ret_path is the file that is not there.
 */
int journal_tool_path(const char *state_dir, char ret_path[PATH_MAX]);

#endif
