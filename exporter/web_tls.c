// SPDX-License-Identifier: Apache-2.0
#include "web_tls.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <gnutls/x509.h>

#include "web_tls_suites.h"

/* Names of one certificate that are looked at. */
#define NAMES_MAX 64

/* One version of the settings; it lives as long as it is the newest or a session is under it. */
struct tls {
	struct tls *next;
	gnutls_certificate_credentials_t credentials;
	gnutls_priority_t priority;
	unsigned sessions;
	uint32_t client_auth; /* enum web_client_auth */
	uint32_t cipher_count, san_count;
	uint8_t ciphers[WEB_CIPHERS_MAX];
	char sans[WEB_SANS_MAX][WEB_SAN_SIZE];
};

static struct tls *newest, *all;
static uint64_t refused;

static const gnutls_certificate_request_t requests[WEB_CLIENT_AUTHS] = {
	[WEB_CLIENT_NONE] = GNUTLS_CERT_IGNORE,
	[WEB_CLIENT_REQUEST] = GNUTLS_CERT_REQUEST,
	[WEB_CLIENT_REQUIRE] = GNUTLS_CERT_REQUIRE,
	[WEB_CLIENT_VERIFY] = GNUTLS_CERT_REQUEST,
	[WEB_CLIENT_REQUIRE_AND_VERIFY] = GNUTLS_CERT_REQUIRE,
};

static void tls_free(struct tls *tls)
{
	struct tls **link = &all;

	while (*link && *link != tls)
		link = &(*link)->next;
	if (*link)
		*link = tls->next;
	if (tls->priority)
		gnutls_priority_deinit(tls->priority);
	if (tls->credentials)
		gnutls_certificate_free_credentials(tls->credentials);
	free(tls);
}

static struct tls *tls_of(gnutls_session_t session)
{
	void *credentials = NULL;
	struct tls *tls;

	if (gnutls_credentials_get(session, GNUTLS_CRD_CERTIFICATE, &credentials))
		return NULL;
	for (tls = all; tls && tls->credentials != credentials; tls = tls->next)
		;
	return tls;
}

static bool is_listed(const struct tls *tls, const char *name, size_t size)
{
	uint32_t i;

	for (i = 0; i < tls->san_count; i++)
		if (strlen(tls->sans[i]) == size && !memcmp(tls->sans[i], name, size))
			return true;
	return false;
}

/* An alternative name of the certificate as it is written; other kinds do not count. */
static bool name_is_listed(const struct tls *tls, unsigned kind, const char *name, size_t size)
{
	char address[INET6_ADDRSTRLEN];

	if (kind == GNUTLS_SAN_IPADDRESS) {
		if ((size != 4 && size != 16) ||
		    !inet_ntop(size == 4 ? AF_INET : AF_INET6, name, address, sizeof(address)))
			return false;
		return is_listed(tls, address, strlen(address));
	}
	return (kind == GNUTLS_SAN_DNSNAME || kind == GNUTLS_SAN_RFC822NAME ||
		kind == GNUTLS_SAN_URI) &&
	       is_listed(tls, name, size);
}

static bool has_listed_name(const struct tls *tls, const gnutls_datum_t *der)
{
	gnutls_x509_crt_t certificate;
	char name[WEB_SAN_SIZE];
	bool found = false;
	unsigned i, kind;
	size_t size;
	int status;

	if (gnutls_x509_crt_init(&certificate))
		return false;
	status = gnutls_x509_crt_import(certificate, der, GNUTLS_X509_FMT_DER);
	for (i = 0; status >= 0 && i < NAMES_MAX && !found; i++) {
		size = sizeof(name);
		status = gnutls_x509_crt_get_subject_alt_name2(certificate, i, name, &size, &kind,
							       NULL);
		if (status == GNUTLS_E_SHORT_MEMORY_BUFFER)
			status = 0; /* longer than any that is listed */
		else if (status >= 0)
			found = name_is_listed(tls, kind, name, size);
	}
	gnutls_x509_crt_deinit(certificate);
	return found;
}

/* In the handshake, when the client's certificates are there: not 0 ends it with an alert. */
static int verify_peer(gnutls_session_t session)
{
	gnutls_typed_vdata_st purpose = {
		.type = GNUTLS_DT_KEY_PURPOSE_OID,
		.data = (unsigned char *)(uintptr_t)GNUTLS_KP_TLS_WWW_CLIENT,
	};
	const struct tls *tls = tls_of(session);
	const gnutls_datum_t *certificates;
	unsigned count = 0, status = 0;
	bool verifies, good = true;

	if (!tls)
		return -1;
	verifies = tls->client_auth == WEB_CLIENT_VERIFY ||
		   tls->client_auth == WEB_CLIENT_REQUIRE_AND_VERIFY;
	certificates = gnutls_certificate_get_peers(session, &count);
	if (!certificates || !count)
		good = requests[tls->client_auth] != GNUTLS_CERT_REQUIRE;
	else if (verifies &&
		 (gnutls_certificate_verify_peers(session, &purpose, 1, &status) || status))
		good = false;
	else if (tls->san_count)
		good = has_listed_name(tls, &certificates[0]);
	return good ? 0 : -1;
}

