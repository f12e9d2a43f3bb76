// SPDX-License-Identifier: Apache-2.0
/*
 * Calls over OpenSSL's API on one keep-alive connection (call_lines.h), to be linked with whatever has it.
 * usage: tls_client HOST CA-FILE. Compiled with LAZY: the handshake is made inside of the first write; with PEEKS:
 * looks at what there is before it reads it, by both reading functions in turn, of which one has little room.
 */
#include <netdb.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include "call_lines.h"

static void *dial(const char *host, const char *authorities)
{
	const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct addrinfo *found;
	SSL *ssl;
	int fd;

	if (!context || SSL_CTX_load_verify_locations(context, authorities, NULL) != 1)
		exit(2);
	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
	if (getaddrinfo(host, "443", &hints, &found))
		exit(3);
	fd = socket(AF_INET, SOCK_STREAM, 0);
	if (fd < 0 || connect(fd, found->ai_addr, found->ai_addrlen))
		exit(4);
	ssl = SSL_new(context);
	SSL_set_tlsext_host_name(ssl, host);
	SSL_set_fd(ssl, fd);
#ifdef LAZY
	SSL_set_connect_state(ssl);
#else
	if (SSL_connect(ssl) != 1)
		exit(5);
#endif
	return ssl;
}

static void say(void *ssl, const char *bytes, int size)
{
	SSL_write(ssl, bytes, size);
}

#ifdef PEEKS
static int hear(void *ssl, char *bytes, int size)
{
	static unsigned int turn;
	size_t got = 0;

	if (SSL_peek(ssl, bytes, size) <= 0 || SSL_peek_ex(ssl, bytes, (size_t)size, &got) != 1)
		return 0;
	if (turn++ % 2)
		return SSL_read(ssl, bytes, size < 100 ? size : 100);
	return SSL_read_ex(ssl, bytes, (size_t)size, &got) == 1 ? (int)got : 0;
}
#else
static int hear(void *ssl, char *bytes, int size)
{
	return SSL_read(ssl, bytes, size);
}
#endif

static void hang_up(void *ssl)
{
	SSL_shutdown(ssl);
	SSL_free(ssl);
}

int main(int argc, char **argv)
{
	const struct call_way way = {.dial = dial, .say = say, .hear = hear, .hang_up = hang_up};

	return argc == 3 ? call_lines(&way, argv[1], argv[2]) : 2;
}
