// SPDX-License-Identifier: Apache-2.0
/* Any bytes either parse into settings that keep their bounds, or are refused in one printable line. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "web_config.h"
#include "web_tls.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_error(const struct config_error *error)
{
	if (!memchr(error->text, '\0', sizeof(error->text)) || !error->text[0])
		abort();
	for (const char *at = error->text; *at; at++)
		if (*at < ' ' || *at == 0x7f)
			abort();
}

static void check_settings(const struct web_settings *settings)
{
	char priority[WEB_TLS_PRIORITY_SIZE];
	uint32_t i;

	if (settings->user_count > WEB_USERS_MAX || settings->san_count > WEB_SANS_MAX ||
	    settings->cipher_count > WEB_CIPHERS || settings->curve_count > WEB_CURVES ||
	    settings->cert_size > WEB_PEM_SIZE || settings->key_size > WEB_PEM_SIZE ||
	    settings->ca_size > WEB_PEM_SIZE || settings->client_auth >= WEB_CLIENT_AUTHS ||
	    settings->max_version >= WEB_TLS_VERSIONS)
		abort();
	for (i = 0; i < settings->user_count; i++)
		if (strnlen(settings->users[i].name, WEB_USER_SIZE) == WEB_USER_SIZE ||
		    strnlen(settings->users[i].hash, WEB_HASH_SIZE) != 60)
			abort();
	web_tls_priority(settings, priority);
	if (strlen(priority) + 1 >= sizeof(priority))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct web_config config;
	struct config_error error;

	if (web_config_parse((const char *)data, size, "fuzz.yml", &config, &error))
		check_error(&error);
	else
		check_settings(&config.settings);
	return 0;
}
