// SPDX-License-Identifier: Apache-2.0
/*
 * What .NET's SslStream calls: functions of these names and signatures, which find OpenSSL's by
 * dlopen and dlsym. Only what a client needs.
 */
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

static void *function(const char *name)
{
	static void *library;

	if (!library)
		library = dlopen("libssl.so.3", RTLD_LAZY | RTLD_GLOBAL);
	return library ? dlsym(library, name) : NULL;
}

#define CALL(type, name, ...) ((type)function(name))(__VA_ARGS__)

void *CryptoNative_SslCtxCreate(void)
{
	return CALL(void *(*)(void *), "SSL_CTX_new", CALL(void *(*)(void), "TLS_client_method", ));
}

void *CryptoNative_SslCreate(void *context)
{
	return CALL(void *(*)(void *), "SSL_new", context);
}

void CryptoNative_SslDestroy(void *ssl)
{
	CALL(void (*)(void *), "SSL_free", ssl);
}

void *CryptoNative_CreateMemoryBio(void)
{
	return CALL(void *(*)(void *), "BIO_new", CALL(void *(*)(void), "BIO_s_mem", ));
}

void CryptoNative_SslSetBio(void *ssl, void *in, void *out)
{
	CALL(void (*)(void *, void *, void *), "SSL_set_bio", ssl, in, out);
}

void CryptoNative_SslSetConnectState(void *ssl)
{
	CALL(void (*)(void *), "SSL_set_connect_state", ssl);
}

int32_t CryptoNative_SslSetTlsExtHostName(void *ssl, char *name)
{
	return (int32_t)CALL(long (*)(void *, int, long, void *), "SSL_ctrl", ssl, 55, 0L, name);
}

static int32_t told(void *ssl, int32_t result, int32_t *error)
{
	*error = result > 0 ? 0 : CALL(int (*)(const void *, int), "SSL_get_error", ssl, result);
	return result;
}

int32_t CryptoNative_SslDoHandshake(void *ssl, int32_t *error)
{
	return told(ssl, CALL(int (*)(void *), "SSL_do_handshake", ssl), error);
}

int32_t CryptoNative_SslWrite(void *ssl, const void *buffer, int32_t size, int32_t *error)
{
	return told(ssl, CALL(int (*)(void *, const void *, int), "SSL_write", ssl, buffer, size),
		    error);
}

int32_t CryptoNative_SslRead(void *ssl, void *buffer, int32_t size, int32_t *error)
{
	return told(ssl, CALL(int (*)(void *, void *, int), "SSL_read", ssl, buffer, size), error);
}

int32_t CryptoNative_BioWrite(void *bio, const void *data, int32_t size)
{
	return CALL(int (*)(void *, const void *, int), "BIO_write", bio, data, size);
}

int32_t CryptoNative_BioRead(void *bio, void *data, int32_t size)
{
	return CALL(int (*)(void *, void *, int), "BIO_read", bio, data, size);
}
