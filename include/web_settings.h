// SPDX-License-Identifier: Apache-2.0
/*
 * Who may read and write over HTTP, and how the connection is protected: the file of
 * --web.config.file as the observer hands it to the exporter (HANDOVER_SETTINGS, name "web"), with
 * the certificates that it names. At start, before the exporter listens, and after each change.
 *
 * It holds no pointer. Texts are NUL-terminated and zero-padded; PEM blocks are not terminated.
 */
#ifndef OPERAGLASS_WEB_SETTINGS_H
#define OPERAGLASS_WEB_SETTINGS_H

#include <stdint.h>

#define WEB_SETTINGS_NAME "web"

/* A chain of four certificates with keys of 4096 bits takes 8 KiB; a bundle of authorities more. */
#define WEB_PEM_SIZE	65536
#define WEB_USERS_MAX	64
#define WEB_USER_SIZE	128
#define WEB_HASH_SIZE	64 /* a bcrypt hash has 60 characters */
#define WEB_SANS_MAX	32
#define WEB_SAN_SIZE	256
#define WEB_HEADERS_MAX 5
#define WEB_HEADER_SIZE 1024
/* More than there are cipher suites, and curves, to name. */
#define WEB_CIPHERS_MAX 24
#define WEB_CURVES_MAX	8

enum web_client_auth {
	WEB_CLIENT_NONE = 0,		   /* NoClientCert */
	WEB_CLIENT_REQUEST = 1,		   /* RequestClientCert: asked for, not looked at */
	WEB_CLIENT_REQUIRE = 2,		   /* RequireAnyClientCert: any will do */
	WEB_CLIENT_VERIFY = 3,		   /* VerifyClientCertIfGiven */
	WEB_CLIENT_REQUIRE_AND_VERIFY = 4, /* RequireAndVerifyClientCert */
	WEB_CLIENT_AUTHS
};

enum web_tls_version {
	WEB_TLS10 = 0,
	WEB_TLS11 = 1,
	WEB_TLS12 = 2,
	WEB_TLS13 = 3,
	WEB_TLS_VERSIONS
};

/* Suites of TLS 1.2 and before; the three of TLS 1.3 are always on. */
enum web_cipher {
	WEB_RSA_AES_128_CBC_SHA,
	WEB_RSA_AES_256_CBC_SHA,
	WEB_RSA_AES_128_GCM_SHA256,
	WEB_RSA_AES_256_GCM_SHA384,
	WEB_ECDHE_ECDSA_AES_128_CBC_SHA,
	WEB_ECDHE_ECDSA_AES_256_CBC_SHA,
	WEB_ECDHE_RSA_AES_128_CBC_SHA,
	WEB_ECDHE_RSA_AES_256_CBC_SHA,
	WEB_ECDHE_ECDSA_AES_128_GCM_SHA256,
	WEB_ECDHE_ECDSA_AES_256_GCM_SHA384,
	WEB_ECDHE_RSA_AES_128_GCM_SHA256,
	WEB_ECDHE_RSA_AES_256_GCM_SHA384,
	WEB_ECDHE_RSA_CHACHA20_POLY1305,
	WEB_ECDHE_ECDSA_CHACHA20_POLY1305,
	WEB_CIPHERS
};

enum web_curve {
	WEB_CURVE_P256,
	WEB_CURVE_P384,
	WEB_CURVE_P521,
	WEB_CURVE_X25519,
	WEB_CURVES
};

/* Headers that may be set, in this order. */
enum web_header_index {
	WEB_HEADER_CSP,
	WEB_HEADER_FRAME_OPTIONS,
	WEB_HEADER_CONTENT_TYPE_OPTIONS,
	WEB_HEADER_XSS_PROTECTION,
	WEB_HEADER_HSTS,
	WEB_HEADERS
};

_Static_assert(WEB_HEADERS == WEB_HEADERS_MAX, "one text each");
_Static_assert(WEB_CIPHERS <= WEB_CIPHERS_MAX && WEB_CURVES <= WEB_CURVES_MAX, "each once");

struct web_user {
	char name[WEB_USER_SIZE];
	char hash[WEB_HASH_SIZE]; /* bcrypt: $2b$10$… */
};

struct web_settings {
	uint32_t tls;			       /* 1: serve TLS only */
	uint32_t cert_size, key_size, ca_size; /* bytes of the PEM blocks; ca: 0 for none */
	uint32_t client_auth;		       /* enum web_client_auth */
	uint32_t min_version, max_version;     /* enum web_tls_version */
	uint32_t server_order;		       /* 1: the server's order of ciphers goes before */
	uint32_t cipher_count, curve_count;    /* 0: what the library thinks best */
	uint32_t san_count;		       /* 0: any name */
	uint32_t user_count;		       /* 0: no passwords */
	uint8_t ciphers[WEB_CIPHERS_MAX];      /* enum web_cipher, the best first */
	uint8_t curves[WEB_CURVES_MAX];	       /* enum web_curve, the best first */
	uint64_t rate_interval_ns; /* between two requests in the long run; 0: no limit */
	uint64_t rate_burst;	   /* requests at once */
	char headers[WEB_HEADERS_MAX][WEB_HEADER_SIZE]; /* enum web_header_index; "": not sent */
	char sans[WEB_SANS_MAX][WEB_SAN_SIZE];
	struct web_user users[WEB_USERS_MAX];
	char cert[WEB_PEM_SIZE], key[WEB_PEM_SIZE], ca[WEB_PEM_SIZE];
};

#endif
