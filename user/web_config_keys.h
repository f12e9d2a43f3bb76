// SPDX-License-Identifier: Apache-2.0
/* Between the parts of the parser of the web configuration. */
#ifndef OPERAGLASS_WEB_CONFIG_KEYS_H
#define OPERAGLASS_WEB_CONFIG_KEYS_H

#include "web_config.h"

#define WEB_SETTING(name) offsetof(struct web_config, settings.name)

/* What a value may be: an index into a table of names. */
struct web_names {
	const char *const *list;
	size_t count;
};

/* Reads one of the names. */
int web_config_name(struct config_reader *reader, const struct config_key *key,
		    struct web_names names, uint32_t *ret_index);
/* A text of up to key->max bytes without control characters, into an array of one more. */
config_parse_fn web_config_text;

/* The value of tls_server_config, and the rules between its keys. */
config_parse_fn web_config_tls;
int web_config_check_tls(const struct config_report *report, const struct web_config *config);

#endif
