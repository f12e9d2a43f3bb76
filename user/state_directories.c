// SPDX-License-Identifier: Apache-2.0
#include "state_directories.h"

#include <errno.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "instance.h"

static int make_parent(const char *path)
{
	char parent[PATH_MAX];
	char *slash;
	int code;

	snprintf(parent, sizeof(parent), "%s", path);
	slash = strrchr(parent, '/');
	if (!slash || slash == parent)
		return 0;
	*slash = '\0';
	code = instance_make_directory(parent, 0755);
	return code ? log_error(code,
				"cannot create '%s': %s; --events.socket and "
				"--events.stream-socket name other places",
				parent, strerror(-code))
		    : 0;
}

/* The state directory may have been made for root alone; its files have modes of their own. */
static int open_to_pass(const char *path)
{
	struct stat status;

	if (stat(path, &status))
		return -errno;
	if ((status.st_mode & 0011) == 0011)
		return 0;
	return chmod(path, (status.st_mode | 0011) & 07777) ? -errno : 0;
}

/* More groups than a daemon has. */
#define GROUPS_LIMIT 256

/*
 * Root without CAP_CHOWN still owns what it made, and an owner may give a file to a group that it is
 * in; CAP_SETGID, which the start of the exporter needs anyway, lets it be in any.
 */
static int share_with_group(const char *path, gid_t group)
{
	gid_t groups[GROUPS_LIMIT + 1];
	int count = getgroups(GROUPS_LIMIT, groups), code = 0;

	if (count < 0)
		return -errno;
	groups[count] = group;
	if (setgroups((size_t)count + 1, groups))
		return -errno;
	if (chown(path, (uid_t)-1, group) || chmod(path, 0770))
		code = -errno;
	if (setgroups((size_t)count, groups) && !code)
		code = -errno;
	return code;
}

static int own(const char *path, const char *user)
{
	struct stat status;

	const struct passwd *entry;

	if (geteuid() != 0)
		return 0; /* the exporter stays who it is */
	entry = getpwnam(user);
	if (!entry)
		return 0; /* the exporter says so, and does not start */
	if (!stat(path, &status) && status.st_uid == entry->pw_uid)
		return 0;
	if (!chmod(path, 0700) && !chown(path, entry->pw_uid, entry->pw_gid))
		return 0;
	return errno == EPERM ? share_with_group(path, entry->pw_gid) : -errno;
}

/* What lies above belongs to the operator: it is not changed, only named. */
static void say_closed_parents(const char *path, const char *user)
{
	char part[PATH_MAX];
	struct stat status;
	char *slash;

	if (geteuid() != 0)
		return;
	snprintf(part, sizeof(part), "%s", path);
	for (slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (!stat(part, &status) && !(status.st_mode & 0001))
			log_warning(0,
				    "user '%s' may not be able to pass '%s', and then has no "
				    "journal: 'chmod o+x %s', or another --state.dir",
				    user, part, part);
		*slash = '/';
	}
}

static int make_journal(const struct options *options)
{
	char path[OPTIONS_PATH_MAX + sizeof(STATE_JOURNAL) + 1];
	int code;

	snprintf(path, sizeof(path), "%s/" STATE_JOURNAL, options->state_dir);
	code = instance_make_directory(path, 0700);
	if (!code)
		code = own(path, options->user);
	if (!code)
		code = open_to_pass(options->state_dir);
	if (code)
		return log_error(code,
				 "cannot make '%s' the directory of user '%s': %s; there is no "
				 "journal without it",
				 path, options->user, strerror(-code));
	say_closed_parents(options->state_dir, options->user);
	return 0;
}

int state_directories_make(const struct options *options)
{
	int code = make_parent(options->events_socket);
	int stream_code = make_parent(options->events_stream_socket);
	int journal_code = make_journal(options);

	code = code ? code : stream_code;
	return code ? code : journal_code;
}
