// SPDX-License-Identifier: Apache-2.0
/*
 * The guard says the same however the bytes are cut; and what it lets through has no line that ends
 * in a bare line feed and one Content-Length at most in each head.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "web_guard.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void same(const struct web_guard *one, const struct web_guard *other)
{
	if (one->fault != other->fault || one->state != other->state ||
	    one->requests != other->requests || one->left != other->left)
		abort();
}

/* A head that the guard passed: one byte too many in it and two servers differ. */
static void check_head(const uint8_t *head, size_t size)
{
	static const char name[] = "\r\nContent-Length:";
	unsigned lengths = 0;
	size_t i;

	for (i = 0; i < size; i++) {
		if (head[i] == '\0' || (head[i] == '\n' && (i == 0 || head[i - 1] != '\r')))
			abort();
		if (i + sizeof(name) - 1 <= size &&
		    !strncasecmp((const char *)head + i, name, sizeof(name) - 1))
			lengths++;
	}
	if (lengths > 1)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct web_guard whole = {0}, bytewise = {0}, halves = {0};
	enum web_guard_phase phase = WEB_GUARD_IDLE, before;
	size_t i, head = 0;

	web_guard_feed(&whole, data, size);
	web_guard_feed(&halves, data, size / 2);
	web_guard_feed(&halves, data + size / 2, size - size / 2);
	for (i = 0; i < size; i++) {
		before = phase;
		web_guard_feed(&bytewise, data + i, 1);
		if (bytewise.fault)
			break;
		phase = web_guard_phase(&bytewise);
		if (before != WEB_GUARD_HEAD && phase == WEB_GUARD_HEAD)
			head = i;
		if (before == WEB_GUARD_HEAD && phase != WEB_GUARD_HEAD)
			check_head(data + head, i + 1 - head);
	}
	same(&whole, &bytewise);
	same(&whole, &halves);
	return 0;
}
