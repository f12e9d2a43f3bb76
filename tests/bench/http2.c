// SPDX-License-Identifier: Apache-2.0
/*
 * usage: http2 server PORT CERTIFICATE KEY      answers every request with 200 and two bytes
 *        http2 client PORT REQUESTS STREAMS     one connection, so many streams at once; prints ns of
 *                                               each request
 * libnghttp2 on both sides; all frames that are ready go in one write, as curl does it. Built twice, as
 * https.c is.
 */
#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tls_loopback.h"

#define FIELD(name, value)                                                                  \
	{                                                                                   \
		(uint8_t *)(name), (uint8_t *)(value), sizeof(name) - 1, sizeof(value) - 1, \
			NGHTTP2_NV_FLAG_NO_COPY_NAME | NGHTTP2_NV_FLAG_NO_COPY_VALUE        \
	}

static nghttp2_nv request[] = {
	FIELD(":method", "GET"),
	FIELD(":path", "/bot123456:benchmark/getMe"),
	FIELD(":scheme", "https"),
	FIELD(":authority", "api.telegram.org"),
	FIELD("user-agent", "curl/7.88.1"),
	FIELD("accept", "*/*"),
};
static nghttp2_nv response[] = {
	FIELD(":status", "200"),
	FIELD("server", "nginx/1.22.1"),
	FIELD("content-type", "application/json"),
	FIELD("content-length", "2"),
};

struct peer {
	SSL *ssl;
	nghttp2_session *session;
	int begun, answered;
	bool over;
};

static ssize_t body(nghttp2_session *session, int32_t stream, uint8_t *buffer, size_t size,
		    uint32_t *flags, nghttp2_data_source *source, void *context)
{
	(void)session, (void)stream, (void)size, (void)source, (void)context;
	memcpy(buffer, "ok", 2);
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	return 2;
}

static int answer(nghttp2_session *session, const nghttp2_frame *frame, void *context)
{
	nghttp2_data_provider provider = {.read_callback = body};

	(void)context;
	if (frame->hd.type != NGHTTP2_HEADERS || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
		return 0;
	return nghttp2_submit_response(session, frame->hd.stream_id, response, 4, &provider);
}

static int answered(nghttp2_session *session, int32_t stream, uint32_t code, void *context)
{
	struct peer *peer = context;

	(void)session, (void)stream;
	peer->answered++;
	peer->over |= code != NGHTTP2_NO_ERROR;
	return 0;
}

/* Sends what is ready, and takes what comes next. False: the connection is over. */
static bool turn(struct peer *peer)
{
	uint8_t buffer[65536];
	const uint8_t *part;
	size_t filled = 0;
	ssize_t size;
	int count;

	while ((size = nghttp2_session_mem_send(peer->session, &part)) > 0) {
		if (filled + (size_t)size > sizeof(buffer))
			return false;
		memcpy(buffer + filled, part, (size_t)size);
		filled += (size_t)size;
	}
	if (size < 0 || (filled && SSL_write(peer->ssl, buffer, (int)filled) <= 0))
		return false;
	count = SSL_read(peer->ssl, buffer, sizeof(buffer));
	return count > 0 && nghttp2_session_mem_recv(peer->session, buffer, (size_t)count) == count;
}

static void serve(SSL *ssl)
{
	struct peer peer = {.ssl = ssl};
	nghttp2_session_callbacks *callbacks;

	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, answer);
	nghttp2_session_server_new(&peer.session, callbacks, &peer);
	nghttp2_submit_settings(peer.session, NGHTTP2_FLAG_NONE, NULL, 0);
	while (turn(&peer))
		;
	nghttp2_session_del(peer.session);
	nghttp2_session_callbacks_del(callbacks);
}

static int client(int port, int requests, int streams)
{
	struct peer peer = {.ssl = tls_connect(port, "api.telegram.org")};
	nghttp2_session_callbacks *callbacks;
	long long begin = now_ns();
	int warm = 10 * streams;

	nghttp2_session_callbacks_new(&callbacks);
	nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, answered);
	nghttp2_session_client_new(&peer.session, callbacks, &peer);
	nghttp2_submit_settings(peer.session, NGHTTP2_FLAG_NONE, NULL, 0);
	requests += warm;
	while (peer.ssl && peer.answered < requests) {
		while (peer.begun < requests && peer.begun - peer.answered < streams) {
			if (peer.begun++ == warm)
				begin = now_ns();
			nghttp2_submit_request(peer.session, NULL, request, 6, NULL, NULL);
		}
		if (peer.over || !turn(&peer))
			return fprintf(stderr, "http2: request %d failed\n", peer.answered), 1;
	}
	if (!peer.ssl)
		return 1;
	printf("%lld\n", (now_ns() - begin) / (requests - warm));
	SSL_shutdown(peer.ssl);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 5 && !strcmp(argv[1], "server"))
		return tls_serve(atoi(argv[2]), argv[3], argv[4], serve);
	if (argc == 5 && !strcmp(argv[1], "client") && atoi(argv[3]) > 0 && atoi(argv[4]) > 0)
		return client(atoi(argv[2]), atoi(argv[3]), atoi(argv[4]));
	return fprintf(stderr,
		       "usage: http2 server PORT CERT KEY | client PORT REQUESTS STREAMS\n"),
	       2;
}
