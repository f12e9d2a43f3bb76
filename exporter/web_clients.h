// SPDX-License-Identifier: Apache-2.0
/*
 * Open connections: what their bytes were, and the time by which each must have gone on, so that
 * neither a client who sends or reads a byte a minute keeps its place, nor a thousand who say
 * nothing keep a scrape out.
 *
 * A full house makes room: of the clients that have no request being answered the one goes that
 * never completed any, and of those the oldest. Where one address has more than its share, one of
 * its own goes.
 */
#ifndef EXPORTER_WEB_CLIENTS_H
#define EXPORTER_WEB_CLIENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "web_guard.h"

/* From connecting, or from a request's first byte, to its last header: the default scrape timeout. */
#define WEB_HEAD_SECONDS 10
/* From a request's first byte to the last byte of its answer. */
#define WEB_REQUEST_SECONDS 30
/*
 * From one request's answer to the next request: a scrape interval of two minutes keeps the
 * connection alive.
 */
#define WEB_NEXT_REQUEST_SECONDS 150

/* A handful of Prometheus servers and people; ten times that many may idle or be strangers. */
#define WEB_CLIENTS_MAX 512
/* Of the unix socket. With the maps, all stays below the common limit of 1,024 descriptors. */
#define WEB_LOCAL_CLIENTS_MAX 128
/* A proxy may bring many. */
#define WEB_CLIENTS_PER_ADDRESS 64

struct web_clients;

struct web_client {
	struct web_clients *owner;
	struct web_client *next, **link; /* link: who points at this one */
	struct web_guard guard;
	uint64_t deadline;   /* milliseconds, CLOCK_MONOTONIC; UINT64_MAX: shut down already */
	uint64_t began;	     /* first byte of the request, or the answer before it */
	uint64_t since;	     /* nothing was answered since then */
	uint32_t completed;  /* requests that were answered */
	int fd;		     /* not owned */
	bool busy;	     /* the head is here, the answer is not yet sent */
	uint8_t address[16]; /* IPv4 mapped; IPv6 by its first 64 bits; zeros: local */
};

struct web_clients {
	struct web_client *first;
	unsigned max; /* to be set before the first client */
	unsigned count;
	uint64_t expired; /* cut because their time was over */
	uint64_t evicted; /* cut to make room */
};

uint64_t web_clients_now(void);

/*
 * Makes room if there is none. NULL when memory is out or nobody can go: the caller closes the
 * connection.
 */
struct web_client *web_client_open(struct web_clients *clients, int fd, uint64_t now);
/* An answer is on its way entirely. */
void web_client_completed(struct web_client *client, uint64_t now);
void web_client_close(struct web_client *client);

/* What came in on a descriptor; one that is no client's is ignored. */
void web_clients_received(int fd, const void *bytes, size_t size, uint64_t now);

/* Whether a client waits for the answer to a request that is here entirely. */
bool web_clients_waits(int fd);

/*
 * Shuts down the connections whose time is over; returns the milliseconds to the next deadline,
 * -1 for none.
 */
int web_clients_expire(struct web_clients *clients, uint64_t now);

#endif
