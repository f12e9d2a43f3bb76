// SPDX-License-Identifier: Apache-2.0
/*
 * A bucket is one number: when it will be full again. That is the generic cell rate algorithm,
 * which needs no timer and loses no fraction of a token.
 */
#include "rate_limit.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define NANO   UINT64_C(1000000000)
#define NOBODY UINT16_MAX

struct rate {
	uint64_t interval_ns; /* between two events; 0: no limit */
	uint64_t span_ns;     /* of a full bucket */
	unsigned burst;
};

struct place {
	struct rate_sender sender;
	uint64_t full_ns;
	uint16_t chain;	       /* next of the same hash */
	uint16_t newer, older; /* by when they sent last */
};

struct rate_limit {
	struct rate per_sender, total;
	uint64_t total_full_ns;
	unsigned used;		 /* places */
	uint16_t newest, oldest; /* NOBODY while there is none */
	uint16_t heads[RATE_SENDERS];
	struct place places[RATE_SENDERS];
};

struct rate_sender rate_sender_user(uint32_t uid)
{
	struct rate_sender sender = {.kind = 0};

	memcpy(sender.bytes, &uid, sizeof(uid));
	return sender;
}

struct rate_sender rate_sender_address(const struct sockaddr *address)
{
	const struct sockaddr_in6 *six = (const void *)address;
	const struct sockaddr_in *four = (const void *)address;
	struct rate_sender sender = {.kind = 4};

	if (address->sa_family == AF_INET) {
		memcpy(sender.bytes, &four->sin_addr, 4);
	} else if (address->sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) {
		memcpy(sender.bytes, six->sin6_addr.s6_addr + 12, 4);
	} else if (address->sa_family == AF_INET6) {
		sender.kind = 6;
		memcpy(sender.bytes, six->sin6_addr.s6_addr, 8);
	}
	return sender;
}

static struct rate make_rate(uint32_t rate, uint32_t burst)
{
	struct rate made = {.burst = burst ? burst : 1};

	if (rate) {
		made.interval_ns = (NANO + rate / 2) / rate;
		if (made.interval_ns == 0)
			made.interval_ns = 1;
	}
	made.span_ns = made.burst * made.interval_ns;
	return made;
}

void rate_limit_configure(struct rate_limit *limit, const struct reporting_settings *settings)
{
	limit->per_sender = make_rate(settings->sender_rate, settings->sender_burst);
	limit->total = make_rate(settings->total_rate, settings->total_burst);
}

int rate_limit_create(const struct reporting_settings *settings, struct rate_limit **ret_limit)
{
	struct rate_limit *limit = calloc(1, sizeof(*limit));
	unsigned i;

	if (!limit)
		return -ENOMEM;
	for (i = 0; i < RATE_SENDERS; i++)
		limit->heads[i] = NOBODY;
	limit->newest = limit->oldest = NOBODY;
	rate_limit_configure(limit, settings);
	*ret_limit = limit;
	return 0;
}

void rate_limit_free(struct rate_limit *limit)
{
	free(limit);
}

/* FNV-1a: chains are at most RATE_SENDERS long whatever somebody makes collide. */
static uint16_t *find_head(struct rate_limit *limit, const struct rate_sender *sender)
{
	uint32_t hash = (UINT32_C(2166136261) ^ sender->kind) * UINT32_C(16777619);
	unsigned i;

	for (i = 0; i < sizeof(sender->bytes); i++)
		hash = (hash ^ sender->bytes[i]) * UINT32_C(16777619);
	return &limit->heads[(hash ^ hash >> 16) % RATE_SENDERS];
}

static bool same(const struct rate_sender *one, const struct rate_sender *other)
{
	return one->kind == other->kind && !memcmp(one->bytes, other->bytes, sizeof(one->bytes));
}

static void unlink_age(struct rate_limit *limit, uint16_t index)
{
	const struct place *place = &limit->places[index];

	*(place->newer == NOBODY ? &limit->newest : &limit->places[place->newer].older) =
		place->older;
	*(place->older == NOBODY ? &limit->oldest : &limit->places[place->older].newer) =
		place->newer;
}

static void link_newest(struct rate_limit *limit, uint16_t index)
{
	limit->places[index].newer = NOBODY;
	limit->places[index].older = limit->newest;
	*(limit->newest == NOBODY ? &limit->oldest : &limit->places[limit->newest].newer) = index;
	limit->newest = index;
}

static uint16_t take_place(struct rate_limit *limit)
{
	uint16_t index = limit->oldest, *at;

	if (limit->used < RATE_SENDERS)
		return (uint16_t)limit->used++;
	unlink_age(limit, index);
	at = find_head(limit, &limit->places[index].sender);
	while (*at != index)
		at = &limit->places[*at].chain;
	*at = limit->places[index].chain;
	return index;
}

static struct place *find_place(struct rate_limit *limit, const struct rate_sender *sender)
{
	uint16_t *head = find_head(limit, sender), index;

	for (index = *head; index != NOBODY; index = limit->places[index].chain)
		if (same(&limit->places[index].sender, sender))
			break;
	if (index != NOBODY) {
		unlink_age(limit, index);
	} else {
		index = take_place(limit);
		limit->places[index].sender = *sender;
		limit->places[index].full_ns = 0;
		limit->places[index].chain = *head;
		*head = index;
	}
	link_newest(limit, index);
	return &limit->places[index];
}

static uint64_t backlog(uint64_t full_ns, uint64_t now_ns)
{
	return full_ns > now_ns ? full_ns - now_ns : 0;
}

static unsigned available(const struct rate *rate, uint64_t full_ns, uint64_t now_ns,
			  unsigned count)
{
	uint64_t missing = backlog(full_ns, now_ns), tokens;

	if (!rate->interval_ns)
		return count;
	tokens = missing >= rate->span_ns ? 0 : (rate->span_ns - missing) / rate->interval_ns;
	return tokens < count ? (unsigned)tokens : count;
}

static void spend(const struct rate *rate, unsigned count, uint64_t now_ns, uint64_t *full_ns)
{
	*full_ns = now_ns + backlog(*full_ns, now_ns) + count * rate->interval_ns;
}

/* Nanoseconds until `count` tokens, or a full bucket of them, are there. */
static uint64_t waiting_time(const struct rate *rate, uint64_t full_ns, uint64_t now_ns,
			     unsigned count)
{
	uint64_t needed = (count < rate->burst ? count : rate->burst) * rate->interval_ns +
			  backlog(full_ns, now_ns);

	return needed > rate->span_ns ? needed - rate->span_ns : 0;
}

unsigned rate_limit_take(struct rate_limit *limit, const struct rate_sender *sender, unsigned count,
			 uint64_t now_ns, unsigned *ret_retry_seconds)
{
	struct place *place = find_place(limit, sender);
	uint64_t wait, wait_total;
	unsigned taken;

	taken = available(&limit->per_sender, place->full_ns, now_ns, count);
	taken = available(&limit->total, limit->total_full_ns, now_ns, taken);
	spend(&limit->per_sender, taken, now_ns, &place->full_ns);
	spend(&limit->total, taken, now_ns, &limit->total_full_ns);
	if (taken == count)
		return taken;
	wait = waiting_time(&limit->per_sender, place->full_ns, now_ns, count - taken);
	wait_total = waiting_time(&limit->total, limit->total_full_ns, now_ns, count - taken);
	if (wait < wait_total)
		wait = wait_total;
	*ret_retry_seconds = (unsigned)((wait + NANO - 1) / NANO);
	if (*ret_retry_seconds == 0)
		*ret_retry_seconds = 1;
	return taken;
}
