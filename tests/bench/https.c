// SPDX-License-Identifier: Apache-2.0
/*
 * usage: https server PORT CERTIFICATE KEY      answers every request with 200 and two bytes
 *        https client PORT REQUESTS             one keep-alive connection; prints ns of each
 * request Built twice: against the shared libssl (its calls can be decoded) and against the static
 * one (an opaque stack, as nothing names its functions).
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static const char REQUEST[] =
	"GET /bot123456:benchmark/getMe HTTP/1.1\r\nHost: api.telegram.org\r\n\r\n";
static const char RESPONSE[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static long long now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = {.sin_family = AF_INET,
				      .sin_port = htons((unsigned short)port)};

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	return address;
}

static int server(int port, const char *certificate, const char *key)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	struct sockaddr_in address = loopback(port);
	int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (SSL_CTX_use_certificate_file(context, certificate, SSL_FILETYPE_PEM) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, key, SSL_FILETYPE_PEM) != 1 ||
	    bind(listener, (void *)&address, sizeof(address)) || listen(listener, 8))
		return fprintf(stderr, "https: cannot serve on port %d\n", port), 1;
	printf("ready\n");
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		SSL *ssl = SSL_new(context);
		char buffer[4096];

		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		SSL_set_fd(ssl, fd);
		if (SSL_accept(ssl) == 1)
			while (SSL_read(ssl, buffer, sizeof(buffer)) > 0 &&
			       SSL_write(ssl, RESPONSE, sizeof(RESPONSE) - 1) > 0)
				;
		SSL_free(ssl);
		close(fd);
	}
}

static int client(int port, int requests)
{
	SSL_CTX *context = SSL_CTX_new(TLS_client_method());
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;
	SSL *ssl = SSL_new(context);
	long long begin = 0;
	char buffer[4096];

	if (connect(fd, (void *)&address, sizeof(address)))
		return perror("https: connect"), 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	SSL_set_fd(ssl, fd);
	SSL_set_tlsext_host_name(ssl, "api.telegram.org");
	if (SSL_connect(ssl) != 1)
		return fprintf(stderr, "https: the handshake failed\n"), 1;
	for (int i = -10; i < requests; i++) { /* the first ten warm up */
		if (i == 0)
			begin = now_ns();
		if (SSL_write(ssl, REQUEST, sizeof(REQUEST) - 1) <= 0 ||
		    SSL_read(ssl, buffer, sizeof(buffer)) != (int)sizeof(RESPONSE) - 1)
			return fprintf(stderr, "https: request %d failed\n", i), 1;
	}
	printf("%lld\n", (now_ns() - begin) / requests);
	SSL_shutdown(ssl);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "server"))
		return server(atoi(argv[2]), argv[3], argv[4]);
	if (argc == 4 && !strcmp(argv[1], "client") && atoi(argv[3]) > 0)
		return client(atoi(argv[2]), atoi(argv[3]));
	return fprintf(stderr, "usage: https server PORT CERT KEY | client PORT REQUESTS\n"), 2;
}
