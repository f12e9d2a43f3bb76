// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's reader of DNS messages against a second one that is written differently. Both must
 * find the same question, and where both take the answer for whole, the same addresses.
 */
#include <assert.h>
#include <ctype.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "../guard_page.h"
#include "parse_dns.bpf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct answer {
	char name[512];
	size_t name_length, end;
	size_t address_count;
	uint8_t addresses[DNS_ADDRESSES][16];
};

static size_t two(const uint8_t *at)
{
	return (size_t)at[0] * 256 + at[1];
}

static bool second_question(const uint8_t *data, size_t size, struct answer *answer)
{
	size_t at = 12, labels = 0;

	if (size < 17 || two(data + 4) != 1)
		return false;
	while (at < size && data[at]) {
		/* The kernel's reader has to see the end within its limit. */
		if (data[at] > 63 || ++labels >= DNS_LABELS || at + 1 + data[at] >= size)
			return false;
		if (answer->name_length)
			answer->name[answer->name_length++] = '.';
		for (size_t i = 0; i < data[at]; i++)
			answer->name[answer->name_length++] = (char)data[at + 1 + i];
		at += (size_t)data[at] + 1;
		if (answer->name_length > 253)
			return false;
	}
	if (at >= size || !labels || at + 5 > size)
		return false;
	answer->end = at + 5;
	return true;
}

static bool second_answers(const uint8_t *data, size_t size, struct answer *answer)
{
	size_t at = answer->end, left = two(data + 6), length, type;
	uint8_t *address;

	while (left--) {
		while (at < size && data[at] && data[at] < 64)
			at += (size_t)data[at] + 1;
		if (at >= size || (data[at] && data[at] < 192))
			return false;
		at += data[at] ? 2 : 1;
		if (at + 10 > size)
			return false;
		type = two(data + at);
		length = two(data + at + 8);
		at += 10;
		if (at + length > size)
			return false;
		if (((type == 1 && length == 4) || (type == 28 && length == 16)) &&
		    answer->address_count < DNS_ADDRESSES) {
			address = answer->addresses[answer->address_count++];
			if (type == 1)
				address[10] = address[11] = 0xff;
			memcpy(address + 16 - length, data + at, length);
		}
		at += length;
	}
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct {
		char text[2 * HOST_NAME_SIZE] __attribute__((aligned(8)));
	} name = {0};
	struct dns_message message = {0};
	struct answer answer = {0};
	struct guarded guarded;
	bool whole;
	int code;

	if (size > DNS_SIZE)
		return 0;
	guarded = guard(data, size);
	code = dns_parse_question(guarded.bytes, (__u32)size, (__u8 *)name.text, &message);
	assert((code == 0) == second_question(data, size, &answer));
	if (!code) {
		assert(message.name_length == answer.name_length);
		for (size_t i = 0; i < answer.name_length; i++)
			assert(name.text[i] == (isupper((unsigned char)answer.name[i])
							? answer.name[i] + 32
							: answer.name[i]));
		for (size_t i = answer.name_length; i < sizeof(name.text); i++)
			assert(!name.text[i]);
		code = dns_parse_answers(guarded.bytes, (__u32)size, &message);
		whole = second_answers(data, size, &answer);
		assert(whole || code);
		assert(message.address_count <= answer.address_count);
		assert(code || message.address_count == answer.address_count);
		assert(!memcmp(message.addresses, answer.addresses, message.address_count * 16));
	}
	unguard(&guarded);
	return 0;
}
