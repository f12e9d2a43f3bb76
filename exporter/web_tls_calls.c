// SPDX-License-Identifier: Apache-2.0
/*
 * GnuTLS, resolved at the first call of each function.
 *
 * The archive of the HTTP library refers to GnuTLS and finds these definitions. Without TLS nothing
 * is loaded, and of all of them gnutls_global_init() alone is called. A version of the library that
 * needs another function fails to link: add a row.
 */
#include "web_tls.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>

#include <gnutls/abstract.h>

#include "log.h"
#include "web_clients.h"

#define LIBRARY "libgnutls.so.30"

static void *library;

int web_tls_load(void)
{
	if (!library)
		library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
	if (!library)
		return log_error(-ENOENT,
				 "cannot load %s: %s; install GnuTLS, or serve without TLS",
				 LIBRARY, dlerror());
	return 0;
}

/* Nothing calls before it is loaded, and no supported version lacks one of the functions. */
static void *symbol(const char *name)
{
	void *address = library ? dlsym(library, name) : NULL;

	if (!address) {
		log_error(0, "%s has no %s", LIBRARY, name);
		abort();
	}
	return address;
}

#define RESOLVE(type, name, parameters) \
	static type(*real) parameters;  \
                                        \
	if (!real)                      \
	*(void **)&real = symbol(#name)

#define FORWARD(type, name, parameters, arguments) \
	type name parameters                       \
	{                                          \
		RESOLVE(type, name, parameters);   \
		return real arguments;             \
	}

typedef gnutls_session_t session_t;
typedef gnutls_certificate_credentials_t credentials_t;
typedef gnutls_datum_t datum_t;

/* clang-format off */
FORWARD(int, gnutls_alpn_set_protocols, (session_t session, const datum_t *protocols, unsigned count, unsigned flags), (session, protocols, count, flags))
FORWARD(int, gnutls_bye, (session_t session, gnutls_close_request_t how), (session, how))
FORWARD(int, gnutls_certificate_allocate_credentials, (credentials_t *credentials), (credentials))
FORWARD(void, gnutls_certificate_free_credentials, (credentials_t credentials), (credentials))
FORWARD(const datum_t *, gnutls_certificate_get_peers, (session_t session, unsigned *count), (session, count))
FORWARD(void, gnutls_certificate_server_set_request, (session_t session, gnutls_certificate_request_t request), (session, request))
FORWARD(void, gnutls_certificate_set_dh_params, (credentials_t credentials, gnutls_dh_params_t parameters), (credentials, parameters))
FORWARD(void, gnutls_certificate_set_retrieve_function2, (credentials_t credentials, gnutls_certificate_retrieve_function2 *function), (credentials, function))
FORWARD(void, gnutls_certificate_set_retrieve_function3, (credentials_t credentials, gnutls_certificate_retrieve_function3 *function), (credentials, function))
FORWARD(void, gnutls_certificate_set_verify_function, (credentials_t credentials, gnutls_certificate_verify_function *function), (credentials, function))
FORWARD(int, gnutls_certificate_set_x509_key_mem, (credentials_t credentials, const datum_t *cert, const datum_t *key, gnutls_x509_crt_fmt_t format), (credentials, cert, key, format))
FORWARD(int, gnutls_certificate_set_x509_key_mem2, (credentials_t credentials, const datum_t *cert, const datum_t *key, gnutls_x509_crt_fmt_t format, const char *password, unsigned flags), (credentials, cert, key, format, password, flags))
FORWARD(int, gnutls_certificate_set_x509_trust_mem, (credentials_t credentials, const datum_t *ca, gnutls_x509_crt_fmt_t format), (credentials, ca, format))
FORWARD(int, gnutls_certificate_verify_peers, (session_t session, gnutls_typed_vdata_st *data, unsigned count, unsigned *status), (session, data, count, status))
FORWARD(gnutls_cipher_algorithm_t, gnutls_cipher_get, (session_t session), (session))
FORWARD(int, gnutls_credentials_get, (session_t session, gnutls_credentials_type_t type, void **credentials), (session, type, credentials))
FORWARD(void, gnutls_dh_params_deinit, (gnutls_dh_params_t parameters), (parameters))
FORWARD(int, gnutls_dh_params_import_pkcs3, (gnutls_dh_params_t parameters, const datum_t *text, gnutls_x509_crt_fmt_t format), (parameters, text, format))
FORWARD(int, gnutls_dh_params_init, (gnutls_dh_params_t *parameters), (parameters))
FORWARD(int, gnutls_init, (session_t *session, unsigned flags), (session, flags))
FORWARD(gnutls_kx_algorithm_t, gnutls_kx_get, (session_t session), (session))
FORWARD(void, gnutls_priority_deinit, (gnutls_priority_t priority), (priority))
FORWARD(int, gnutls_priority_init, (gnutls_priority_t *priority, const char *text, const char **at), (priority, text, at))
FORWARD(gnutls_protocol_t, gnutls_protocol_get_version, (session_t session), (session))
FORWARD(int, gnutls_psk_allocate_server_credentials, (gnutls_psk_server_credentials_t *credentials), (credentials))
FORWARD(void, gnutls_psk_free_server_credentials, (gnutls_psk_server_credentials_t credentials), (credentials))
FORWARD(void, gnutls_psk_set_server_credentials_function, (gnutls_psk_server_credentials_t credentials, gnutls_psk_server_credentials_function *function), (credentials, function))
FORWARD(size_t, gnutls_record_check_pending, (session_t session), (session))
FORWARD(int, gnutls_record_get_direction, (session_t session), (session))
FORWARD(ssize_t, gnutls_record_send, (session_t session, const void *bytes, size_t size), (session, bytes, size))
FORWARD(void *, gnutls_session_get_ptr, (session_t session), (session))
FORWARD(void, gnutls_session_set_ptr, (session_t session, void *pointer), (session, pointer))
FORWARD(const char *, gnutls_strerror, (int status), (status))
FORWARD(void, gnutls_transport_get_int2, (session_t session, int *receive, int *send), (session, receive, send))
FORWARD(void, gnutls_transport_set_int2, (session_t session, int receive, int send), (session, receive, send))
FORWARD(void, gnutls_x509_crt_deinit, (gnutls_x509_crt_t certificate), (certificate))
FORWARD(int, gnutls_x509_crt_get_subject_alt_name2, (gnutls_x509_crt_t certificate, unsigned at, void *name, size_t *size, unsigned *type, unsigned *critical), (certificate, at, name, size, type, critical))
FORWARD(int, gnutls_x509_crt_import, (gnutls_x509_crt_t certificate, const datum_t *bytes, gnutls_x509_crt_fmt_t format), (certificate, bytes, format))
FORWARD(int, gnutls_x509_crt_init, (gnutls_x509_crt_t *certificate), (certificate))
/* clang-format on */

int web_tls_set_credentials(session_t session, credentials_t credentials)
{
	RESOLVE(int, gnutls_credentials_set, (session_t, gnutls_credentials_type_t, void *));

	return real(session, GNUTLS_CRD_CERTIFICATE, credentials);
}

/* The library's own credentials are those of its start: the newest ones take their place. */
int gnutls_credentials_set(session_t session, gnutls_credentials_type_t type, void *credentials)
{
	(void)credentials;
	return type == GNUTLS_CRD_CERTIFICATE ? web_tls_begin(session) : GNUTLS_E_INVALID_REQUEST;
}

int gnutls_priority_set(session_t session, gnutls_priority_t priority)
{
	RESOLVE(int, gnutls_priority_set, (session_t, gnutls_priority_t));

	(void)priority;
	return real(session, web_tls_newest_priority());
}

int gnutls_handshake(session_t session)
{
	RESOLVE(int, gnutls_handshake, (session_t));

	return web_tls_check(session, real(session));
}

void gnutls_deinit(session_t session)
{
	RESOLVE(void, gnutls_deinit, (session_t));
	void *settings = web_tls_settings_of(session);

	real(session);
	web_tls_end(settings);
}

ssize_t gnutls_record_recv(session_t session, void *buffer, size_t size)
{
	RESOLVE(ssize_t, gnutls_record_recv, (session_t, void *, size_t));
	ssize_t received = real(session, buffer, size);
	int receive, send;

	if (received > 0) {
		gnutls_transport_get_int2(session, &receive, &send);
		web_clients_received(receive, buffer, (size_t)received, web_clients_now());
	}
	return received;
}

/* The address of this variable is all that is used of it. */
gnutls_alloc_function gnutls_malloc = malloc;

/* The library does it itself when it is loaded. */
int gnutls_global_init(void)
{
	return 0;
}

void gnutls_global_deinit(void)
{
}
