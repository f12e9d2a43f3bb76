// SPDX-License-Identifier: Apache-2.0
/*
 * How many events may come in: a token bucket for each sender and one for all together. Pure: the
 * caller says what time it is.
 *
 * The table of senders is bounded. When it is full, a new sender takes the place of the one that
 * sent nothing for the longest time; should that one come back, its bucket is full again. Nobody
 * gains by it: RATE_SENDERS others had to send in the meantime, and the total limit holds.
 */
#ifndef EXPORTER_RATE_LIMIT_H
#define EXPORTER_RATE_LIMIT_H

#include <stdint.h>
#include <sys/socket.h>

#include "reporting.h"

#define RATE_SENDERS 1024

struct rate_limit;

/* Who sends, as far as limits go. */
struct rate_sender {
	uint8_t kind; /* 0: a user, 4, 6: an address */
	uint8_t bytes[8];
};

struct rate_sender rate_sender_user(uint32_t uid);
/* The IPv4 address, or the first 64 bits of the IPv6 address: the rest is its owner's choice. */
struct rate_sender rate_sender_address(const struct sockaddr *address);

/* 0 or -ENOMEM. Takes sender_rate, sender_burst, total_rate and total_burst; a rate of 0 is no limit,
 * a burst of 0 is 1. */
int rate_limit_create(const struct reporting_settings *settings, struct rate_limit **ret_limit);
void rate_limit_free(struct rate_limit *limit);
/* New limits from now on; what was used up stays used up. */
void rate_limit_configure(struct rate_limit *limit, const struct reporting_settings *settings);

/*
 * How many of `count` events may come in now; they are counted as in. With fewer than `count`,
 * ret_retry_seconds is when to come again with the rest (or with as many as a full bucket holds).
 * `now_ns` is of a clock that never goes back.
 */
unsigned rate_limit_take(struct rate_limit *limit, const struct rate_sender *sender, unsigned count,
			 uint64_t now_ns, unsigned *ret_retry_seconds);

#endif
