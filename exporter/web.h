// SPDX-License-Identifier: Apache-2.0
/*
 * The HTTP server: a few fixed paths, GET and HEAD.
 *
 *	TELEMETRY PATH  the scrape, as text or OpenMetrics, gzip when asked for
 *	/               the landing page
 *	/-/healthy      200 while the process serves
 *	/-/ready        200 once everything is attached, 503 before
 *
 * It has no thread and no loop of its own: web_attach() puts its descriptors into the caller's
 * epoll set, web_run() does what is due, and web_timeout() says when it wants to run again.
 * Sockets come from outside, so that they are open before privileges go.
 */
#ifndef EXPORTER_WEB_H
#define EXPORTER_WEB_H

#include <stdbool.h>
#include <stdint.h>

#include "text.h"

#define WEB_LISTEN_MAX 8 /* addresses */

/* Who answers. `telemetry_path` must outlive the server. */
struct web_site {
	void *context;
	const char *telemetry_path;
	/* Appends the body of one scrape; 0 or -errno, which becomes a 500. */
	int (*scrape)(void *context, enum text_format format, struct text *out);
	/* Told when the body of a scrape is ready, compression included. */
	void (*scraped)(void *context, uint64_t nanoseconds);
	bool (*ready)(void *context);
};

struct web;

/* 0 or -errno; nothing is logged. */
int web_create(const struct web_site *site, struct web **ret_web);
void web_free(struct web *web);

/* Serves a listening socket; it belongs to the server from now on, also on failure. */
int web_serve(struct web *web, int listen_fd);

/* Adds every descriptor to the epoll set, with `data` as epoll_data.u64. */
int web_attach(const struct web *web, int epoll_fd, uint64_t data);

void web_run(struct web *web);

/* Milliseconds until web_run() is due although no descriptor is ready; -1: never. */
int web_timeout(struct web *web);

#endif
