// SPDX-License-Identifier: Apache-2.0
/*
 * usage: https server PORT CERTIFICATE KEY      answers every request with 200 and two bytes
 *        https client PORT REQUESTS [NAME]      one keep-alive connection; prints ns of each request
 * Built twice: against the shared libssl (its calls can be decoded) and against the static
 * one (an opaque stack, as nothing names its functions).
 */
#include <stdlib.h>
#include <string.h>

#include "tls_loopback.h"

static const char RESPONSE[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

static void serve(SSL *ssl)
{
	char buffer[4096];

	while (SSL_read(ssl, buffer, sizeof(buffer)) > 0 &&
	       SSL_write(ssl, RESPONSE, sizeof(RESPONSE) - 1) > 0)
		;
}

static int client(int port, const char *name, int requests)
{
	SSL *ssl = tls_connect(port, name);
	long long begin = 0;
	char request[512], buffer[4096];
	int length = snprintf(request, sizeof(request),
			      "GET /bot123456:benchmark/getMe HTTP/1.1\r\nHost: %s\r\n\r\n", name);

	if (!ssl || length >= (int)sizeof(request))
		return 1;
	for (int i = -10; i < requests; i++) { /* the first ten warm up */
		if (i == 0)
			begin = now_ns();
		if (SSL_write(ssl, request, length) <= 0 ||
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
		return tls_serve(atoi(argv[2]), argv[3], argv[4], serve);
	if ((argc == 4 || argc == 5) && !strcmp(argv[1], "client") && atoi(argv[3]) > 0)
		return client(atoi(argv[2]), argc == 5 ? argv[4] : "api.telegram.org",
			      atoi(argv[3]));
	return fprintf(stderr, "usage: https server PORT CERT KEY | client PORT REQUESTS [NAME]\n"),
	       2;
}
