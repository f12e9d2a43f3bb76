// SPDX-License-Identifier: Apache-2.0
#include "web_scrape.h"

#include <time.h>

#include "web_accept.h"
#include "web_body.h"

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

static enum MHD_Result reply_body(struct web_request *request, struct web_body *body,
				  enum text_format format, bool compressed)
{
	struct MHD_Response *response;
	const struct web_header headers[] = {
		{"Content-Type", text_content_types[format]},
		{"Vary", "Accept, Accept-Encoding"},
		{compressed ? "Content-Encoding" : NULL, "gzip"},
		{NULL, NULL},
	};

	response = MHD_create_response_from_buffer_with_free_callback_cls(
		body->text.size, body->text.data, put_body, body);
	if (!response)
		web_body_put(body);
	return web_reply(request, MHD_HTTP_OK, response, headers);
}

enum MHD_Result web_scrape(struct web_request *request)
{
	static const struct web_problem busy = {"busy", "", "busy: too many scrapes at once"};
	static const struct web_problem failed = {
		"scrape_failed", "", "the scrape failed; the log of the exporter says why"};
	const struct web_site *site = &request->shared->site;
	uint64_t start = nanoseconds_now();
	struct web_joined joined;
	enum text_format format;
	struct web_body *body;
	bool compressed;

	format = web_accept_format(web_header(request, "Accept", &joined));
	compressed = web_accept_gzip(web_header(request, "Accept-Encoding", &joined));
	body = web_body_take(request->shared->bodies);
	if (!body)
		return web_refuse(request, MHD_HTTP_SERVICE_UNAVAILABLE, &busy, web_busy_headers);
	if (site->scrape(site->context, format, &body->text)) {
		web_body_put(body);
		return web_refuse(request, MHD_HTTP_INTERNAL_SERVER_ERROR, &failed, web_no_headers);
	}
	if (compressed && web_body_compress(body))
		compressed = false;
	site->scraped(site->context, nanoseconds_now() - start);
	return reply_body(request, body, format, compressed);
}
