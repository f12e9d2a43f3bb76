// SPDX-License-Identifier: Apache-2.0
#include "web_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* 64 users with long names take 13 KiB; the rest may be certificates in the file itself. */
#define FILE_MAX 262144

static const struct config_mark nowhere = {0, 0};

/* Bytes read, or -errno; -EFBIG above size. Notes how the file looked. */
static ssize_t read_file(const char *path, char *bytes, size_t size, struct stat *ret_mark)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	size_t used = 0;
	ssize_t got = fd < 0 ? -errno : 0;
	char beyond;

	memset(ret_mark, 0, sizeof(*ret_mark));
	if (fd < 0) {
		/* What may not be read is not tried again until it looks otherwise. */
		if (stat(path, ret_mark))
			memset(ret_mark, 0, sizeof(*ret_mark));
		return got;
	}
	if (fstat(fd, ret_mark))
		got = -errno;
	else if (!S_ISREG(ret_mark->st_mode))
		got = -EINVAL;
	while (!got && used < size) {
		ssize_t more = read(fd, bytes + used, size - used);

		if (more < 0)
			got = -errno;
		if (more <= 0)
			break;
		used += (size_t)more;
	}
	if (!got && used == size && read(fd, &beyond, 1) > 0)
		got = -EFBIG;
	close(fd);
	return got < 0 ? got : (ssize_t)used;
}

/* `path`, relative to the directory of `file`; false when it is too long. */
static bool resolve(const char *file, const char *path, char ret_path[PATH_MAX])
{
	const char *slash = strrchr(file, '/');
	int size;

	if (path[0] == '/' || !slash)
		size = snprintf(ret_path, PATH_MAX, "%s", path);
	else
		size = snprintf(ret_path, PATH_MAX, "%.*s/%s", (int)(slash - file), file, path);
	return size < PATH_MAX;
}

static const char *explain(ssize_t err)
{
	return err == -EINVAL  ? "not a regular file"
	       : err == -EFBIG ? "too large"
			       : strerror((int)-err);
}

static int read_pem(const struct config_report *report, const struct web_config *config,
		    enum web_pem pem, const char *path, struct web_settings *settings,
		    struct stat *ret_mark)
{
	static const char *const names[WEB_PEMS] = {"cert_file", "key_file", "client_ca_file"};
	uint32_t *const sizes[WEB_PEMS] = {&settings->cert_size, &settings->key_size,
					   &settings->ca_size};
	char *const blocks[WEB_PEMS] = {settings->cert, settings->key, settings->ca};
	ssize_t size = read_file(path, blocks[pem], WEB_PEM_SIZE, ret_mark);

	if (size < 0)
		return config_fail(report, config->marks[pem],
				   "cannot read %s '%s': %s (allowed: a PEM file of up to 64 KiB)",
				   names[pem], path, explain(size));
	if (!memmem(blocks[pem], (size_t)size, "-----BEGIN ", 11))
		return config_fail(report, config->marks[pem],
				   "%s '%s' is no PEM file: it has no '-----BEGIN'", names[pem],
				   path);
	*sizes[pem] = (uint32_t)size;
	return 0;
}

static int read_pems(const struct config_report *report, const struct web_config *config,
		     struct web_settings *settings, struct web_config_files *files)
{
	int err = 0, pem_err;
	char *path;
	int i;

	/* All of them, also after an error: each is looked at again when it changes. */
	for (i = 0; i < WEB_PEMS; i++) {
		if (!*config->paths[i])
			continue;
		path = files->paths[files->count];
		if (resolve(report->file_name, config->paths[i], path))
			pem_err = read_pem(report, config, (enum web_pem)i, path, settings,
					   &files->marks[files->count++]);
		else
			pem_err = config_fail(report, config->marks[i], "a path that is too long");
		err = err ? err : pem_err;
	}
	return err;
}

int web_config_load(const char *path, struct web_settings *ret_settings,
		    struct web_config_files *ret_files, struct config_error *ret_error)
{
	const struct config_report report = {.file_name = path, .error = ret_error};
	struct web_config *config = malloc(sizeof(*config));
	char *text = malloc(FILE_MAX);
	ssize_t size;
	int err;

	memset(ret_files, 0, sizeof(*ret_files));
	if (!config || !text) {
		err = config_fail(&report, nowhere, "out of memory");
		goto out;
	}
	snprintf(ret_files->paths[0], PATH_MAX, "%s", path);
	size = read_file(path, text, FILE_MAX, &ret_files->marks[ret_files->count++]);
	if (size < 0) {
		err = config_fail(&report, nowhere,
				  "cannot read the web configuration: %s (allowed: "
				  "a file of up to 256 KiB)",
				  explain(size));
		goto out;
	}
	err = web_config_parse(text, (size_t)size, path, config, ret_error);
	if (!err)
		err = read_pems(&report, config, &config->settings, ret_files);
	if (!err)
		*ret_settings = config->settings;
	explicit_bzero(config, sizeof(*config));
out:
	/* It may hold a key. */
	if (text)
		explicit_bzero(text, FILE_MAX);
	free(text);
	free(config);
	return err;
}

bool web_config_changed(const struct web_config_files *files)
{
	const struct stat *then;
	struct stat now;
	unsigned i;

	for (i = 0; i < files->count; i++) {
		then = &files->marks[i];
		if (stat(files->paths[i], &now))
			memset(&now, 0, sizeof(now)); /* gone looks like never read */
		if (now.st_dev != then->st_dev || now.st_ino != then->st_ino ||
		    now.st_size != then->st_size || now.st_mtim.tv_sec != then->st_mtim.tv_sec ||
		    now.st_mtim.tv_nsec != then->st_mtim.tv_nsec ||
		    now.st_ctim.tv_sec != then->st_ctim.tv_sec ||
		    now.st_ctim.tv_nsec != then->st_ctim.tv_nsec)
			return true;
	}
	return false;
}
