// SPDX-License-Identifier: Apache-2.0
/*
 * The kernel's reader of ClientHellos against a second one that is written differently. Both must
 * find the same name and offer, and the first bytes of a hello must always ask for more.
 *
 * Input: two bytes (where to cut), then what a client sends.
 */
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "../guard_page.h"
#include "parse_client_hello.bpf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A cursor over bytes; taking too many marks it bad. */
struct cursor {
	const uint8_t *at, *end;
	bool bad;
};

static size_t number(struct cursor *cursor, size_t width)
{
	size_t value = 0;

	if ((size_t)(cursor->end - cursor->at) < width) {
		cursor->bad = true;
		cursor->at = cursor->end;
		return 0;
	}
	while (width--)
		value = value << 8 | *cursor->at++;
	return value;
}

static struct cursor vector(struct cursor *cursor, size_t width)
{
	size_t length = number(cursor, width);
	struct cursor inner = {cursor->at, cursor->at, cursor->bad};

	if (inner.bad || (size_t)(cursor->end - cursor->at) < length) {
		cursor->bad = true;
		cursor->at = cursor->end;
		return inner;
	}
	cursor->at += length;
	inner.end = cursor->at;
	return inner;
}

/* The content of the first extension of this type; false if what stands before it is malformed. Without
 * one it begins nowhere. */
static bool second_find(struct cursor extensions, size_t wanted, struct cursor *ret_body)
{
	struct cursor body;
	size_t i, type;

	*ret_body = (struct cursor){NULL, NULL, true};
	for (i = 0; i < CLIENT_HELLO_EXTENSIONS && extensions.at < extensions.end; i++) {
		type = number(&extensions, 2);
		body = vector(&extensions, 2);
		if (extensions.bad)
			return false;
		if (type == wanted) {
			*ret_body = body;
			return true;
		}
	}
	return true;
}

/* Is HTTP/2 among the first protocols of this extension's list? */
static bool second_offer(struct cursor body)
{
	struct cursor list = vector(&body, 2), name;
	size_t i;

	for (i = 0; i < CLIENT_HELLO_PROTOCOLS && list.at < list.end; i++) {
		name = vector(&list, 1);
		if (!list.bad && name.end - name.at == 2 && name.at[0] == 'h' && name.at[1] == '2')
			return true;
	}
	return false;
}

/* What the name is, and whether HTTP/2 is offered; false if the message is malformed. ret_name: empty
 * without one. */
static bool second_reader(const uint8_t *message, size_t length, struct cursor *ret_name,
			  bool *ret_offer)
{
	struct cursor hello = {message + 4, message + length, false}, extensions, body, name;

	*ret_name = (struct cursor){message, message, false};
	*ret_offer = false;
	if (length < 42 || message[0] != 1 || number(&hello, 2) >> 8 != 3)
		return false;
	hello.at += 32;
	body = vector(&hello, 1);
	if (body.end - body.at > 32)
		return false;
	vector(&hello, 2);
	vector(&hello, 1);
	if (hello.bad)
		return false;
	if (hello.at == hello.end)
		return true;
	extensions = vector(&hello, 2);
	if (hello.bad || !second_find(extensions, 0, &body))
		return false;
	if (body.at) {
		number(&body, 2);
		if (number(&body, 1))
			return false;
		name = vector(&body, 2);
		if (body.bad || name.at == name.end || name.end - name.at > CLIENT_HELLO_NAME_MAX)
			return false;
		*ret_name = name;
	}
	second_find(extensions, 16, &body);
	*ret_offer = second_offer(body);
	return true;
}

static enum parse_result gather(const uint8_t *stream, size_t size, uint8_t *message,
				struct client_hello *hello)
{
	struct guarded guarded = guard(stream, size);
	enum parse_result result;

	result = client_hello_gather(guarded.bytes, (__u32)size, message, hello);
	unguard(&guarded);
	return result;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t message[CLIENT_HELLO_BUFFER], part[CLIENT_HELLO_BUFFER];
	struct client_hello hello = {0}, ignored = {0};
	struct guarded guarded;
	struct cursor name;
	bool good, offer;
	size_t cut;

	if (size < 3 || size - 2 > CLIENT_HELLO_SIZE)
		return 0;
	cut = (size_t)(data[0] << 8 | data[1]) % (size - 2);
	data += 2;
	size -= 2;
	if (gather(data, size, message, &hello) != PARSE_DONE)
		return 0;
	assert(hello.length <= CLIENT_HELLO_SIZE && hello.length < hello.end);
	assert(gather(data, cut, part, &ignored) == PARSE_PARTIAL ||
	       (ignored.length == hello.length && cut >= hello.length + TLS_HEADER_SIZE));
	guarded = guard(message, hello.length);
	good = client_hello_parse(guarded.bytes, &hello) == PARSE_DONE;
	assert(good == second_reader(guarded.bytes, hello.length, &name, &offer));
	if (good) {
		assert(hello.name_length == (size_t)(name.end - name.at));
		assert(hello.http2 == offer);
		assert(!hello.name_length || guarded.bytes + hello.name_at == name.at);
	}
	unguard(&guarded);
	return 0;
}
