// SPDX-License-Identifier: Apache-2.0
/*
 * The file of --web.config.file, in the format of Prometheus' exporter-toolkit: what passes here
 * passes `promtool check web-config` (rate_limit from the version on that knows it).
 *
 * Parsing is pure. The certificates that the file names are read beside it; relative paths are
 * relative to its directory. Errors are one line, `FILE:LINE:COLUMN: what is wrong (allowed: …)`.
 */
#ifndef OPERAGLASS_WEB_CONFIG_H
#define OPERAGLASS_WEB_CONFIG_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "config.h"
#include "config_reader.h"
#include "web_settings.h"

enum web_pem {
	WEB_PEM_CERT,
	WEB_PEM_KEY,
	WEB_PEM_CA,
	WEB_PEMS
};

/* What the file says. */
struct web_config {
	struct web_settings settings;	/* with those PEM blocks that stand in the file itself */
	char paths[WEB_PEMS][PATH_MAX]; /* of those that do not; "": none */
	struct config_mark marks[WEB_PEMS], auth_mark, sans_mark, max_mark, tls_mark;
};

/* The files that were read, and how they looked: the configuration and what it names. */
struct web_config_files {
	unsigned count;
	char paths[WEB_PEMS + 1][PATH_MAX];
	struct stat marks[WEB_PEMS + 1];
};

/* 0, -EINVAL or -ENOMEM; ret_error is written on failure only, ret_config on success only. */
int web_config_parse(const char *text, size_t size, const char *file_name,
		     struct web_config *ret_config, struct config_error *ret_error);

/*
 * Reads everything. ret_files is written in any case, so that what could not be used is read again
 * when it changes.
 */
int web_config_load(const char *path, struct web_settings *ret_settings,
		    struct web_config_files *ret_files, struct config_error *ret_error);
bool web_config_changed(const struct web_config_files *files);

#endif
