// SPDX-License-Identifier: Apache-2.0
#include "web.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <gnutls/abstract.h>
#include <microhttpd.h>

#include "api.h"
#include "page.h"
#include "web_body.h"
#include "web_clients.h"
#include "web_connection.h"
#include "web_gate.h"
#include "web_request.h"
#include "web_routes.h"
#include "web_settings.h"
#include "web_tls.h"

/* Per address; some that were cut (web_clients.h) may still be about to close. */
#define CONNECTIONS_MAX (WEB_CLIENTS_MAX + 64)
/* Seconds without a byte before a connection is closed; above the common scrape intervals. */
#define QUIET_SECONDS 120
/* Bytes for one request's head and the response's head: browsers send up to 8 KiB of them. */
#define CONNECTION_MEMORY (16 * 1024)
/* A body that is too long is read up to here, for a client that reads its answer after it has sent. */
#define WEB_SWALLOW_MAX (8 * 1024 * 1024)
/* Rounds in which suspended requests end when the server stops: each ends in one. */
#define LAST_ROUNDS 8

struct web {
	struct MHD_Daemon *daemons[WEB_LISTEN_MAX];
	unsigned daemon_count;
	struct web_clients clients[2]; /* of the web, of unix sockets: neither fills the other */
	bool tls;
	bool ends; /* no request is answered any more */
	struct web_shared shared;
};

static enum web_method method_of(const char *method)
{
	if (!strcmp(method, MHD_HTTP_METHOD_GET) || !strcmp(method, MHD_HTTP_METHOD_HEAD))
		return WEB_READ;
	return strcmp(method, MHD_HTTP_METHOD_POST) ? WEB_OTHER : WEB_POST;
}

/* Called with the request line as it was sent, before the library takes the query apart. */
static void *started(void *context, const char *uri, struct MHD_Connection *connection)
{
	struct web *web = context;

	return web_request_create(&web->shared, uri, connection);
}

static enum MHD_Result refuse_unknown(struct web_request *request)
{
	static const struct web_problem unknown = {"not_found", "", "not found"};
	static const struct web_problem method = {"method_not_allowed", "", "method not allowed"};
	const struct web_header allow[] = {
		{"Allow", request->route ? web_route_allow(request->route) : ""}, {NULL, NULL}};

	if (request->route)
		return web_refuse(request, MHD_HTTP_METHOD_NOT_ALLOWED, &method, allow);
	return web_refuse(request, MHD_HTTP_NOT_FOUND, &unknown, web_no_headers);
}

static enum MHD_Result refuse_large(struct web_request *request)
{
	static const struct web_problem large = {"too_large", "",
						 "the body is longer than this path takes"};

	return web_refuse(request, MHD_HTTP_CONTENT_TOO_LARGE, &large, web_no_headers);
}

static enum MHD_Result refuse_crowded(struct web_request *request)
{
	static const struct web_problem crowded = {
		"busy", "", "too many requests are being received at once; try again"};

	return web_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, &crowded, web_busy_headers);
}

/* The length that the head declares; 0 without one. The library has checked that it is a number. */
static uint64_t declared_size(const struct web_request *request)
{
	const char *length = MHD_lookup_connection_value(request->connection, MHD_HEADER_KIND,
							 MHD_HTTP_HEADER_CONTENT_LENGTH);

	return length ? strtoull(length, NULL, 10) : 0;
}

/* What no body can change is answered without waiting for one. */
static enum MHD_Result handle_head(struct web_request *request)
{
	int admitted = web_admit(request);
	uint64_t size;

	if (admitted)
		return admitted > 0 || admitted == -EINPROGRESS ? MHD_YES : MHD_NO;
	request->stage = STAGE_BODY;
	if (request->method == WEB_READ)
		return MHD_YES;
	if (!request->route || request->method != request->route->method)
		return refuse_unknown(request);
	size = declared_size(request);
	if (size > WEB_SWALLOW_MAX)
		return refuse_large(request);
	request->body_cut = size > request->route->body_max;
	return MHD_YES;
}

static enum MHD_Result handle_complete(struct web_request *request)
{
	web_answer *next = request->next;

