// SPDX-License-Identifier: Apache-2.0
/* The observer's part in --web.config.file: read at start and again whenever a file changed. */
#ifndef OPERAGLASS_WEB_FOLLOW_H
#define OPERAGLASS_WEB_FOLLOW_H

#include <stdbool.h>

#include "web_config.h"

struct web_follow {
	const char *path; /* NULL: none is configured, and nothing below does anything */
	struct web_settings settings;
	struct web_config_files files;
};

/* 0, or -errno (logged). */
int web_follow_start(struct web_follow *follow, const char *path);
/* True when there are new settings; what cannot be used changes nothing and is said once. */
bool web_follow_look(struct web_follow *follow);
/* Hands them over; failure is logged, and an exporter without them does not serve. */
void web_follow_send(const struct web_follow *follow, int socket);

#endif
