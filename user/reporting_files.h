// SPDX-License-Identifier: Apache-2.0
/*
 * The files that the configuration names beside itself: tokens and the key. The exporter has no right
 * to read them; it gets what they hold.
 *
 *	reporting_read(&report, &config.reporting, state_dir, &settings, &files);
 *	… every two seconds, if files.count:
 *	if (reporting_files_changed(&config.reporting, &files)) reporting_read(…) again
 */
#ifndef OPERAGLASS_REPORTING_FILES_H
#define OPERAGLASS_REPORTING_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "config.h"
#include "config_reader.h"
#include "reporting.h"

/* token_file, read_token_file, session_key_file */
#define REPORTING_FILES 3

/* How the files looked when they were read. */
struct reporting_files {
	unsigned int count; /* that are configured: 0 needs no looking */
	struct stat marks[REPORTING_FILES];
};

/*
 * The settings with tokens and key filled in. Where a key is needed and none is configured, the one in
 * state_dir is taken, and made (0600) when there is none; state_dir NULL: neither. ret_files is
 * written in any case. 0, or -EINVAL after the error was written to the report.
 */
int reporting_read(const struct config_report *report, const struct config_reporting *config,
		   const char *state_dir, struct reporting_settings *ret_settings,
		   struct reporting_files *ret_files);

/* Whether a file is another one, or looks otherwise, than when it was read. */
bool reporting_files_changed(const struct config_reporting *config,
			     const struct reporting_files *files);

/*
 * What a file may hold; pure. A token: 16 to 255 printable characters without blanks. A key: 64
 * hexadecimal digits, or 16 to 32 other bytes, which are used as they are. Newlines at the end do not
 * count. 0, or -EINVAL with *ret_why a few static words.
 */
int reporting_parse_token(const char *text, size_t size, char ret_token[REPORTING_TOKEN_SIZE],
			  const char **ret_why);
int reporting_parse_key(const char *text, size_t size, uint8_t ret_key[REPORTING_KEY_SIZE],
			const char **ret_why);

#endif
