// SPDX-License-Identifier: Apache-2.0
/*
 * HTTP/1.1 over NSS, as mail and web programs use it. usage: nss_client HOST CA-FILE; a line
 * "METHOD PATH BODY-BYTES" of input is a call, its answer is a line of output: {"status": N, "ns": N}.
 * Connects at the first call.
 *
 * Compiled with WITH_SEND: PR_Send and PR_Recv, with a look ahead, instead of PR_Write and PR_Read; with
 * CLOSES: each call has a connection of its own; with BYSTANDERS: says the same to a file and to a socket
 * without TLS; with LAYERED: another layer lies on top of the TLS one; with TLS12: TLS 1.2; with LAZY: the
 * handshake is made inside of the first write.
 */
#include <nspr.h>
#include <nss.h>
#include <ssl.h>
#include <sslproto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static SECStatus trust(void *context, PRFileDesc *fd, PRBool signature, PRBool server)
{
	(void)context, (void)fd, (void)signature, (void)server;
	return SECSuccess;
}

static void push_layer(PRFileDesc *fd)
{
	static PRIOMethods methods;
	PRFileDesc *layer;

	methods = *PR_GetDefaultIOMethods();
	layer = PR_CreateIOLayerStub(PR_GetUniqueIdentity("top"), &methods);
	if (!layer || PR_PushIOLayer(fd, PR_TOP_IO_LAYER, layer) != PR_SUCCESS)
		exit(6);
}

static PRFileDesc *dial(const char *host)
{
	PRAddrInfo *found = PR_GetAddrInfoByName(host, PR_AF_INET, PR_AI_ADDRCONFIG);
	PRFileDesc *fd = PR_OpenTCPSocket(PR_AF_INET);
	PRNetAddr address;

	if (!found || !PR_EnumerateAddrInfo(NULL, found, 443, &address))
		exit(3);
	PR_FreeAddrInfo(found);
	fd = SSL_ImportFD(NULL, fd);
#ifdef TLS12
	SSL_VersionRangeSet(
		fd, &(SSLVersionRange){SSL_LIBRARY_VERSION_TLS_1_2, SSL_LIBRARY_VERSION_TLS_1_2});
#endif
	if (!fd || SSL_AuthCertificateHook(fd, trust, NULL) || SSL_SetURL(fd, host))
		exit(4);
	if (PR_Connect(fd, &address, PR_INTERVAL_NO_TIMEOUT) != PR_SUCCESS)
		exit(5);
#ifndef LAZY
	if (SSL_ForceHandshake(fd) != SECSuccess)
		exit(8);
#endif
#ifdef LAYERED
	push_layer(fd);
#else
	(void)push_layer;
#endif
	return fd;
}

static void say(PRFileDesc *fd, const char *bytes, int size)
{
#ifdef WITH_SEND
	PR_Send(fd, bytes, size, 0, PR_INTERVAL_NO_TIMEOUT);
#else
	PR_Write(fd, bytes, size);
#endif
}

static int hear(PRFileDesc *fd, char *bytes, int size)
{
#ifdef WITH_SEND
	if (PR_Recv(fd, bytes, size, PR_MSG_PEEK, PR_INTERVAL_NO_TIMEOUT) < 0)
		return -1;
	return PR_Recv(fd, bytes, size, 0, PR_INTERVAL_NO_TIMEOUT);
#else
	return PR_Read(fd, bytes, size);
#endif
}

/* What is no TLS is nobody's call. */
static void tell_bystanders(const char *request, int size)
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
	static PRFileDesc *pair[2], *file;
	char heard[16384];

	if (!file)
		file = PR_Open("/dev/null", PR_RDWR, 0);
	if (!pair[0] && PR_NewTCPSocketPair(pair) != PR_SUCCESS)
		exit(7);
	PR_Write(file, request, size);
	PR_Read(file, heard, sizeof(heard));
	PR_Write(pair[0], request, size);
	PR_Read(pair[1], heard, sizeof(heard));
	PR_Send(pair[1], answer, sizeof(answer) - 1, 0, PR_INTERVAL_NO_TIMEOUT);
	PR_Recv(pair[0], heard, sizeof(heard), 0, PR_INTERVAL_NO_TIMEOUT);
}

/* The value of a header, or NULL. */
static const char *header(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);

	return at ? at + strlen(name) : NULL;
}

/* Reads one answer; returns its status. */
static int answer(PRFileDesc *fd)
{
	static char text[1 << 20];
	const char *end = NULL, *length = NULL;
	size_t size = 0;
	int got;

	while (!end || (length ? size < (size_t)(end + 4 - text) + (size_t)atoll(length)
			       : !strstr(end + 2, "\r\n0\r\n\r\n"))) {
		got = hear(fd, text + size, (int)(sizeof(text) - 1 - size));
		if (got <= 0)
			return 0;
		size += (size_t)got;
		text[size] = '\0';
		end = strstr(text, "\r\n\r\n");
		length = header(text, "\r\nContent-Length:");
	}
	return atoi(text + strlen("HTTP/1.1 "));
}

int main(int argc, char **argv)
{
	static char line[8192], request[16384], body[1 << 20];
	char method[16], path[4096];
	int size, body_size, status;
	PRFileDesc *fd = NULL;
	long long begin;

	if (argc < 3 || NSS_NoDB_Init(NULL) != SECSuccess)
		return 2;
	memset(body, 'b', sizeof(body));
	printf("ready\n");
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "%15s %4095s %d", method, path, &body_size) != 3)
			return 2;
		if (!fd)
			fd = dial(argv[1]);
		size = snprintf(request, sizeof(request),
				"%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", method,
				path, argv[1], body_size);
#ifdef BYSTANDERS
		tell_bystanders(request, size);
#else
		(void)tell_bystanders;
#endif
		begin = now_ns();
		say(fd, request, size);
		if (body_size)
			say(fd, body, body_size);
		status = answer(fd);
		printf("{\"status\": %d, \"ns\": %lld, \"error\": null}\n", status,
		       now_ns() - begin);
		fflush(stdout);
#ifdef CLOSES
		PR_Close(fd);
		fd = NULL;
#endif
	}
	if (fd)
		PR_Close(fd);
	return 0;
}
