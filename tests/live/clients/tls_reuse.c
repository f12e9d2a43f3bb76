// SPDX-License-Identifier: Apache-2.0
/*
 * What can be done wrong, or just oddly, with OpenSSL's objects and their descriptors.
 * usage: tls_reuse; a line of input is a command over slots 0 to 9, its answer is a line of output:
 *
 *	new K [J]		SSL_new, with J at the address that J's object had; says 1 if it is so
 *	dial K HOST		connects, SSL_connect; says the descriptor
 *	call K METHOD PATH HOST	one request and its answer; says the status, 0: none
 *	send K METHOD PATH HOST	only the request
 *	answer K		only the answer
 *	clear K			SSL_clear
 *	close K			closes the descriptor; the object knows nothing of it
 *	free K			SSL_free, without a word to the server
 */
#include <netdb.h>
#include <openssl/ssl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS 10
#define TRIES 256

static struct slot {
	SSL *ssl;
	uintptr_t address; /* of the last object */
	int fd;
} slots[SLOTS];

static SSL_CTX *context;

/* The allocator gives freed memory back in its own order: what is at another address is kept until the
 * wanted one comes. */
static bool make(struct slot *slot, uintptr_t wanted)
{
	SSL *others[TRIES];
	int count = 0;

	slot->ssl = SSL_new(context);
	while (wanted && (uintptr_t)slot->ssl != wanted && count < TRIES) {
		others[count++] = slot->ssl;
		slot->ssl = SSL_new(context);
	}
	while (count)
		SSL_free(others[--count]);
	slot->address = (uintptr_t)slot->ssl;
	return !wanted || slot->address == wanted;
}

static int dial(struct slot *slot, const char *host)
{
	const struct addrinfo hints = {.ai_family = AF_INET, .ai_socktype = SOCK_STREAM};
	struct addrinfo *found;

	if (getaddrinfo(host, "443", &hints, &found))
		return -1;
	slot->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (slot->fd < 0 || connect(slot->fd, found->ai_addr, found->ai_addrlen))
		return -1;
	freeaddrinfo(found);
	SSL_set_fd(slot->ssl, slot->fd);
	SSL_set_tlsext_host_name(slot->ssl, host);
	SSL_set_session(slot->ssl, NULL);
	SSL_set_quiet_shutdown(slot->ssl, 1);
	return SSL_connect(slot->ssl) == 1 ? slot->fd : -1;
}

static bool request(struct slot *slot, const char *method, const char *path, const char *host)
{
	char text[1024];
	int size = snprintf(text, sizeof(text), "%s %s HTTP/1.1\r\nHost: %s\r\n\r\n", method, path,
			    host);

	return SSL_write(slot->ssl, text, size) == size;
}

/* Answers have a Content-Length, and fit. */
static int answer(struct slot *slot)
{
	char text[8192];
	const char *end = NULL, *length;
	size_t size = 0, whole = 0;
	int got;

	while (!whole || size < whole) {
		got = SSL_read(slot->ssl, text + size, (int)(sizeof(text) - 1 - size));
		if (got <= 0)
			return 0;
		size += (size_t)got;
		text[size] = '\0';
		if (!end)
			end = strstr(text, "\r\n\r\n");
		length = strcasestr(text, "\r\nContent-Length:");
		if (end && length)
			whole = (size_t)(end + 4 - text) +
				strtoul(length + strlen("\r\nContent-Length:"), NULL, 10);
	}
	return atoi(text + strlen("HTTP/1.1 "));
}

static int obey(char *line)
{
	char *words[5] = {0}, *rest = NULL, *word = strtok_r(line, " \n", &rest);
	struct slot *slot;
	int count = 0;

	for (; word && count < 5; word = strtok_r(NULL, " \n", &rest))
		words[count++] = word;
	if (count < 2 || words[1][0] < '0' || words[1][0] > '9')
		return -2;
	slot = &slots[words[1][0] - '0'];
	if (!strcmp(words[0], "new"))
		return make(slot, count > 2 ? slots[words[2][0] - '0'].address : 0);
	if (!strcmp(words[0], "dial"))
		return dial(slot, words[2]);
	if (!strcmp(words[0], "call"))
		return request(slot, words[2], words[3], words[4]) ? answer(slot) : 0;
	if (!strcmp(words[0], "send"))
		return request(slot, words[2], words[3], words[4]);
	if (!strcmp(words[0], "answer"))
		return answer(slot);
	if (!strcmp(words[0], "clear"))
		return SSL_clear(slot->ssl);
	if (!strcmp(words[0], "close"))
		return close(slot->fd);
	if (!strcmp(words[0], "free"))
		SSL_free(slot->ssl);
	return 0;
}

int main(void)
{
	char line[2048];

	context = SSL_CTX_new(TLS_client_method());
	printf("ready\n");
	fflush(stdout);
	while (context && fgets(line, sizeof(line), stdin)) {
		printf("%d\n", obey(line));
		fflush(stdout);
	}
	return 0;
}
