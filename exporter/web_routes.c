// SPDX-License-Identifier: Apache-2.0
#include "web_routes.h"

#include <string.h>

#include "api.h"
#include "batch.h"
#include "web_scrape.h"

/* Bytes of a declaration: its texts, each escaped, and twenty numbers. */
#define DECLARATION_SIZE_MAX (16 * 1024)
#define BUDGET_SIZE_MAX	     1024 /* one number and its name */

static enum MHD_Result answer_page(struct web_request *request)
{
	static const struct web_header headers[] = {
		{"Content-Type", "text/html; charset=utf-8"},
		{"Content-Security-Policy",
		 "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"},
		{NULL, NULL},
	};
	const struct text *page = &request->shared->page;

	return web_reply(
		request, MHD_HTTP_OK,
		MHD_create_response_from_buffer(page->size, page->data, MHD_RESPMEM_PERSISTENT),
		headers);
}

static enum MHD_Result answer_healthy(struct web_request *request)
{
	return web_reply_line(request, MHD_HTTP_OK, "healthy\n", web_no_headers);
}

static enum MHD_Result answer_ready(struct web_request *request)
{
	const struct web_site *site = &request->shared->site;

	if (site->ready(site->context))
		return web_reply_line(request, MHD_HTTP_OK, "ready\n", web_no_headers);
	return web_reply_line(request, MHD_HTTP_SERVICE_UNAVAILABLE, "not ready: still attaching\n",
			      web_busy_headers);
}

static const struct web_route routes[] = {
	{NULL, WEB_READ, ACCESS_READ, 0, web_scrape},
	{"/", WEB_READ, ACCESS_READ, 0, answer_page},
	{"/-/healthy", WEB_READ, ACCESS_OPEN, 0, answer_healthy},
	{"/-/ready", WEB_READ, ACCESS_OPEN, 0, answer_ready},
	{"/health", WEB_READ, ACCESS_READ, 0, api_health},
	{"/orchestrate/metrics", WEB_READ, ACCESS_READ, 0, api_orchestrate},
	{"/api/metrics", WEB_READ, ACCESS_READ, 0, web_scrape},
	{"/api/diagnostics/metrics", WEB_READ, ACCESS_READ, 0, api_diagnostics},
	{"/api/approvals", WEB_READ, ACCESS_READ, 0, api_approvals},
	{"/api/audit", WEB_READ, ACCESS_READ, 0, api_audit},
	{"/api/cost/report", WEB_READ, ACCESS_READ, 0, api_cost},
	{"/api/analytics/agents", WEB_READ, ACCESS_READ, 0, api_analytics},
	{"/api/openapi.json", WEB_READ, ACCESS_READ, 0, api_openapi},
	{"/api/v1/events", WEB_POST, ACCESS_INGEST, BATCH_SIZE_MAX, api_events},
	{"/api/v1/budget", WEB_POST, ACCESS_INGEST, BUDGET_SIZE_MAX, api_budget},
	{"/api/v1/metrics", WEB_POST, ACCESS_INGEST, DECLARATION_SIZE_MAX, api_declare},
};

const struct web_route *web_route_find(const char *path, const char *telemetry_path)
{
	size_t i;

	for (i = 0; i < sizeof(routes) / sizeof(*routes); i++)
		if (!strcmp(path, routes[i].path ? routes[i].path : telemetry_path))
			return &routes[i];
	return NULL;
}

const char *web_route_allow(const struct web_route *route)
{
	return route->method == WEB_READ ? "GET, HEAD" : "POST";
}
