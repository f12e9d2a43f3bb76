// SPDX-License-Identifier: Apache-2.0
#include "web_tls.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "web_tls_suites.h"

/* clang-format off */
const struct web_tls_suite web_tls_suites[WEB_CIPHERS] = {
	[WEB_RSA_AES_128_CBC_SHA] = {"RSA", "AES-128-CBC", GNUTLS_KX_RSA, GNUTLS_CIPHER_AES_128_CBC},
	[WEB_RSA_AES_256_CBC_SHA] = {"RSA", "AES-256-CBC", GNUTLS_KX_RSA, GNUTLS_CIPHER_AES_256_CBC},
	[WEB_RSA_AES_128_GCM_SHA256] = {"RSA", "AES-128-GCM", GNUTLS_KX_RSA, GNUTLS_CIPHER_AES_128_GCM},
	[WEB_RSA_AES_256_GCM_SHA384] = {"RSA", "AES-256-GCM", GNUTLS_KX_RSA, GNUTLS_CIPHER_AES_256_GCM},
	[WEB_ECDHE_ECDSA_AES_128_CBC_SHA] = {"ECDHE-ECDSA", "AES-128-CBC", GNUTLS_KX_ECDHE_ECDSA, GNUTLS_CIPHER_AES_128_CBC},
	[WEB_ECDHE_ECDSA_AES_256_CBC_SHA] = {"ECDHE-ECDSA", "AES-256-CBC", GNUTLS_KX_ECDHE_ECDSA, GNUTLS_CIPHER_AES_256_CBC},
	[WEB_ECDHE_RSA_AES_128_CBC_SHA] = {"ECDHE-RSA", "AES-128-CBC", GNUTLS_KX_ECDHE_RSA, GNUTLS_CIPHER_AES_128_CBC},
	[WEB_ECDHE_RSA_AES_256_CBC_SHA] = {"ECDHE-RSA", "AES-256-CBC", GNUTLS_KX_ECDHE_RSA, GNUTLS_CIPHER_AES_256_CBC},
	[WEB_ECDHE_ECDSA_AES_128_GCM_SHA256] = {"ECDHE-ECDSA", "AES-128-GCM", GNUTLS_KX_ECDHE_ECDSA, GNUTLS_CIPHER_AES_128_GCM},
	[WEB_ECDHE_ECDSA_AES_256_GCM_SHA384] = {"ECDHE-ECDSA", "AES-256-GCM", GNUTLS_KX_ECDHE_ECDSA, GNUTLS_CIPHER_AES_256_GCM},
	[WEB_ECDHE_RSA_AES_128_GCM_SHA256] = {"ECDHE-RSA", "AES-128-GCM", GNUTLS_KX_ECDHE_RSA, GNUTLS_CIPHER_AES_128_GCM},
	[WEB_ECDHE_RSA_AES_256_GCM_SHA384] = {"ECDHE-RSA", "AES-256-GCM", GNUTLS_KX_ECDHE_RSA, GNUTLS_CIPHER_AES_256_GCM},
	[WEB_ECDHE_RSA_CHACHA20_POLY1305] = {"ECDHE-RSA", "CHACHA20-POLY1305", GNUTLS_KX_ECDHE_RSA, GNUTLS_CIPHER_CHACHA20_POLY1305},
	[WEB_ECDHE_ECDSA_CHACHA20_POLY1305] = {"ECDHE-ECDSA", "CHACHA20-POLY1305", GNUTLS_KX_ECDHE_ECDSA, GNUTLS_CIPHER_CHACHA20_POLY1305},
};
/* clang-format on */

static const char *const version_names[WEB_TLS_VERSIONS] = {"TLS1.0", "TLS1.1", "TLS1.2", "TLS1.3"};
static const char *const curve_names[WEB_CURVES] = {
	[WEB_CURVE_P256] = "SECP256R1",
	[WEB_CURVE_P384] = "SECP384R1",
	[WEB_CURVE_P521] = "SECP521R1",
	[WEB_CURVE_X25519] = "X25519",
};

/* Appends; the longest text takes three quarters of the room (test_web_config.c). */
static void add(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void add(char *text, const char *format, ...)
{
	size_t used = strlen(text);
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(text + used, WEB_TLS_PRIORITY_SIZE - used, format, arguments);
	va_end(arguments);
}

static void add_ciphers(const struct web_settings *settings, char *text)
{
	/* Those of TLS 1.3 stay: the list is about the versions before it. */
	static const char *const always = ":+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305";
	uint32_t i;

	add(text, ":-KX-ALL");
	for (i = 0; i < settings->cipher_count; i++)
		add(text, ":+%s", web_tls_suites[settings->ciphers[i]].key_exchange);
	add(text, ":-CIPHER-ALL");
	for (i = 0; i < settings->cipher_count; i++)
		add(text, ":+%s", web_tls_suites[settings->ciphers[i]].cipher);
	add(text, "%s:-MAC-ALL:+AEAD:+SHA1", settings->max_version == WEB_TLS13 ? always : "");
}

void web_tls_priority(const struct web_settings *settings, char ret_text[WEB_TLS_PRIORITY_SIZE])
{
	uint32_t i;

	strcpy(ret_text, "NORMAL:-VERS-ALL");
	for (i = settings->max_version + 1; i-- > settings->min_version;)
		add(ret_text, ":+VERS-%s", version_names[i]);
	if (settings->cipher_count)
		add_ciphers(settings, ret_text);
	else /* a key that is stolen later opens nothing */
		add(ret_text, ":-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA");
	if (settings->curve_count)
		add(ret_text, ":-GROUP-ALL");
	for (i = 0; i < settings->curve_count; i++)
		add(ret_text, ":+GROUP-%s", curve_names[settings->curves[i]]);
	if (settings->server_order)
		add(ret_text, ":%%SERVER_PRECEDENCE");
}
