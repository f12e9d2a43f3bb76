// SPDX-License-Identifier: Apache-2.0
/* The cipher suites that can be configured, as GnuTLS composes them. */
#ifndef EXPORTER_WEB_TLS_SUITES_H
#define EXPORTER_WEB_TLS_SUITES_H

#include <gnutls/gnutls.h>

#include "web_settings.h"

struct web_tls_suite {
	const char *key_exchange, *cipher; /* in a priority string */
	gnutls_kx_algorithm_t kx;
	gnutls_cipher_algorithm_t algorithm;
};

extern const struct web_tls_suite web_tls_suites[WEB_CIPHERS];

#endif
