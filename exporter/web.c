// SPDX-License-Identifier: Apache-2.0
#include "web.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <microhttpd.h>

#include "page.h"
#include "web_accept.h"
#include "web_body.h"
#include "web_clients.h"

/*
 * Per address. A handful of Prometheus servers and people; from one address a proxy may come with
 * more.
 */
#define CONNECTIONS_MAX	       128
#define CONNECTIONS_PER_IP_MAX 64
/* Seconds without a byte before a connection is closed; above the common scrape intervals. */
#define QUIET_SECONDS 120
/* Bytes for one request's head and the response's head: browsers send up to 8 KiB of them. */
#define CONNECTION_MEMORY (16 * 1024)
#define HEADER_SIZE	  1024 /* of a joined Accept; what is longer is cut */

struct web {
	struct web_site site;
	struct MHD_Daemon *daemons[WEB_LISTEN_MAX];
	unsigned daemon_count;
	struct web_bodies *bodies;
	struct web_clients clients;
	struct text page;
};

struct request {
	struct web *web;
	struct MHD_Connection *connection;
};

struct header {
	const char *name, *value;
};

static const struct header no_headers[] = {{NULL, NULL}};
static const struct header html_headers[] = {
	{"Content-Type", "text/html; charset=utf-8"},
	{"Content-Security-Policy",
	 "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
	{NULL, NULL},
};
static const struct header allow_headers[] = {{"Allow", "GET, HEAD"}, {NULL, NULL}};
static const struct header busy_headers[] = {{"Retry-After", "1"}, {NULL, NULL}};

/* Sends `response` and lets go of it. */
static enum MHD_Result reply(const struct request *request, unsigned status,
			     struct MHD_Response *response, const struct header *headers)
{
	enum MHD_Result result;

	if (!response)
		return MHD_NO;
	for (; headers->name; headers++)
		MHD_add_response_header(response, headers->name, headers->value);
	MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
	result = MHD_queue_response(request->connection, status, response);
	MHD_destroy_response(response);
	return result;
}

/* A line of plain text; `line` is a literal. */
static enum MHD_Result reply_line(const struct request *request, unsigned status, const char *line,
				  const struct header *headers)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(
		strlen(line), (void *)(uintptr_t)line, MHD_RESPMEM_PERSISTENT);

	if (response)
		MHD_add_response_header(response, "Content-Type", "text/plain; charset=utf-8");
	return reply(request, status, response, headers);
}

static enum MHD_Result answer_page(const struct request *request)
{
	const struct text *page = &request->web->page;

	return reply(
		request, MHD_HTTP_OK,
		MHD_create_response_from_buffer(page->size, page->data, MHD_RESPMEM_PERSISTENT),
		html_headers);
}

static enum MHD_Result answer_healthy(const struct request *request)
{
	return reply_line(request, MHD_HTTP_OK, "healthy\n", no_headers);
}

static enum MHD_Result answer_ready(const struct request *request)
{
	const struct web_site *site = &request->web->site;

	if (site->ready(site->context))
		return reply_line(request, MHD_HTTP_OK, "ready\n", no_headers);
	return reply_line(request, MHD_HTTP_SERVICE_UNAVAILABLE, "not ready: still attaching\n",
			  busy_headers);
}

/* Every line of one header, joined as RFC 9110 (5.3) allows. */
struct joined {
	const char *name;
	size_t size;
	char value[HEADER_SIZE];
};

static enum MHD_Result join_header(void *context, enum MHD_ValueKind kind, const char *name,
				   const char *value)
{
	struct joined *joined = context;
	size_t size = value ? strlen(value) : 0;

	(void)kind;
	if (strcasecmp(name, joined->name) || joined->size + size + 2 > sizeof(joined->value))
		return MHD_YES;
	if (joined->size)
		joined->value[joined->size++] = ',';
	memcpy(joined->value + joined->size, value, size);
	joined->size += size;
	joined->value[joined->size] = '\0';
	return MHD_YES;
}

static const char *header_of(const struct request *request, const char *name, struct joined *joined)
{
	joined->name = name;
	joined->size = 0;
	joined->value[0] = '\0';
	MHD_get_connection_values(request->connection, MHD_HEADER_KIND, join_header, joined);
	return joined->size ? joined->value : NULL;
}

static void put_body(void *body)
{
	web_body_put(body);
}

static uint64_t nanoseconds_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static enum MHD_Result reply_body(const struct request *request, struct web_body *body,
				  enum text_format format, bool compressed)
{
	struct MHD_Response *response;
	const struct header headers[] = {
		{"Content-Type", text_content_types[format]},
		{"Vary", "Accept, Accept-Encoding"},
		{compressed ? "Content-Encoding" : NULL, "gzip"},
		{NULL, NULL},
	};

	response = MHD_create_response_from_buffer_with_free_callback_cls(
		body->text.size, body->text.data, put_body, body);
	if (!response)
		web_body_put(body);
	return reply(request, MHD_HTTP_OK, response, headers);
}

static enum MHD_Result answer_scrape(const struct request *request)
{
	const struct web_site *site = &request->web->site;
	uint64_t begin = nanoseconds_now();
	enum text_format format;
	struct web_body *body;
	struct joined joined;
	bool compressed;

