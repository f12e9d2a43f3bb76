// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/socket.h>
#include <unistd.h>

#include "web_clients.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void test_deadlines(void **state)
{
	const uint64_t start = 1000000;
	struct web_clients clients = {NULL};
	struct web_client *slow, *busy;
	int pair[2];
	char byte;

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(web_clients_expire(&clients, start), -1);
	slow = web_client_open(&clients, pair[0], start);
	busy = web_client_open(&clients, -1, start);
	assert_int_equal(web_clients_expire(&clients, start), WEB_FIRST_REQUEST_SECONDS * 1000);
	web_client_completed(busy, start + 500);
	assert_int_equal(web_clients_expire(&clients, start + 9999), 1);
	assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), -1);
	assert_int_equal(web_clients_expire(&clients, start + 10000),
			 500 + (WEB_NEXT_REQUEST_SECONDS - WEB_FIRST_REQUEST_SECONDS) * 1000);
	assert_int_equal(recv(pair[1], &byte, 1, MSG_DONTWAIT), 0);
	web_client_close(slow);
	web_client_close(busy);
	web_client_close(NULL);
	assert_null(clients.first);
	close(pair[0]);
	close(pair[1]);
}

static void test_list(void **state)
{
	struct web_clients clients = {NULL};
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
		TEST("connections leave in any order", test_list),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
