// SPDX-License-Identifier: Apache-2.0
/*
 * The HTTP server: a few fixed paths (web_routes.c).
 *
 *	TELEMETRY PATH  the scrape, as text or OpenMetrics, gzip when asked for
 *	/               the landing page
 *	/-/healthy      200 while the process serves
 *	/-/ready        200 once everything is attached, 503 before
 *	/health, /api/…, /orchestrate/metrics    JSON (api.h, openapi.json)
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

struct event;
struct health_facts;
struct intake;
struct model;
struct rate_limit;
struct recorder;
struct reporting_settings;
struct web_settings;
struct worker;

#define WEB_LISTEN_MAX 8 /* addresses */

/* Why a client was not served. */
enum web_refusal {
	WEB_REFUSED_MALFORMED, /* 400: its request could be read in two ways */
	WEB_REFUSED_RATE,      /* 429 */
	WEB_REFUSED_MISSING,   /* 401, and the next three */
	WEB_REFUSED_CREDENTIALS,
	WEB_REFUSED_PASSWORD,
	WEB_REFUSED_TOKEN,
	WEB_REFUSED_CERTIFICATE, /* in the TLS handshake */
	WEB_REFUSED_OFF,	 /* 403: no token for ingestion is configured */
	WEB_REFUSED_BUSY,	 /* 503 */
	WEB_REFUSED_SLOW,	 /* cut: its time was over */
	WEB_REFUSED_EVICTED,	 /* cut: another took its place */
	WEB_REFUSALS
};

/* Label `reason`. */
extern const char *const web_refusal_names[WEB_REFUSALS];

/* Who answers. `telemetry_path` must outlive the server. */
struct web_site {
	void *context;
	const char *telemetry_path;
	/* Appends the body of one scrape; 0 or -errno, which becomes a 500. */
	int (*scrape)(void *context, enum text_format format, struct text *out);
	/* Told when the body of a scrape is ready, compression included. */
	void (*scraped)(void *context, uint64_t nanoseconds);
	bool (*ready)(void *context);
	/*
	 * Told of refused credentials, at most 60 at once and one a second after that; may be NULL.
	 * `address` is the client's, `path` what it asked for; both end with the call.
	 */
	void (*refused)(void *context, enum web_refusal why, const char *address, const char *path);
	/*
	 * Collects what a scrape shows; NULL when it cannot. Good until the next call of this or
	 * of `scrape`. May be NULL itself: then /api/diagnostics/metrics answers 500.
	 */
	const struct model *(*collect)(void *context);
	/* Fills handed_over, readable, programs and attached; the rest is known here. */
	void (*facts)(void *context, struct health_facts *facts);
};

/*
 * What takes events and reports about them. All of it outlives the last web_run(), and ends before
 * web_free(), so that no ticket and no job points at a request that is gone.
 */
struct web_reporting {
	struct recorder *recorder; /* NULL: events are not taken, and answered 503 */
	struct worker *worker;
	struct intake *intake;
	struct rate_limit *limit;
	const struct reporting_settings *settings; /* may change in place */
	/* Joins an event with the agent that it is about (event_set_root()); may be NULL. */
	void (*join)(void *context, struct event *event);
	void *context;
};

struct web;

/* 0 or -errno; nothing is logged. */
int web_create(const struct web_site *site, struct web **ret_web);
void web_free(struct web *web);

/*
 * Passwords, limits, headers and TLS, from now on. TLS is served if the first call, before the
 * first web_serve() and before the process is confined, says so; later ones only change its
 * certificates and rules. 0; or a negative error with one line in ret_problem, and nothing changed.
 */
int web_configure(struct web *web, const struct web_settings *settings, char *ret_problem,
		  size_t size);
/* "" where none is configured: reading is free then, and ingestion by web is off. */
void web_set_tokens(struct web *web, const char *read_token, const char *ingest_token);
/* Who computes the hashes of passwords; without one they are refused as busy. */
void web_use_worker(struct web *web, struct worker *worker);
/* Clients that were not served, since the start. */
uint64_t web_refused(const struct web *web, enum web_refusal why);

/* From now on events are taken. The pointers must not change while a request waits. */
void web_take_events(struct web *web, const struct web_reporting *reporting);

/* Serves a listening socket, TCP or unix stream; it belongs to the server from now on, also on failure. */
int web_serve(struct web *web, int listen_fd);

/* Adds every descriptor to the epoll set, with `data` as epoll_data.u64. */
int web_attach(const struct web *web, int epoll_fd, uint64_t data);

void web_run(struct web *web);

/* Milliseconds until web_run() is due although no descriptor is ready; -1: never. */
int web_timeout(struct web *web);

#endif
