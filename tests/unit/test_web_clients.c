// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "web_clients.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, begin, end, NULL \
	}

#define GET "GET / HTTP/1.1\r\nHost: a\r\n"

static const uint64_t start = 1000000;
static struct web_clients clients;
static int pair[2];

static int begin(void **state)
{
	(void)state;
	clients = (struct web_clients){.max = WEB_CLIENTS_MAX};
	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static int end(void **state)
{
	(void)state;
	while (clients.first)
		web_client_close(clients.first);
	close(pair[0]);
	close(pair[1]);
	return 0;
}

static void receive(const char *bytes, uint64_t now)
{
	web_clients_received(pair[0], bytes, strlen(bytes), now);
}

/* Milliseconds that are left. */
static int left(uint64_t now)
{
	return web_clients_expire(&clients, now);
}

static void test_deadlines(void **state)
{
	struct web_client *busy;
	char byte;

	(void)state;
	assert_int_equal(left(start), -1);
	web_client_open(&clients, pair[0], start);
	busy = web_client_open(&clients, -1, start);
	assert_int_equal(left(start), WEB_HEAD_SECONDS * 1000);
	web_client_completed(busy, start + 500);
	assert_int_equal(left(start + 9999), 1);
	assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(left(start + 10000),
			 500 + (WEB_NEXT_REQUEST_SECONDS - WEB_HEAD_SECONDS) * 1000);
	assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), 0);
	assert_int_equal(clients.expired, 1);
	/* It is cut once. */
	assert_int_equal(left(start + 10001),
			 499 + (WEB_NEXT_REQUEST_SECONDS - WEB_HEAD_SECONDS) * 1000);
	assert_int_equal(clients.expired, 1);
}

static void test_phases(void **state)
{
	struct web_client *client;

	(void)state;
	client = web_client_open(&clients, pair[0], start);
	receive("\r\n", start + 4000);
	assert_int_equal(left(start + 4000), 6000);
	/* The head: ten seconds from its first byte, whatever follows. */
	receive("GET / HTTP/1.1\r\n", start + 5000);
	assert_int_equal(left(start + 5000), 10000);
	receive("X: y\r\n", start + 14000);
	assert_int_equal(left(start + 14000), 1000);
	/* The body: thirty from the request's first byte. */
	receive("Content-Length: 3\r\n\r\n", start + 14000);
	assert_int_equal(left(start + 14000), 21000);
	assert_true(client->busy);
	receive("ab", start + 20000);
	assert_int_equal(left(start + 20000), 15000);
	receive("c", start + 21000);
	assert_int_equal(left(start + 21000), 14000);
	assert_true(client->busy);
	web_client_completed(client, start + 22000);
	assert_false(client->busy);
	assert_int_equal(left(start + 22000), WEB_NEXT_REQUEST_SECONDS * 1000);
	/* An empty line is no request. */
	receive("\r\n", start + 30000);
	assert_int_equal(left(start + 30000), WEB_NEXT_REQUEST_SECONDS * 1000 - 8000);
	receive("G", start + 40000);
	assert_int_equal(left(start + 40000), 10000);
}

static void test_pipeline(void **state)
{
	struct web_client *client;

	(void)state;
	client = web_client_open(&clients, pair[0], start);
	receive(GET "\r\n" GET "\r\nGET /", start);
	assert_int_equal(left(start), 30000);
	web_client_completed(client, start + 1000);
	assert_int_equal(left(start + 1000), 30000);
	web_client_completed(client, start + 2000);
	assert_false(client->busy);
	assert_int_equal(left(start + 2000), 10000);
}

static void test_room(void **state)
{
	struct web_client *answered, *newest = NULL;
	unsigned i;

	(void)state;
	answered = web_client_open(&clients, pair[0], start);
	receive(GET "\r\n", start);
	web_client_completed(answered, start);
	for (i = 1; i < WEB_CLIENTS_MAX; i++)
		newest = web_client_open(&clients, -1, start + i);
	assert_int_equal(clients.count, WEB_CLIENTS_MAX);
	assert_int_equal(clients.evicted, 0);
	assert_non_null(web_client_open(&clients, -1, start + i));
	assert_int_equal(clients.evicted, 1);
	/* The oldest of those that never asked for anything; not the one that was answered. */
	assert_int_not_equal(answered->deadline, UINT64_MAX);
	for (; newest->since != start + 1; newest = newest->next)
		assert_int_not_equal(newest->deadline, UINT64_MAX);
	assert_int_equal(newest->deadline, UINT64_MAX);
}

static void test_no_room(void **state)
{
	struct web_client *client;
	unsigned i;

	(void)state;
	for (i = 0; i < WEB_CLIENTS_MAX; i++) {
		client = web_client_open(&clients, -1, start);
		client->busy = true;
	}
	assert_null(web_client_open(&clients, pair[0], start));
	assert_int_equal(clients.count, WEB_CLIENTS_MAX);
	assert_int_equal(clients.evicted, 1);
}

static void test_list(void **state)
{
	struct web_client *client[3];
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		client[i] = web_client_open(&clients, -1, (uint64_t)i);
	web_client_close(client[1]);
	assert_ptr_equal(clients.first, client[2]);
	assert_ptr_equal(client[2]->next, client[0]);
	web_client_close(client[2]);
	assert_ptr_equal(clients.first, client[0]);
	web_client_close(client[0]);
	assert_null(clients.first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("a connection that completes no request in time is shut down, others stay",
		     test_deadlines),
		TEST("a head has ten seconds, a request thirty, and trickling brings no more",
		     test_phases),
		TEST("requests that come together are one after the other", test_pipeline),
		TEST("a full house makes room, the oldest that asked for nothing goes", test_room),
		TEST("where all are being answered nobody comes in", test_no_room),
		TEST("connections leave in any order", test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
