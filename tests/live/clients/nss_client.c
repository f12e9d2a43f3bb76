// SPDX-License-Identifier: Apache-2.0
/*
 * Calls over NSS (call_lines.h), as mail and web programs use it. usage: nss_client HOST CA-FILE
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

#include "call_lines.h"

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

static void *dial(const char *host, const char *authorities)
{
	PRAddrInfo *found = PR_GetAddrInfoByName(host, PR_AF_INET, PR_AI_ADDRCONFIG);
	PRFileDesc *fd = PR_OpenTCPSocket(PR_AF_INET);
	PRNetAddr address;

	(void)authorities;
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

static void say(void *fd, const char *bytes, int size)
{
#ifdef WITH_SEND
	PR_Send(fd, bytes, size, 0, PR_INTERVAL_NO_TIMEOUT);
#else
	PR_Write(fd, bytes, size);
#endif
}

static int hear(void *fd, char *bytes, int size)
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

static void hang_up(void *fd)
{
	PR_Close(fd);
}

int main(int argc, char **argv)
{
	struct call_way way = {.dial = dial, .say = say, .hear = hear, .hang_up = hang_up};

	if (argc < 3 || NSS_NoDB_Init(NULL) != SECSuccess)
		return 2;
#ifdef BYSTANDERS
	way.before = tell_bystanders;
#else
	(void)tell_bystanders;
#endif
#ifdef CLOSES
	way.once = true;
#endif
	return call_lines(&way, argv[1], argv[2]);
}
