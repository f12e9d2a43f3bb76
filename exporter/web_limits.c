// SPDX-License-Identifier: Apache-2.0
#include "web_limits.h"

#define SECOND UINT64_C(1000000000)

/*
 * The tokens that are missing are the intervals until it is full: one number says it all, and
 * nothing is to be done while nobody asks.
 */
static uint64_t missing_ns(const struct web_bucket *bucket, uint64_t now_ns)
{
	return bucket->full_at > now_ns ? bucket->full_at - now_ns : 0;
}

bool web_bucket_take(struct web_bucket *bucket, uint64_t now_ns)
{
	uint64_t missing = missing_ns(bucket, now_ns);

	if (!bucket->interval_ns)
		return true;
	if (missing + bucket->interval_ns > bucket->burst * bucket->interval_ns)
		return false;
	bucket->full_at = now_ns + missing + bucket->interval_ns;
	return true;
}

uint64_t web_bucket_wait(const struct web_bucket *bucket, uint64_t now_ns)
{
	uint64_t needed = missing_ns(bucket, now_ns) + bucket->interval_ns,
		 allowed = bucket->burst * bucket->interval_ns;
	uint64_t wait = needed > allowed ? needed - allowed : 0;

	return wait > SECOND ? (wait + SECOND - 1) / SECOND : 1;
}
