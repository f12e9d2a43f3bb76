// SPDX-License-Identifier: Apache-2.0
#include "reporting_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <unistd.h>

#include "options.h"
#include "state_directories.h"
#include "state_file.h"

#define SECRET_MIN 16
/* More than any token or key has; a longer file is refused, not cut. */
#define FILE_MAX  1024
#define ZONE_ROOT "/usr/share/zoneinfo/"

static const struct config_mark nowhere = {0, 0};

/* The three files in the order of their marks. */
static const struct file_row {
	const char *key;
	size_t offset;
} rows[REPORTING_FILES] = {
	{"events.token_file", offsetof(struct config_reporting, token_file)},
	{"web.read_token_file", offsetof(struct config_reporting, read_token_file)},
	{"approvals.session_key_file", offsetof(struct config_reporting, session_key_file)},
};

static const char *path_of(const struct config_reporting *config, size_t row)
{
	return (const char *)config + rows[row].offset;
}

static size_t without_newlines(const char *text, size_t size)
{
	while (size > 0 && (text[size - 1] == '\n' || text[size - 1] == '\r'))
		size--;
	return size;
}

static int bad(const char **ret_why, const char *why)
{
	*ret_why = why;
	return -EINVAL;
}

int reporting_parse_token(const char *text, size_t size, char ret_token[REPORTING_TOKEN_SIZE],
			  const char **ret_why)
{
	size_t i;

	size = without_newlines(text, size);
	if (size == 0)
		return bad(ret_why, "it is empty");
	if (size < SECRET_MIN)
		return bad(ret_why, "a token of less than 16 bytes can be guessed");
	if (size >= REPORTING_TOKEN_SIZE)
		return bad(ret_why, "a token has at most 255 bytes");
	for (i = 0; i < size; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return bad(ret_why, "a token is one word of printable ASCII");
	memset(ret_token, 0, REPORTING_TOKEN_SIZE);
	memcpy(ret_token, text, size);
	return 0;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static bool decode_hex(const char *text, size_t size, uint8_t *key)
{
	size_t i;

	for (i = 0; i < size; i++)
		if (hex_digit(text[i]) < 0)
			return false;
	for (i = 0; i < size; i += 2)
		key[i / 2] = (uint8_t)(hex_digit(text[i]) << 4 | hex_digit(text[i + 1]));
	return true;
}

int reporting_parse_key(const char *text, size_t size, uint8_t ret_key[REPORTING_KEY_SIZE],
			const char **ret_why)
{
	uint8_t key[REPORTING_KEY_SIZE] = {0};

	size = without_newlines(text, size);
	if (size == 0)
		return bad(ret_why, "it is empty");
	if (size < SECRET_MIN)
		return bad(ret_why, "a key of less than 16 bytes can be guessed");
	if (size <= REPORTING_KEY_SIZE)
		memcpy(key, text, size);
	else if (size != (size_t)2 * REPORTING_KEY_SIZE || !decode_hex(text, size, key))
		return bad(ret_why,
			   "a key is 64 hexadecimal digits ('openssl rand -hex 32'), or 16 "
			   "to 32 other bytes");
	memcpy(ret_key, key, sizeof(key));
	return 0;
}

/* Bytes read, or -errno; -EFBIG above FILE_MAX. */
static ssize_t read_file(const char *path, char text[FILE_MAX + 1], struct stat *ret_mark)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	ssize_t size = fd < 0 || fstat(fd, ret_mark) ? -errno : 0;

	/* What may not be read is not tried again until it looks otherwise. */
	if (fd < 0 && stat(path, ret_mark))
		memset(ret_mark, 0, sizeof(*ret_mark));
	if (!size && !S_ISREG(ret_mark->st_mode))
		size = -EINVAL;
	if (!size) {
		size = read(fd, text, FILE_MAX + 1);
		size = size < 0 ? -errno : size > FILE_MAX ? -EFBIG : size;
	}
	if (fd >= 0)
		close(fd);
	return size;
}

static int read_secret(const struct config_report *report, const char *key, const char *path,
		       struct reporting_settings *settings, struct stat *ret_mark)
{
	char text[FILE_MAX + 1];
	const char *why = NULL;
	ssize_t size = read_file(path, text, ret_mark);
	int err;

	if (size < 0)
		return config_fail(report, nowhere, "cannot read %s '%s': %s", key, path,
				   size == -EINVAL ? "not a regular file" : strerror((int)-size));
	if (key == rows[0].key)
		err = reporting_parse_token(text, (size_t)size, settings->ingest_token, &why);
	else if (key == rows[1].key)
		err = reporting_parse_token(text, (size_t)size, settings->read_token, &why);
	else
		err = reporting_parse_key(text, (size_t)size, settings->session_key, &why);
	explicit_bzero(text, sizeof(text));
	return err ? config_fail(report, nowhere, "cannot use %s '%s': %s", key, path, why) : 0;
}

/* A key that was lost, or an empty file, would cost every label that was made with it. */
static int make_key(const struct config_report *report, const char *path)
{
	char text[2 * REPORTING_KEY_SIZE + 2] = "";
	uint8_t key[REPORTING_KEY_SIZE];
	size_t i;
	int err;

	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return config_fail(report, nowhere, "cannot make a key: %s", strerror(errno));
	for (i = 0; i < sizeof(key); i++)
		snprintf(text + 2 * i, 3, "%02x", key[i]);
	text[sizeof(text) - 2] = '\n';
	err = state_file_write(path, text, true);
	if (err)
		err = config_fail(report, nowhere, "cannot write the key '%s': %s", path,
				  strerror(-err));
	explicit_bzero(key, sizeof(key));
	explicit_bzero(text, sizeof(text));
	return err;
}

/* Made once and then kept: with another key the same session would get another label. */
static int own_key(const struct config_report *report, const char *state_dir,
		   struct reporting_settings *settings)
{
	char path[OPTIONS_PATH_MAX + sizeof(STATE_SESSION_KEY) + 1];
	struct stat mark;
	int err = 0;

	snprintf(path, sizeof(path), "%s/" STATE_SESSION_KEY, state_dir);
	if (access(path, F_OK) && errno == ENOENT)
		err = make_key(report, path);
	return err ? err : read_secret(report, "the key", path, settings, &mark);
}

static int check_zone(const struct config_report *report, const char *zone)
{
	char path[sizeof(ZONE_ROOT) + REPORTING_ZONE_SIZE];

	if (!*zone || !strcmp(zone, "UTC"))
		return 0;
	snprintf(path, sizeof(path), ZONE_ROOT "%s", zone);
	if (!access(path, R_OK))
		return 0;
	return config_fail(report, nowhere,
			   "no time_zone '%s' on this host ('%s': %s; 'timedatectl "
			   "list-timezones' names them, the package is tzdata)",
			   zone, path, strerror(errno));
}

int reporting_read(const struct config_report *report, const struct config_reporting *config,
		   const char *state_dir, struct reporting_settings *ret_settings,
		   struct reporting_files *ret_files)
{
	struct reporting_settings settings = config->settings;
	bool hashes = settings.session_label == SESSION_LABEL_HASHED || !settings.plain_actors;
	int err = check_zone(report, settings.time_zone), file_err;
	size_t i;

	memset(ret_files, 0, sizeof(*ret_files));
	/* All of them, also after an error: what could not be used is looked at again when it changes. */
	for (i = 0; i < REPORTING_FILES; i++) {
		if (!*path_of(config, i))
			continue;
		ret_files->count++;
		file_err = read_secret(report, rows[i].key, path_of(config, i), &settings,
				       &ret_files->marks[i]);
		err = err ? err : file_err;
	}
	if (!err && hashes && !*config->session_key_file && state_dir)
		err = own_key(report, state_dir, &settings);
	if (!err)
		*ret_settings = settings;
	explicit_bzero(&settings, sizeof(settings));
	return err;
}

static bool same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec &&
	       a->st_ctim.tv_sec == b->st_ctim.tv_sec && a->st_ctim.tv_nsec == b->st_ctim.tv_nsec;
}

bool reporting_files_changed(const struct config_reporting *config,
			     const struct reporting_files *files)
{
	struct stat now;
	size_t i;

	for (i = 0; i < REPORTING_FILES; i++) {
		if (!*path_of(config, i))
			continue;
		memset(&now, 0, sizeof(now));
		if (stat(path_of(config, i), &now))
			memset(&now, 0, sizeof(now)); /* gone looks like never read */
		if (!same_file(&now, &files->marks[i]))
			return true;
	}
	return false;
}