	format = web_accept_format(header_of(request, "Accept", &joined));
	compressed = web_accept_gzip(header_of(request, "Accept-Encoding", &joined));
	body = web_body_take(request->web->bodies);
	if (!body)
		return reply_line(request, MHD_HTTP_SERVICE_UNAVAILABLE,
				  "busy: too many scrapes at once\n", busy_headers);
	if (site->scrape(site->context, format, &body->text)) {
		web_body_put(body);
		return reply_line(request, MHD_HTTP_INTERNAL_SERVER_ERROR,
				  "the scrape failed; the log of the exporter says why\n",
				  no_headers);
	}
	if (compressed && web_body_compress(body))
		compressed = false;
	site->scraped(site->context, nanoseconds_now() - begin);
	return reply_body(request, body, format, compressed);
}

static const struct {
	const char *path; /* NULL: the telemetry path */
	enum MHD_Result (*answer)(const struct request *request);
} routes[] = {
	{NULL, answer_scrape},
	{"/", answer_page},
	{"/-/healthy", answer_healthy},
	{"/-/ready", answer_ready},
};

static bool is_read(const char *method)
{
	return !strcmp(method, MHD_HTTP_METHOD_GET) || !strcmp(method, MHD_HTTP_METHOD_HEAD);
}

static enum MHD_Result route(const struct request *request, const char *path, const char *method)
{
	const char *known;
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
		known = routes[i].path ? routes[i].path : request->web->site.telemetry_path;
		if (strcmp(path, known))
			continue;
		if (!is_read(method))
			return reply_line(request, MHD_HTTP_METHOD_NOT_ALLOWED,
					  "method not allowed\n", allow_headers);
		return routes[i].answer(request);
	}
	return reply_line(request, MHD_HTTP_NOT_FOUND, "not found\n", no_headers);
}

/* Called once with the head, then for each piece of a body, then once more at its end. */
static enum MHD_Result handle(void *context, struct MHD_Connection *connection, const char *url,
			      const char *method, const char *version, const char *upload,
			      size_t *upload_size, void **state)
{
	const struct request request = {context, connection};

	(void)version;
	(void)upload;
	if (!*state) {
		*state = context;
		/* An answer that no body can change is given without waiting for one. */
		return is_read(method) ? MHD_YES : route(&request, url, method);
	}
	if (*upload_size) {
		*upload_size = 0; /* nobody wants a body; the connection's deadline bounds it */
		return MHD_YES;
	}
	return route(&request, url, method);
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
	const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

	(void)context;
	(void)state;
	if (info && info->socket_context && code == MHD_REQUEST_TERMINATED_COMPLETED_OK)
		web_client_completed(info->socket_context, web_clients_now());
}

static void connection_changed(void *context, struct MHD_Connection *connection,
			       void **socket_context, enum MHD_ConnectionNotificationCode code)
{
	const union MHD_ConnectionInfo *info;
	struct web *web = context;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		web_client_close(*socket_context);
		*socket_context = NULL;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	if (info)
		*socket_context =
			web_client_open(&web->clients, info->connect_fd, web_clients_now());
}

int web_create(const struct web_site *site, struct web **ret_web)
{
	struct web *web = calloc(1, sizeof(*web));
	int err;

	if (!web)
		return -ENOMEM;
	web->site = *site;
	err = web_bodies_create(&web->bodies);
	if (!err)
		err = page_render(OPERAGLASS_VERSION, site->telemetry_path, &web->page);
	if (err) {
		web_free(web);
		return err;
	}
	*ret_web = web;
	return 0;
}

void web_free(struct web *web)
{
	if (!web)
		return;
	while (web->daemon_count > 0)
		MHD_stop_daemon(web->daemons[--web->daemon_count]);
	text_release(&web->page);
	web_bodies_free(web->bodies);
	free(web);
}

int web_serve(struct web *web, int listen_fd)
{
	struct MHD_Daemon *daemon = NULL;

	if (web->daemon_count < WEB_LISTEN_MAX)
		daemon = MHD_start_daemon(
			MHD_USE_EPOLL, 0, NULL, NULL, handle, web, MHD_OPTION_LISTEN_SOCKET,
			listen_fd, MHD_OPTION_CONNECTION_LIMIT, (unsigned)CONNECTIONS_MAX,
			MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)CONNECTIONS_PER_IP_MAX,
			MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)QUIET_SECONDS,
			MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
			MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, NULL,
			MHD_OPTION_NOTIFY_COMPLETED, completed, NULL, MHD_OPTION_NOTIFY_CONNECTION,
			connection_changed, web, MHD_OPTION_END);
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
	int timeout = web_clients_expire(&web->clients, web_clients_now());
	MHD_UNSIGNED_LONG_LONG wanted;
	unsigned i;

	for (i = 0; i < web->daemon_count; i++)
		if (MHD_get_timeout(web->daemons[i], &wanted) == MHD_YES &&
		    (timeout < 0 || wanted < (unsigned)timeout))
			timeout = (int)wanted;
	return timeout;
}