	if (next) {
		request->next = NULL;
		return next(request);
	}
	if (!request->route || request->method != request->route->method)
		return refuse_unknown(request);
	if (request->body_cut)
		return refuse_large(request);
	if (request->body_crowded)
		return refuse_crowded(request);
	return request->route->answer(request);
}

/*
 * Called once with the head, then for each piece of a body, then once more at its end; and again
 * where it stopped after a request was resumed.
 */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	struct web_connection *own = web_connection_of(connection);
	struct web_request *request = *state;
	struct web *web = context;

	(void)version;
	if (!request || !own || web->ends)
		return MHD_NO;
	if (request->stage == STAGE_HEAD) {
		request->path = url;
		request->method = method_of(method);
		request->origin = &own->origin;
		request->route = web_route_find(url, web->shared.site.telemetry_path);
		return handle_head(request);
	}
	if (!*upload_size && own->origin.guard && own->origin.guard->fault && !request->next)
		return web_gate_refuse_fault(request);
	if (!*upload_size)
		return handle_complete(request);
	/* Nobody wants the body of a GET; the connection's deadline bounds it. */
	if (request->method != WEB_READ && request->route)
		web_request_add(request, upload, *upload_size);
	*upload_size = 0;
	return MHD_YES;
}

/* Paths are compared as they were sent: a NUL or a slash in disguise is not ours. */
static size_t leave_escaped(void *context, struct MHD_Connection *connection, char *text)
{
	(void)context;
	(void)connection;
	return strlen(text);
}

static void completed(void *context, struct MHD_Connection *connection, void **state,
		      enum MHD_RequestTerminationCode code)
{
	struct web_connection *own = web_connection_of(connection);

