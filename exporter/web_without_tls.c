// SPDX-License-Identifier: Apache-2.0
/*
 * libmicrohttpd without GnuTLS.
 *
 * The server speaks plain HTTP, on loopback unless told otherwise. The library's archive can also
 * speak TLS and refers to GnuTLS for it; loading that and the seven libraries behind it costs 2.5
 * MiB of resident memory, half of the exporter. So the archive is linked statically and finds
 * these definitions, which nothing calls as long as MHD_USE_TLS is not set; gnutls_global_init()
 * alone is called at start, and has nothing to do.
 *
 * A version of the library that needs another function fails to link: add it to the list.
 */
#include <stddef.h>
#include <stdlib.h>

#define UNREACHABLE(X)                                \
	X(gnutls_alpn_set_protocols)                  \
	X(gnutls_bye)                                 \
	X(gnutls_certificate_allocate_credentials)    \
	X(gnutls_certificate_free_credentials)        \
	X(gnutls_certificate_server_set_request)      \
	X(gnutls_certificate_set_dh_params)           \
	X(gnutls_certificate_set_retrieve_function2)  \
	X(gnutls_certificate_set_retrieve_function3)  \
	X(gnutls_certificate_set_x509_key_mem)        \
	X(gnutls_certificate_set_x509_key_mem2)       \
	X(gnutls_certificate_set_x509_trust_mem)      \
	X(gnutls_cipher_get)                          \
	X(gnutls_credentials_set)                     \
	X(gnutls_deinit)                              \
	X(gnutls_dh_params_deinit)                    \
	X(gnutls_dh_params_import_pkcs3)              \
	X(gnutls_dh_params_init)                      \
	X(gnutls_handshake)                           \
	X(gnutls_init)                                \
	X(gnutls_priority_deinit)                     \
	X(gnutls_priority_init)                       \
	X(gnutls_priority_set)                        \
	X(gnutls_protocol_get_version)                \
	X(gnutls_psk_allocate_server_credentials)     \
	X(gnutls_psk_free_server_credentials)         \
	X(gnutls_psk_set_server_credentials_function) \
	X(gnutls_record_check_pending)                \
	X(gnutls_record_get_direction)                \
	X(gnutls_record_recv)                         \
	X(gnutls_record_send)                         \
	X(gnutls_session_get_ptr)                     \
	X(gnutls_session_set_ptr)                     \
	X(gnutls_strerror)                            \
	X(gnutls_transport_set_int2)

#define DEFINE_UNREACHABLE(name) \
	void name(void);         \
	void name(void)          \
	{                        \
		abort();         \
	}

UNREACHABLE(DEFINE_UNREACHABLE)

/* The address of this variable is all that is used of it. */
extern void *(*gnutls_malloc)(size_t);
void *(*gnutls_malloc)(size_t) = malloc;

int gnutls_global_init(void);
int gnutls_global_init(void)
{
	return 0;
}

void gnutls_global_deinit(void);
void gnutls_global_deinit(void)
{
}
