// SPDX-License-Identifier: Apache-2.0
/*
 * Events by unix datagram: one JSON object each, nobody waits for an answer. Everything that is not
 * taken is counted by its reason and logged, at most one line a second for each reason, with the
 * sender's uid and pid and never with what it said.
 *
 * A source of an epoll loop: when datagram_fd() is readable, call datagram_run().
 */
#ifndef EXPORTER_DATAGRAM_H
#define EXPORTER_DATAGRAM_H

#include "event.h"
#include "intake.h"
#include "rate_limit.h"
#include "reporting.h"

/* Datagrams taken in one call of datagram_run(), so that the loop's other sources have their turn:
 * at 5 us each about 5 ms. */
#define DATAGRAM_RUN_MAX 1024

struct datagram;

/* What a datagram needs; all of it outlives the datagram. */
struct datagram_site {
	const struct reporting_settings *settings; /* who may send; may change between calls */
	struct rate_limit *limit;
	struct intake *intake;
	/* As recorder_submit() without a ticket: takes over the events, also on failure; 0, -ENOBUFS or
	 * -EIO. The place to join them with their agents. */
	int (*submit)(void *context, struct event **events, unsigned count);
	void *context;
};

/* Takes over a socket of local_socket_listen(), also on failure. 0 or -ENOMEM. */
int datagram_open(int fd, const struct datagram_site *site, struct datagram **ret_datagram);
void datagram_close(struct datagram *datagram);

int datagram_fd(const struct datagram *datagram);

/* Takes what is there, at most DATAGRAM_RUN_MAX. Returns how many datagrams were read. */
unsigned datagram_run(struct datagram *datagram);

#endif
