// SPDX-License-Identifier: Apache-2.0
/* How often, and how many at once. Pure: the time comes from outside. */
#ifndef EXPORTER_WEB_LIMITS_H
#define EXPORTER_WEB_LIMITS_H

#include <stdbool.h>
#include <stdint.h>

/*
 * A bucket of tokens: one comes back every interval, up to `burst` of them.
 */
struct web_bucket {
	uint64_t interval_ns; /* 0: no limit */
	uint64_t burst;
	uint64_t full_at; /* nanoseconds: the bucket is full again then */
};

/* Takes a token; false when there is none. */
bool web_bucket_take(struct web_bucket *bucket, uint64_t now_ns);

/* Whole seconds until there is one, at least 1. */
uint64_t web_bucket_wait(const struct web_bucket *bucket, uint64_t now_ns);

#endif
