// SPDX-License-Identifier: Apache-2.0
#include "journal_tool.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"

int journal_tool_path(const char *state_dir, char ret_path[PATH_MAX])
{
	struct stat file;

	if (snprintf(ret_path, PATH_MAX, "%s/journal/%s", state_dir, JOURNAL_FILE) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (stat(ret_path, &file))
		return -errno;
	if (geteuid() != 0 || file.st_uid == 0)
		return 0;
	if (setgroups(0, NULL) || setresgid(file.st_gid, file.st_gid, file.st_gid) ||
	    setresuid(file.st_uid, file.st_uid, file.st_uid))
		return -errno;
	return 0;
}
