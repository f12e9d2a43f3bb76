// SPDX-License-Identifier: Apache-2.0
#include "journal_tool.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "journal.h"

/*
 * The directory is its owner's, who may put there what they like: a link to another file, or a file
 * that was another user's. So it is not the file that says whom root becomes; only where the
 * directory is root's and shared (CAP_CHOWN was missing) it does, and then no file of root's counts.
 */
static int choose_owner(const char *directory, const struct stat *file, struct stat *ret_owner)
{
	struct stat status;

	if (stat(directory, &status))
		return -errno;
	if (status.st_uid == 0 && (status.st_mode & 0022) && file->st_uid == 0)
		return -EPERM;
	*ret_owner = status.st_uid ? status : *file;
	return 0;
}

int journal_tool_path(const char *state_dir, char ret_path[PATH_MAX])
{
	char directory[PATH_MAX];
	struct stat file, owner = {};
	int err;

	if (snprintf(directory, PATH_MAX, "%s/journal", state_dir) >= PATH_MAX ||
	    snprintf(ret_path, PATH_MAX, "%s/journal/%s", state_dir, JOURNAL_FILE) >= PATH_MAX)
		return -ENAMETOOLONG;
	if (lstat(ret_path, &file))
		return -errno;
	if (!S_ISREG(file.st_mode) || file.st_nlink != 1)
		return -ELOOP;
	if (geteuid() != 0)
		return 0;
	err = choose_owner(directory, &file, &owner);
	if (err || owner.st_uid == 0)
		return err;
	if (setgroups(0, NULL) || setresgid(owner.st_gid, owner.st_gid, owner.st_gid) ||
	    setresuid(owner.st_uid, owner.st_uid, owner.st_uid))
		return -errno;
	return 0;
}
