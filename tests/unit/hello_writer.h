// SPDX-License-Identifier: Apache-2.0
/* ClientHellos as a client would write them, whole and in records. */
#ifndef TESTS_HELLO_WRITER_H
#define TESTS_HELLO_WRITER_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "parse_client_hello.bpf.h"

#define ROOM 40000

/* Builds a message; what has a length in front is closed when it is known. */
struct writer {
	uint8_t bytes[ROOM];
	size_t size;
};

static inline void put(struct writer *writer, unsigned int width, size_t value)
{
	while (width--)
		writer->bytes[writer->size++] = (uint8_t)(value >> 8 * width);
}

static inline void put_zeroes(struct writer *writer, size_t count)
{
	memset(writer->bytes + writer->size, 0, count);
	writer->size += count;
}

static inline size_t begin(struct writer *writer, unsigned int width)
{
	writer->size += width;
	return writer->size;
}

static inline void end(struct writer *writer, unsigned int width, size_t from)
{
	size_t length = writer->size - from, at;

	for (at = from - width; at < from; at++)
		writer->bytes[at] = (uint8_t)(length >> 8 * (from - 1 - at));
}

static inline void put_extension(struct writer *writer, unsigned int type, size_t size)
{
	put(writer, 2, type);
	put(writer, 2, size);
	put_zeroes(writer, size);
}

static inline void put_name(struct writer *writer, const char *name)
{
	size_t extension, list, entry;

	put(writer, 2, 0);
	extension = begin(writer, 2);
	list = begin(writer, 2);
	put(writer, 1, 0);
	entry = begin(writer, 2);
	memcpy(writer->bytes + writer->size, name, strlen(name));
	writer->size += strlen(name);
	end(writer, 2, entry);
	end(writer, 2, list);
	end(writer, 2, extension);
}

/* An extension with these names of protocols, each of which ends with a comma. */
static inline void put_protocols(struct writer *writer, const char *names)
{
	size_t extension, list, length;

	put(writer, 2, EXTENSION_ALPN);
	extension = begin(writer, 2);
	list = begin(writer, 2);
	for (; *names; names += length + 1) {
		length = strcspn(names, ",");
		put(writer, 1, length);
		memcpy(writer->bytes + writer->size, names, length);
		writer->size += length;
	}
	end(writer, 2, list);
	end(writer, 2, extension);
}

/* A whole message up to its extensions; returns where they begin, for hello_end. ret_message: where it does. */
static inline size_t hello_begin(struct writer *writer, size_t session, size_t *ret_message)
{
	size_t i;

	memset(writer, 0, sizeof(*writer));
	put(writer, 1, 1);
	*ret_message = begin(writer, 3);
	put(writer, 2, 0x0303);
	for (i = 0; i < 32; i++)
		put(writer, 1, 0xa0 + i);
	put(writer, 1, session);
	put_zeroes(writer, session);
	put(writer, 2, 34);
	put_zeroes(writer, 34);
	put(writer, 2, 0x0100);
	return begin(writer, 2);
}

static inline void hello_end(struct writer *writer, size_t message, size_t extensions)
{
	end(writer, 2, extensions);
	end(writer, 3, message);
}

/* A whole message. before: bytes of an extension in front of the name (a key share); name NULL: no
 * name; session: bytes of the session id. */
static inline struct writer *hello_of(const char *name, size_t before, size_t after, size_t session)
{
	static struct writer writer;
	size_t message, extensions = hello_begin(&writer, session, &message);

	if (before)
		put_extension(&writer, 51, before);
	if (name)
		put_name(&writer, name);
	if (after)
		put_extension(&writer, 21, after);
	hello_end(&writer, message, extensions);
	return &writer;
}

/* The message in records of at most `piece` bytes each. */
static inline struct writer *records_of(const struct writer *message, size_t piece)
{
	static struct writer writer;
	size_t at, part;

	memset(&writer, 0, sizeof(writer));
	for (at = 0; at < message->size; at += part) {
		part = message->size - at < piece ? message->size - at : piece;
		put(&writer, 1, TLS_HANDSHAKE);
		put(&writer, 2, 0x0301);
		put(&writer, 2, part);
		memcpy(writer.bytes + writer.size, message->bytes + at, part);
		writer.size += part;
	}
	return &writer;
}

#endif
