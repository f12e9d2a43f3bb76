// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/1.1 over OpenSSL's API on one keep-alive connection, to be linked with whatever has it.
 * usage: tls_client HOST CA-FILE; a line "METHOD PATH BODY-BYTES" of input is a call, its answer is a
 * line of output: {"status": N, "ns": N}. Connects at the first call. Compiled with LAZY: the handshake is
 * made inside of the first write.
 */
#include <netdb.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static SSL *dial(const char *host, const char *authorities)
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

/* The value of a header, or NULL. */
static const char *header(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);

	return at ? at + strlen(name) : NULL;
}

/* Reads one answer; returns its status. */
static int answer(SSL *ssl)
{
	static char text[1 << 20];
	size_t size = 0, head_size;
	const char *end, *length;
	int got;

	do {
		got = SSL_read(ssl, text + size, (int)(sizeof(text) - 1 - size));
		if (got <= 0)
			return 0;
		size += (size_t)got;
		text[size] = '\0';
		end = strstr(text, "\r\n\r\n");
	} while (!end);
	head_size = (size_t)(end + 4 - text);
	length = header(text, "\r\nContent-Length:");
	while (length ? size < head_size + (size_t)atoll(length)
		      : !strstr(end + 2, "\r\n0\r\n\r\n")) {
		got = SSL_read(ssl, text + size, (int)(sizeof(text) - 1 - size));
		if (got <= 0)
			return 0;
		size += (size_t)got;
		text[size] = '\0';
	}
	return atoi(text + strlen("HTTP/1.1 "));
}

int main(int argc, char **argv)
{
	static char line[8192], request[16384], body[1 << 20];
	char method[16], path[4096];
	SSL *ssl = NULL;
	long long begin;
	int size, body_size, status;

	if (argc != 3)
		return 2;
	memset(body, 'b', sizeof(body));
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%15s %4095s %d", method, path, &body_size) != 3)
			return 2;
		if (!ssl)
			ssl = dial(argv[1], argv[2]);
		size = snprintf(request, sizeof(request),
				"%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", method,
				path, argv[1], body_size);
		begin = now_ns();
		SSL_write(ssl, request, size);
		if (body_size)
			SSL_write(ssl, body, body_size);
		status = answer(ssl);
		printf("{\"status\": %d, \"ns\": %lld, \"error\": null}\n", status,
		       now_ns() - begin);
		fflush(stdout);
	}
	if (ssl) {
		SSL_shutdown(ssl);
		SSL_free(ssl);
	}
	return 0;
}
