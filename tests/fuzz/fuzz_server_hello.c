// SPDX-License-Identifier: Apache-2.0
/*
 * What the kernel tells from the beginning of a server's stream, against a second reader that is written
 * differently: it walks through the message, and looks for the protocol's name as a string.
 *
 * Input: what a server sends.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "../guard_page.h"
#include "parse_server_hello.bpf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* -1: no ServerHello, or not enough of it. */
static int second_suite(const uint8_t *data, size_t size)
{
	static const size_t header = 5, kind_and_size = 4, version_and_random = 2 + 32;
	const uint8_t *at = data + header + kind_and_size + version_and_random, *end = data + size;

	if (at >= end || data[0] != 22 || data[header] != 2 || *at > 32)
		return -1;
	at += 1 + *at;
	return end - at < 2 ? -1 : at[0] << 8 | at[1];
}

static bool second_nonce(int suite)
{
	static const struct {
		int first, last;
	} sealed[] = {{0x9c, 0xa9}, {0xc02b, 0xc032}, {0xc09c, 0xc0af}};
	size_t i;

	for (i = 0; i < sizeof(sealed) / sizeof(sealed[0]); i++)
		if (suite >= sealed[i].first && suite <= sealed[i].last)
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint8_t http2[] = {0, 16, 0, 5, 0, 3, 2, 'h', '2'};
	uint8_t head[SERVER_HELLO_SIZE] = {0};
	struct guarded guarded;
	int suite, expected;

	if (size > sizeof(head))
		size = sizeof(head);
	if (!size)
		return 0;
	memcpy(head, data, size);
	guarded = guard(head, sizeof(head));
	suite = second_suite(data, size);
	assert(server_hello_is_1_3(guarded.bytes, (__u32)size) ==
	       (suite < 0 ? -1 : suite >> 8 == 0x13));
	expected = second_nonce(suite) ? NEGOTIATED_NONCE : 0;
	if (suite == 0x1302)
		expected |= NEGOTIATED_SHA384;
	if (suite >= 0 && suite >> 8 != 0x13 && memmem(head, sizeof(head), http2, sizeof(http2)))
		expected |= NEGOTIATED_HTTP2;
	assert(server_hello_negotiated(guarded.bytes, (__u32)size) == expected);
	unguard(&guarded);
	return 0;
}
