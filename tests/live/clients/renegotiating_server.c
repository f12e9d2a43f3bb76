// SPDX-License-Identifier: Apache-2.0
/*
 * usage: renegotiating_server ADDRESS PORT CERTIFICATE KEY
 *
 * Answers HTTP requests over TLS 1.2, each in the middle of a handshake that it has just asked for: a client that
 * waits for the answer begins that handshake, and finds the answer's records before those of the handshake. Says
 * "ready"; one connection after the other, for as long as it lives.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n{\"ok\":true}";

static int listen_at(const char *address, const char *port)
{
	struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(port))};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (inet_pton(AF_INET, address, &at.sin_addr) != 1 ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) || listen(fd, 16)) {
		perror("renegotiating_server");
		exit(1);
	}
	return fd;
}

/* Until the empty line; what comes has no body. False: the client has left. */
static int read_request(SSL *ssl)
{
	char head[4096];
	size_t have = 0;
	int got;

	while (have < sizeof(head) - 1) {
		got = SSL_read(ssl, head + have, (int)(sizeof(head) - 1 - have));
		if (got <= 0)
			return 0;
		have += (size_t)got;
		head[have] = '\0';
		if (strstr(head, "\r\n\r\n"))
			return 1;
	}
	return 0;
}

static void serve(SSL *ssl)
{
	while (read_request(ssl))
		if (SSL_renegotiate(ssl) != 1 || SSL_do_handshake(ssl) != 1 ||
		    SSL_write(ssl, answer, sizeof(answer) - 1) <= 0)
			break;
}

int main(int argc, char **argv)
{
	SSL_CTX *context = SSL_CTX_new(TLS_server_method());
	int fd, connection, on = 1;

	if (argc != 5 || !SSL_CTX_set_max_proto_version(context, TLS1_2_VERSION) ||
	    SSL_CTX_use_certificate_chain_file(context, argv[3]) != 1 ||
	    SSL_CTX_use_PrivateKey_file(context, argv[4], SSL_FILETYPE_PEM) != 1)
		return 2;
	fd = listen_at(argv[1], argv[2]);
	puts("ready");
	fflush(stdout);
	while ((connection = accept(fd, NULL, NULL)) >= 0) {
		SSL *ssl = SSL_new(context);

		setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
		SSL_set_fd(ssl, connection);
		if (SSL_accept(ssl) == 1)
			serve(ssl);
		SSL_free(ssl);
		close(connection);
	}
	return 0;
}
