// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "rate_limit.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

#define NANO UINT64_C(1000000000)
#define BOOT (100 * NANO) /* some time at which tests begin */

static struct rate_limit *create(uint32_t sender_rate, uint32_t sender_burst, uint32_t total_rate,
				 uint32_t total_burst)
{
	static struct reporting_settings settings;
	struct rate_limit *limit = NULL;

	settings.sender_rate = sender_rate;
	settings.sender_burst = sender_burst;
	settings.total_rate = total_rate;
	settings.total_burst = total_burst;
	assert_int_equal(rate_limit_create(&settings, &limit), 0);
	return limit;
}

static unsigned take(struct rate_limit *limit, uint32_t uid, unsigned count, uint64_t now,
		     unsigned expected_retry)
{
	const struct rate_sender sender = rate_sender_user(uid);
	unsigned retry = 0, taken = rate_limit_take(limit, &sender, count, now, &retry);

	assert_int_equal(retry, expected_retry);
	return taken;
}

static void test_burst_and_rate(void **state)
{
	struct rate_limit *limit = create(10, 20, 0, 0);

	(void)state;
	assert_int_equal(take(limit, 1, 15, BOOT, 0), 15);
	assert_int_equal(take(limit, 1, 15, BOOT, 1), 5);
	assert_int_equal(take(limit, 1, 1, BOOT, 1), 0);
	assert_int_equal(take(limit, 1, 1, BOOT + NANO / 10 - 1, 1), 0);
	assert_int_equal(take(limit, 1, 1, BOOT + NANO / 10, 0), 1);
	assert_int_equal(take(limit, 1, 1, BOOT + NANO / 10, 1), 0);
	/* A second later 10, an hour later a full bucket. */
	assert_int_equal(take(limit, 1, 100, BOOT + NANO / 10 + NANO, 2), 10);
	assert_int_equal(take(limit, 1, 100, BOOT + 3600 * NANO, 2), 20);
	rate_limit_free(limit);
}

static void test_retry(void **state)
{
	struct rate_limit *limit = create(2, 10, 0, 0);

	(void)state;
	assert_int_equal(take(limit, 1, 10, BOOT, 0), 10);
	assert_int_equal(take(limit, 1, 1, BOOT, 1), 0);
	assert_int_equal(take(limit, 1, 3, BOOT, 2), 0);
	/* More than a bucket holds can never come at once: 10 need 5 s. */
	assert_int_equal(take(limit, 1, 1000, BOOT, 5), 0);
	assert_int_equal(take(limit, 1, 10, BOOT + 5 * NANO, 0), 10);
	rate_limit_free(limit);
}

static void test_senders_apart(void **state)
{
	struct rate_limit *limit = create(1, 5, 0, 0);

	(void)state;
	assert_int_equal(take(limit, 1, 5, BOOT, 0), 5);
	assert_int_equal(take(limit, 1, 1, BOOT, 1), 0);
	assert_int_equal(take(limit, 2, 5, BOOT, 0), 5);
	rate_limit_free(limit);
}

static void test_total(void **state)
{
	struct rate_limit *limit = create(1, 6, 1, 10);

	(void)state;
	assert_int_equal(take(limit, 1, 6, BOOT, 0), 6);
	assert_int_equal(take(limit, 2, 6, BOOT, 2), 4);
	assert_int_equal(take(limit, 3, 1, BOOT, 1), 0);
	/* What the total refused was not taken from the sender: of its 6 it had used 4. */
	assert_int_equal(take(limit, 2, 2, BOOT + 2 * NANO, 0), 2);
	rate_limit_free(limit);
}

static void test_unlimited(void **state)
{
	struct rate_limit *limit = create(0, 0, 0, 0);

	(void)state;
	assert_int_equal(take(limit, 1, 1000000, BOOT, 0), 1000000);
	assert_int_equal(take(limit, 1, 1000000, BOOT, 0), 1000000);
	rate_limit_free(limit);
	limit = create(1, 0, 0, 0);
	assert_int_equal(take(limit, 1, 2, BOOT, 1), 1);
	rate_limit_free(limit);
}

