// SPDX-License-Identifier: Apache-2.0
/*
 * Open connections and the time by which each must have completed a request, so that a client who
 * sends or reads a byte a minute does not keep its place.
 */
#ifndef EXPORTER_WEB_CLIENTS_H
#define EXPORTER_WEB_CLIENTS_H

#include <stdint.h>

/*
 * A new connection completes its first request within this time, Prometheus' default scrape
 * timeout …
 */
#define WEB_FIRST_REQUEST_SECONDS 10
/*
 * … and the next one within this time after the last: a scrape interval of two minutes keeps it
 * alive.
 */
#define WEB_NEXT_REQUEST_SECONDS 150

struct web_client {
	struct web_client *next, **link; /* link: who points at this one */
	uint64_t deadline;		 /* milliseconds, CLOCK_MONOTONIC */
	int fd;				 /* not owned */
};

struct web_clients {
	struct web_client *first;
};

uint64_t web_clients_now(void);

/* NULL when memory is out. */
struct web_client *web_client_open(struct web_clients *clients, int fd, uint64_t now);
void web_client_completed(struct web_client *client, uint64_t now);
void web_client_close(struct web_client *client);

/*
 * Shuts down the connections whose time is over; returns the milliseconds to the next deadline,
 * -1 for none.
 */
int web_clients_expire(struct web_clients *clients, uint64_t now);

#endif
