// SPDX-License-Identifier: Apache-2.0
/* How an error of a configuration file reads: where, about what, and the text from the file in it. */
#ifndef OPERAGLASS_CONFIG_REPORT_H
#define OPERAGLASS_CONFIG_REPORT_H

#include "config.h"

/* Where in the file; line 0 is "not in the file": a default. Both are 1-based. */
struct config_mark {
	unsigned int line;
	unsigned int column;
};

/* Where errors go, and the name of the file they are about. */
struct config_report {
	const char *file_name;
	struct config_error *error;
};

/* What an error calls the mapping that it is about: "upstream 'telegram'", "upstream 3". */
struct config_scope {
	const char *noun;
	const char *name;    /* "" or NULL: not known (yet) */
	unsigned int number; /* 1-based; 0: the only one of its kind */
};

struct config_text {
	char text[128];
};

/* Text from a file as it may be put in an error: printable, one line, shortened. */
struct config_text config_quote(const char *text);
struct config_text config_scope_text(const struct config_scope *scope);

/* Writes "FILE:LINE:COLUMN: ..." and returns -EINVAL. */
int config_fail(const struct config_report *report, struct config_mark mark, const char *format,
		...) __attribute__((format(printf, 3, 4)));

#endif
