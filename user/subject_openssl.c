// SPDX-License-Identifier: Apache-2.0
#include "subject_library.h"

#include <string.h>

#define CTRL_MIN 123 /* SSL_CTRL_SET_MIN_PROTO_VERSION */
#define CTRL_MAX 124 /* SSL_CTRL_SET_MAX_PROTO_VERSION */
#define ROUNDS	 20  /* of a handshake, many times what it takes */

static struct {
	void *(*client_method)(void), *(*server_method)(void);
	void *(*context_new)(void *);
	void (*context_free)(void *);
	long (*context_ctrl)(void *, int, long, void *);
	int (*ciphers)(void *, const char *);
	void (*psk_client)(void *, void *), (*psk_server)(void *, void *);
	void *(*object_new)(void *);
	void (*object_free)(void *);
	void (*set_bio)(void *, void *, void *);
	void (*connect_state)(void *), (*accept_state)(void *);
	int (*handshake)(void *);
	int (*bio_pair)(void **, size_t, void **, size_t);
	size_t (*random)(const void *, unsigned char *, size_t);
	int (*write)(void *, const void *, int), (*read)(void *, void *, int);
	int (*write_ex)(void *, const void *, size_t, size_t *); /* since 1.1.1, with the next */
	int (*read_ex)(void *, void *, size_t, size_t *);
} library;

static bool load(const char *path)
{
	const struct subject_symbol symbols[] = {
		{"TLS_client_method", &library.client_method},
		{"TLS_server_method", &library.server_method},
		{"SSL_CTX_new", &library.context_new},
		{"SSL_CTX_free", &library.context_free},
		{"SSL_CTX_ctrl", &library.context_ctrl},
		{"SSL_CTX_set_cipher_list", &library.ciphers},
		{"SSL_CTX_set_psk_client_callback", &library.psk_client},
		{"SSL_CTX_set_psk_server_callback", &library.psk_server},
		{"SSL_new", &library.object_new},
		{"SSL_free", &library.object_free},
		{"SSL_set_bio", &library.set_bio},
		{"SSL_set_connect_state", &library.connect_state},
		{"SSL_set_accept_state", &library.accept_state},
		{"SSL_do_handshake", &library.handshake},
		{"BIO_new_bio_pair", &library.bio_pair}, /* of the library's own libcrypto */
		{"SSL_get_client_random", &library.random},
		{"SSL_write", &library.write},
		{"SSL_read", &library.read},
		{"SSL_write_ex", &library.write_ex},
		{"SSL_read_ex", &library.read_ex},
	};

	return subject_load(path, symbols, sizeof(symbols) / sizeof(symbols[0]), 18);
}

static unsigned give_key(unsigned char *key, unsigned size)
{
	if (size < SUBJECT_KEY_SIZE)
		return 0;
	memset(key, 0x5a, SUBJECT_KEY_SIZE);
	return SUBJECT_KEY_SIZE;
}

static unsigned client_key(void *object, const char *hint, char *identity, unsigned identity_size,
			   unsigned char *key, unsigned size)
{
	(void)object, (void)hint;
	if (identity_size < 2)
		return 0;
	memcpy(identity, "o", 2);
	return give_key(key, size);
}

static unsigned server_key(void *object, const char *identity, unsigned char *key, unsigned size)
{
	(void)object, (void)identity;
	return give_key(key, size);
}

static void *new_object(enum subject_version version, bool client)
{
	long number = version == SUBJECT_TLS_1_2 ? 0x0303 : 0x0304;
	void *context =
		library.context_new(client ? library.client_method() : library.server_method());
	void *object;

	if (!context)
		return NULL;
	library.context_ctrl(context, CTRL_MIN, number, NULL);
	library.context_ctrl(context, CTRL_MAX, number, NULL);
	if (client)
		library.psk_client(context, (void *)(uintptr_t)client_key);
	else
		library.psk_server(context, (void *)(uintptr_t)server_key);
	object = library.ciphers(context, "PSK") == 1 ? library.object_new(context) : NULL;
	library.context_free(context); /* the object holds it */
	return object;
}

static bool connect_pair(enum subject_version version, void *pair[2])
{
	void *ends[2];
	int i, done[2] = {0, 0};

	pair[0] = new_object(version, true);
	pair[1] = new_object(version, false);
	if (!pair[0] || !pair[1] || library.bio_pair(&ends[0], 0, &ends[1], 0) != 1)
		return false;
	for (i = 0; i < 2; i++)
		library.set_bio(pair[i], ends[i], ends[i]);
	library.connect_state(pair[0]);
	library.accept_state(pair[1]);
	for (i = 0; i < ROUNDS && !(done[0] == 1 && done[1] == 1); i++)
		done[i % 2] = library.handshake(pair[i % 2]);
	return done[0] == 1 && done[1] == 1;
}

static bool get_random(void *object, uint8_t ret_random[SUBJECT_RANDOM_SIZE])
{
	return library.random(object, ret_random, SUBJECT_RANDOM_SIZE) == SUBJECT_RANDOM_SIZE;
}

static void free_object(void *object)
{
	library.object_free(object);
}

static long write_some(void *object, const void *buffer, int length)
{
	return library.write(object, buffer, length);
}

static long read_some(void *object, void *buffer, int length)
{
	return library.read(object, buffer, length);
}

static bool write_ex(void *object, const void *buffer, size_t length, size_t *ret_moved)
{
	return library.write_ex(object, buffer, length, ret_moved) == 1;
}

static bool read_ex(void *object, void *buffer, size_t length, size_t *ret_moved)
{
	return library.read_ex(object, buffer, length, ret_moved) == 1;
}

static bool has_ex(void)
{
	return library.write_ex && library.read_ex;
}

const struct subject_library subject_openssl = {
	.load = load,
	.connect = connect_pair,
	.random = get_random,
	.free = free_object,
	.write = write_some,
	.read = read_some,
	.write_ex = write_ex,
	.read_ex = read_ex,
	.has_ex = has_ex,
};
