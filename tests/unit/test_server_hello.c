// SPDX-License-Identifier: Apache-2.0
/* What a ServerHello tells, whole and cut. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#include "connection.h"
#include "parse_server_hello.bpf.h"

static void a_server_hello_tells_its_version(void **state)
{
	uint8_t head[SERVER_HELLO_SIZE] = {TLS_HANDSHAKE, 3, 3, 0, 122, 2, 0, 0, 118, 3, 3};

	(void)state;
	head[43] = 32;
	head[76] = 0x13;
	head[77] = 0x02;
	assert_int_equal(server_hello_is_1_3(head, sizeof(head)), 1);
	head[76] = 0xc0;
	assert_int_equal(server_hello_is_1_3(head, sizeof(head)), 0);
	head[43] = 0;
	head[44] = 0x13;
	assert_int_equal(server_hello_is_1_3(head, 46), 1);
	assert_int_equal(server_hello_is_1_3(head, 45), -1);
	assert_int_equal(server_hello_is_1_3(head, 10), -1);
	head[43] = 33;
	assert_int_equal(server_hello_is_1_3(head, sizeof(head)), -1);
	head[43] = 32;
	head[0] = TLS_ALERT;
	assert_int_equal(server_hello_is_1_3(head, sizeof(head)), -1);
}

static void a_server_hello_of_tls_1_2_tells_what_was_agreed(void **state)
{
	static const uint8_t http2[] = {0, 16, 0, 5, 0, 3, 2, 'h', '2'};
	static const uint8_t http1[] = {0,   16,  0,   11,  0,	 9,   8,  'h',
					't', 't', 'p', '/', '1', '.', '1'};
	static const struct {
		uint16_t suite;
		uint8_t nonce;
	} suites[] = {
		{0xc02f, NEGOTIATED_NONCE},
		{0xc030, NEGOTIATED_NONCE},
		{0x009c, NEGOTIATED_NONCE},
		{0xc09f, NEGOTIATED_NONCE},
		{0xcca8, 0},
		{0xcca9, 0},
		{0xc014, 0},
		{0x002f, 0},
	};
	uint8_t head[SERVER_HELLO_SIZE];
	size_t i, at;

	(void)state;
	for (i = 0; i < sizeof(suites) / sizeof(suites[0]); i++) {
		memset(head, 0, sizeof(head));
		head[0] = TLS_HANDSHAKE;
		head[5] = 2;
		head[44] = (uint8_t)(suites[i].suite >> 8);
		head[45] = (uint8_t)suites[i].suite;
		assert_int_equal(server_hello_negotiated(head, sizeof(head)), suites[i].nonce);
		memcpy(head + 49, http1, sizeof(http1));
		assert_int_equal(server_hello_negotiated(head, sizeof(head)), suites[i].nonce);
		memset(head + 49, 0, sizeof(http1));
		for (at = 49; at + sizeof(http2) <= sizeof(head); at++) {
			memcpy(head + at, http2, sizeof(http2));
			assert_int_equal(server_hello_negotiated(head, sizeof(head)),
					 suites[i].nonce | NEGOTIATED_HTTP2);
			memset(head + at, 0, sizeof(http2));
		}
	}
	assert_int_equal(server_hello_negotiated(head, 45), 0);
}

static void a_server_hello_of_tls_1_3_tells_the_hash_and_nothing_else(void **state)
{
	static const uint8_t http2[] = {0, 16, 0, 5, 0, 3, 2, 'h', '2'};
	uint8_t head[SERVER_HELLO_SIZE] = {TLS_HANDSHAKE, 3, 3, 0, 122, 2};

	(void)state;
	memcpy(head + 49, http2, sizeof(http2)); /* by chance */
	head[44] = 0x13;
	head[45] = 0x01;
	assert_int_equal(server_hello_negotiated(head, sizeof(head)), 0);
	head[45] = 0x03;
	assert_int_equal(server_hello_negotiated(head, sizeof(head)), 0);
	head[45] = 0x02;
	assert_int_equal(server_hello_negotiated(head, sizeof(head)), NEGOTIATED_SHA384);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_server_hello_tells_its_version),
		cmocka_unit_test(a_server_hello_of_tls_1_2_tells_what_was_agreed),
		cmocka_unit_test(a_server_hello_of_tls_1_3_tells_the_hash_and_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
