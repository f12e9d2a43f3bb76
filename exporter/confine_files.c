// SPDX-License-Identifier: Apache-2.0
/* Raw system calls: the C library has no wrappers. */
#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "confine.h"
#include "log.h"

/* The rights of the first version: what is handled is denied unless a rule gives it. */
#define EVERY_RIGHT ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)
#define READ_FILES  LANDLOCK_ACCESS_FS_READ_FILE
#define READ_TREE   (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define WRITE_TREE                                                                    \
	(READ_TREE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | \
	 LANDLOCK_ACCESS_FS_MAKE_REG)

static const struct file_rule {
	const char *path;
	uint64_t rights;
} read_rules[] = {
	{"/usr/share/zoneinfo", READ_TREE},
	{"/etc/localtime", READ_FILES},
	{"/dev/urandom", READ_FILES}, /* SQLite asks it, and does with less without it */
};

/* A path that is not there needs no rule. */
static int allow(int ruleset, const char *path, uint64_t rights)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = rights};
	int err = 0;

	rule.parent_fd = open(path, O_PATH | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return errno == ENOENT || errno == EACCES ? 0 : -errno;
	if (syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0))
		err = -errno;
	close(rule.parent_fd);
	return err;
}

int confine_files(const char *journal_directory)
{
	const struct landlock_ruleset_attr handled = {.handled_access_fs = EVERY_RIGHT};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &handled, sizeof(handled), 0);
	int err = 0;
	size_t i;

	if (ruleset < 0 && (errno == ENOSYS || errno == EOPNOTSUPP))
		return 0;
	if (ruleset < 0)
		err = -errno;
	for (i = 0; i < sizeof(read_rules) / sizeof(*read_rules) && !err; i++)
		err = allow(ruleset, read_rules[i].path, read_rules[i].rights);
	if (!err && journal_directory)
		err = allow(ruleset, journal_directory, WRITE_TREE);
	if (!err && syscall(SYS_landlock_restrict_self, ruleset, 0))
		err = -errno;
	if (ruleset >= 0)
		close(ruleset);
	return err ? log_error(err, "cannot restrict the files: %s", strerror(-err)) : 0;
}
