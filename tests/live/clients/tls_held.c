// SPDX-License-Identifier: Apache-2.0
/* A program with TLS inside that has mapped all it will ever map when its main begins. */
#include <openssl/ssl.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	SSL *ssl = argc > 1 ? SSL_new(SSL_CTX_new(TLS_client_method())) : NULL;

	if (ssl)
		return SSL_write(ssl, argv[1], 1) + SSL_read(ssl, argv[1], 1);
	return pause();
}
