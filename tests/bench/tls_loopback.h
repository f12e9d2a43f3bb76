// SPDX-License-Identifier: Apache-2.0
/* TLS over loopback with OpenSSL, as the benchmarks' servers and clients use it. */
#ifndef TESTS_TLS_LOOPBACK_H
#define TESTS_TLS_LOOPBACK_H

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static inline long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static inline struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((unsigned short)port)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

/* One connection after the other, for ever; serve() returns when its client is gone. Returns an exit code. */
static inline int tls_serve(int port, const char *certificate, const char *key,
			    void (*serve)(SSL *ssl))
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	struct sockaddr_in address = loopback(port);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
	    bind(listener, (void *)&address, sizeof(address)) || listen(listener, 8))
		return fprintf(stderr, "cannot serve TLS on port %d\n", port), 1;
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		SSL *ssl = SSL_new(context);

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1)
			serve(ssl);
		SSL_free(ssl);
		close(fd);
	}
}

/* name: of the server. NULL, and said: there is no connection. */
static inline SSL *tls_connect(int port, const char *name)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	SSL *ssl = SSL_new(context);

	if (connect(fd, (void *)&address, sizeof(address)))
		return perror("connect"), NULL;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	SSL_set_fd(ssl, fd);
	SSL_set_tlsext_host_name(ssl, name);
	if (SSL_connect(ssl) != 1)
		return fprintf(stderr, "the TLS handshake failed\n"), NULL;
	return ssl;
}

#endif