static void test_replaced(void **state)
{
	struct rate_limit *limit = create(1, 1, 0, 0);
	uint32_t uid;

	(void)state;
	for (uid = 0; uid < RATE_SENDERS; uid++)
		assert_int_equal(take(limit, uid, 1, BOOT, 0), 1);
	/* Sender 0 is not the oldest any more; the next new one takes the place of 1. */
	assert_int_equal(take(limit, 0, 1, BOOT, 1), 0);
	assert_int_equal(take(limit, RATE_SENDERS, 1, BOOT, 0), 1);
	assert_int_equal(take(limit, 0, 1, BOOT, 1), 0);
	assert_int_equal(take(limit, 2, 1, BOOT, 1), 0);
	assert_int_equal(take(limit, 1, 1, BOOT, 0), 1);
	rate_limit_free(limit);
}

/* Against a naive table, with more senders than places. */
static void test_many(void **state)
{
	static uint64_t last_use[4 * RATE_SENDERS];
	struct rate_limit *limit = create(1, 1, 0, 0);
	uint64_t use = 0, newer;
	unsigned round, retry, i;
	uint32_t uid;

	(void)state;
	srand(1);
	for (round = 0; round < 4000; round++) {
		const struct rate_sender sender =
			rate_sender_user(uid = (uint32_t)rand() % (2 * RATE_SENDERS));

		for (newer = 0, i = 0; i < 4 * RATE_SENDERS; i++)
			newer += last_use[uid] && last_use[i] > last_use[uid];
		/* Known senders have used up their only token; forgotten ones have a new one. */
		assert_int_equal(rate_limit_take(limit, &sender, 1, BOOT, &retry),
				 !last_use[uid] || newer >= RATE_SENDERS);
		last_use[uid] = ++use;
	}
	rate_limit_free(limit);
}

static void test_configure(void **state)
{
	struct rate_limit *limit = create(1, 10, 0, 0);
	static const struct reporting_settings slower = {.sender_rate = 1, .sender_burst = 2};

	(void)state;
	assert_int_equal(take(limit, 1, 4, BOOT, 0), 4);
	rate_limit_configure(limit, &slower);
	assert_int_equal(take(limit, 1, 1, BOOT, 3), 0);
	assert_int_equal(take(limit, 1, 1, BOOT + 3 * NANO, 0), 1);
	rate_limit_free(limit);
}

static struct rate_sender address_sender(const char *text)
{
	struct sockaddr_in6 six = {.sin6_family = AF_INET6};
	struct sockaddr_in four = {.sin_family = AF_INET};

	if (inet_pton(AF_INET, text, &four.sin_addr) == 1)
		return rate_sender_address((const void *)&four);
	assert_int_equal(inet_pton(AF_INET6, text, &six.sin6_addr), 1);
	return rate_sender_address((const void *)&six);
}

static void test_addresses(void **state)
{
	static const struct {
		const char *one, *other;
		int same;
	} cases[] = {
		{"192.0.2.1", "192.0.2.1", 1},	       {"192.0.2.1", "192.0.2.2", 0},
		{"192.0.2.1", "::ffff:192.0.2.1", 1},  {"2001:db8::1", "2001:db8::ffff:2", 1},
		{"2001:db8::1", "2001:db8:0:1::1", 0}, {"c000:201::", "192.0.2.1", 0},
	};
	struct rate_sender one, other, user = rate_sender_user(0);
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		one = address_sender(cases[i].one);
		other = address_sender(cases[i].other);
		assert_int_equal(!memcmp(&one, &other, sizeof(one)), cases[i].same);
	}
	one = address_sender("0.0.0.0");
	assert_memory_not_equal(&one, &user, sizeof(one));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("a sender has a burst and then its rate", test_burst_and_rate),
		TEST("the time to wait is for what was refused, at most a full bucket", test_retry),
		TEST("one sender does not use up another's events", test_senders_apart),
		TEST("all together have a limit, and what it refuses costs the sender nothing",
		     test_total),
		TEST("a rate of 0 is no limit, a burst of 0 is 1", test_unlimited),
		TEST("a new sender takes the place of the one that was quiet the longest",
		     test_replaced),
		TEST("a sender is forgotten exactly when 1024 others sent since", test_many),
		TEST("new limits apply to what was used up before", test_configure),
		TEST("a sender is an IPv4 address or 64 bits of an IPv6 address", test_addresses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
