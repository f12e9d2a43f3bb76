// SPDX-License-Identifier: Apache-2.0
/*
 * TLS of the web addresses.
 *
 * GnuTLS and what it needs cost 2.5 MiB of resident memory, so they are loaded only where TLS is
 * configured: web_tls_load(), before the process is confined. The HTTP library is linked with the
 * forwarders of web_tls_calls.c in place of GnuTLS; they put each new session under the newest
 * settings, so that a changed certificate holds for the next connection, without a restart. A
 * session keeps the settings that it began with.
 */
#ifndef EXPORTER_WEB_TLS_H
#define EXPORTER_WEB_TLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <gnutls/gnutls.h>

#include "web_settings.h"

#define WEB_TLS_PRIORITY_SIZE 1024

/* 0 or -errno (logged). */
int web_tls_load(void);

/*
 * What new sessions get from now on; the old settings stay in force on failure. 0, or -EINVAL with
 * one line in ret_problem.
 */
int web_tls_configure(const struct web_settings *settings, char *ret_problem, size_t size);
/* After the last session. */
void web_tls_release(void);

/* Clients that were refused for their certificate, since the start. */
uint64_t web_tls_refused(void);

/* Pure: the settings in GnuTLS' words. */
void web_tls_priority(const struct web_settings *settings, char ret_text[WEB_TLS_PRIORITY_SIZE]);

/*
 * For the forwarders of web_tls_calls.c.
 */

/* Puts a new session under the newest settings; a GnuTLS status. */
int web_tls_begin(gnutls_session_t session);
int web_tls_set_credentials(gnutls_session_t session, gnutls_certificate_credentials_t credentials);
gnutls_priority_t web_tls_newest_priority(void);
/* What a handshake came to: it fails, too, where the suite is not one that is configured. */
int web_tls_check(gnutls_session_t session, int status);
/* To be asked before a session ends, and said after it. */
void *web_tls_settings_of(gnutls_session_t session);
void web_tls_end(void *settings);

#endif