static int fail(const char *what, int status, char *ret_problem, size_t size)
{
	snprintf(ret_problem, size, "%s: %s", what, gnutls_strerror(status));
	return -EINVAL;
}

static gnutls_datum_t datum(const char *bytes, uint32_t size)
{
	return (gnutls_datum_t){(unsigned char *)(uintptr_t)bytes, size};
}

static int read_certificates(struct tls *tls, const struct web_settings *settings,
			     char *ret_problem, size_t size)
{
	const gnutls_datum_t cert = datum(settings->cert, settings->cert_size),
			     key = datum(settings->key, settings->key_size),
			     ca = datum(settings->ca, settings->ca_size);
	int status = gnutls_certificate_allocate_credentials(&tls->credentials);

	if (status)
		return fail("cannot use TLS", status, ret_problem, size);
	status = gnutls_certificate_set_x509_key_mem2(tls->credentials, &cert, &key,
						      GNUTLS_X509_FMT_PEM, NULL, 0);
	if (status < 0)
		return fail("tls_server_config: cert_file and key_file", status, ret_problem, size);
	if (ca.size) {
		status = gnutls_certificate_set_x509_trust_mem(tls->credentials, &ca,
							       GNUTLS_X509_FMT_PEM);
		if (status < 0)
			return fail("tls_server_config: client_ca_file", status, ret_problem, size);
	}
	gnutls_certificate_set_verify_function(tls->credentials, verify_peer);
	return 0;
}

int web_tls_configure(const struct web_settings *settings, char *ret_problem, size_t size)
{
	struct tls *tls = calloc(1, sizeof(*tls)), *previous = newest;
	char priority[WEB_TLS_PRIORITY_SIZE];
	int err, status;

	if (!tls) {
		snprintf(ret_problem, size, "out of memory");
		return -EINVAL;
	}
	tls->client_auth = settings->client_auth;
	tls->cipher_count = settings->cipher_count;
	tls->san_count = settings->san_count;
	memcpy(tls->ciphers, settings->ciphers, sizeof(tls->ciphers));
	memcpy(tls->sans, settings->sans, sizeof(tls->sans));
	err = read_certificates(tls, settings, ret_problem, size);
	if (!err) {
		web_tls_priority(settings, priority);
		status = gnutls_priority_init(&tls->priority, priority, NULL);
		if (status)
			err = fail("tls_server_config: versions, ciphers and curves", status,
				   ret_problem, size);
	}
	if (err) {
		tls_free(tls);
		return err;
	}
	tls->next = all;
	all = newest = tls;
	if (previous && !previous->sessions)
		tls_free(previous);
	return 0;
}

void web_tls_release(void)
{
	newest = NULL;
	while (all)
		tls_free(all);
}

uint64_t web_tls_refused(void)
{
	return refused;
}

gnutls_priority_t web_tls_newest_priority(void)
{
	return newest->priority;
}

int web_tls_begin(gnutls_session_t session)
{
	gnutls_certificate_server_set_request(session, requests[newest->client_auth]);
	newest->sessions++;
	return web_tls_set_credentials(session, newest->credentials);
}

int web_tls_check(gnutls_session_t session, int status)
{
	const struct tls *tls = tls_of(session);
	const struct web_tls_suite *suite;
	uint32_t i;

	if (status == GNUTLS_E_CERTIFICATE_ERROR || status == GNUTLS_E_CERTIFICATE_REQUIRED ||
	    status == GNUTLS_E_NO_CERTIFICATE_FOUND)
		refused++;
	if (status || !tls || !tls->cipher_count ||
	    gnutls_protocol_get_version(session) == GNUTLS_TLS1_3)
		return status;
	/* A priority string mixes what was configured as pairs. */
	for (i = 0; i < tls->cipher_count; i++) {
		suite = &web_tls_suites[tls->ciphers[i]];
		if (suite->kx == gnutls_kx_get(session) &&
		    suite->algorithm == gnutls_cipher_get(session))
			return 0;
	}
	return GNUTLS_E_NO_CIPHER_SUITES;
}

void *web_tls_settings_of(gnutls_session_t session)
{
	return tls_of(session);
}

void web_tls_end(void *settings)
{
	struct tls *tls = settings;

	if (tls && !--tls->sessions && tls != newest)
		tls_free(tls);
}