	(void)context;
	web_request_free(*state);
	*state = NULL;
	if (!own)
		return;
	if (own->client && code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		web_client_completed(own->client, web_clients_now());
}

int web_create(const struct web_site *site, struct web **ret_web)
{
	struct web *web = calloc(1, sizeof(*web));
	int err;

	if (!web)
		return -ENOMEM;
	web->shared.site = *site;
	web->clients[0].max = WEB_CLIENTS_MAX;
	web->clients[1].max = WEB_LOCAL_CLIENTS_MAX;
	err = web_gate_create(&web->shared.gate);
	if (!err)
		err = web_bodies_create(&web->shared.bodies);
	if (!err)
		err = api_create(&web->shared.api);
	if (!err)
		err = page_render(OPERAGLASS_VERSION, site->telemetry_path, &web->shared.page);
	if (err) {
		web_free(web);
		return err;
	}
	*ret_web = web;
	return 0;
}

void web_take_events(struct web *web, const struct web_reporting *reporting)
{
	web->shared.reporting = *reporting;
}

/* The library refuses to stop while a request is suspended. */
static void end_suspended(struct web *web)
{
	unsigned round;

	web->ends = true;
	for (round = 0; round < LAST_ROUNDS && web->shared.suspended; round++) {
		while (web->shared.suspended)
			web_resume(web->shared.suspended);
		web_run(web);
	}
}

void web_free(struct web *web)
{
	if (!web)
		return;
	end_suspended(web);
	while (web->daemon_count > 0)
		MHD_stop_daemon(web->daemons[--web->daemon_count]);
	web_tls_release();
	web_gate_free(web->shared.gate);
	text_release(&web->shared.page);
	api_free(web->shared.api);
	web_bodies_free(web->shared.bodies);
	free(web);
}

int web_configure(struct web *web, const struct web_settings *settings, char *ret_problem,
		  size_t size)
{
	const bool begins = web->daemon_count == 0;
	int err = 0;

	if (!begins && web->tls != (settings->tls != 0)) {
		snprintf(ret_problem, size, "TLS is switched on and off at the next start only");
		return -EINVAL;
	}
	if (settings->tls) {
		err = web_tls_load();
		if (!err)
			err = web_tls_configure(settings, ret_problem, size);
		else
			snprintf(ret_problem, size, "TLS cannot be used");
	}
	if (err)
		return err;
	web->tls = settings->tls;
	web_gate_configure(web->shared.gate, settings);
	return 0;
}

void web_set_tokens(struct web *web, const char *read_token, const char *ingest_token)
{
	web_auth_set_tokens(web->shared.gate->auth, read_token, ingest_token);
}

void web_use_worker(struct web *web, struct worker *worker)
{
	web_auth_use(web->shared.gate->auth, worker);
}

uint64_t web_refused(const struct web *web, enum web_refusal why)
{
	if (why == WEB_REFUSED_SLOW)
		return web->clients[0].expired + web->clients[1].expired;
	if (why == WEB_REFUSED_EVICTED)
		return web->clients[0].evicted + web->clients[1].evicted;
	if (why == WEB_REFUSED_CERTIFICATE)
		return web_tls_refused();
	return web->shared.gate->refused[why];
}

static bool is_local(int listen_fd)
{
	struct sockaddr address = {.sa_family = AF_UNSPEC};
	socklen_t size = sizeof(address);

	return !getsockname(listen_fd, &address, &size) && address.sa_family == AF_UNIX;
}

/* Never asked: sessions are put under the settings of web_tls_configure(). */
static int no_certificate(gnutls_session_t session, const gnutls_datum_t *authorities, int count,
			  const gnutls_pk_algorithm_t *algorithms, int algorithm_count,
			  gnutls_pcert_st **chain, unsigned *chain_size, gnutls_privkey_t *key)
{
	(void)session, (void)authorities, (void)count, (void)algorithms, (void)algorithm_count;
	(void)chain, (void)chain_size, (void)key;
	return -1;
}

int web_serve(struct web *web, int listen_fd)
{
	const bool tls = web->tls && !is_local(listen_fd);
	struct MHD_Daemon *daemon = NULL;

	if (web->daemon_count < WEB_LISTEN_MAX)
		daemon = MHD_start_daemon(
			MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (tls ? MHD_USE_TLS : 0), 0, NULL,
			NULL, handle, web, MHD_OPTION_LISTEN_SOCKET, listen_fd,
			MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
			MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)QUIET_SECONDS,
			MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
			MHD_OPTION_URI_LOG_CALLBACK, started, web, MHD_OPTION_UNESCAPE_CALLBACK,
			leave_escaped, NULL, MHD_OPTION_NOTIFY_COMPLETED, completed, NULL,
			MHD_OPTION_NOTIFY_CONNECTION, web_connection_changed, web->clients,
			tls ? MHD_OPTION_HTTPS_CERT_CALLBACK : MHD_OPTION_END, no_certificate,
			MHD_OPTION_END);
	if (!daemon) {
		close(listen_fd);
		return -ENOMEM;
	}
	web->daemons[web->daemon_count++] = daemon;
	return 0;
}

int web_attach(const struct web *web, int epoll_fd, uint64_t data)
{
	struct epoll_event event = {.events = EPOLLIN, .data.u64 = data};
	const union MHD_DaemonInfo *info;
	unsigned i;

	for (i = 0; i < web->daemon_count; i++) {
		info = MHD_get_daemon_info(web->daemons[i], MHD_DAEMON_INFO_EPOLL_FD);
		if (!info)
			return -EINVAL;
		if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, info->epoll_fd, &event))
			return -errno;
	}
	return 0;
}

void web_run(struct web *web)
{
	unsigned i;

	for (i = 0; i < web->daemon_count; i++)
		MHD_run(web->daemons[i]);
}

int web_timeout(struct web *web)
{
	const uint64_t now = web_clients_now();
	int timeout = web_clients_expire(&web->clients[0], now),
	    local = web_clients_expire(&web->clients[1], now);
	MHD_UNSIGNED_LONG_LONG wanted;
	unsigned i;

	if (timeout < 0 || (local >= 0 && local < timeout))
		timeout = local;
	for (i = 0; i < web->daemon_count; i++)
		if (MHD_get_timeout(web->daemons[i], &wanted) == MHD_YES &&
		    (timeout < 0 || wanted < (unsigned)timeout))
			timeout = (int)wanted;
	return timeout;
}
