// SPDX-License-Identifier: Apache-2.0
#include "subject_random.h"

#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#define OBJECT_MAX   4096 /* bytes of an object that are searched; OpenSSL 3.5 keeps it at 392 */
#define POINTERS_MAX 1024 /* bytes of it in which pointers are followed; OpenSSL 1.1.1: at 168 */
#define BLOCK_MAX    1024 /* bytes behind a pointer; there at 184 */

/* As much as can be read. */
static size_t read_memory(uintptr_t address, uint8_t *bytes, size_t size)
{
	const struct iovec into = {bytes, size}, from = {(void *)address, size};
	ssize_t got = process_vm_readv(getpid(), &into, 1, &from, 1, 0);

	return got > 0 ? (size_t)got : 0;
}

static bool is_right(uintptr_t object, const struct tls_random_place *place,
		     const uint8_t random[SUBJECT_RANDOM_SIZE])
{
	uint8_t found[SUBJECT_RANDOM_SIZE];
	uintptr_t base = object;

	if (place->pointer &&
	    read_memory(object + place->pointer, (uint8_t *)&base, sizeof(base)) != sizeof(base))
		return false;
	return read_memory(base + place->offset, found, sizeof(found)) == sizeof(found) &&
	       !memcmp(found, random, sizeof(found));
}

/* Behind a pointer the nearest comes first: farther ones may be of a neighbour that happens to lie there. */
static void add(struct subject_random *known, const struct tls_random_place *place)
{
	size_t at = 0;

	if (known->count == SUBJECT_RANDOM_PLACES)
		return;
	while (at < known->count && (!known->places[at].pointer ||
				     (place->pointer && known->places[at].offset <= place->offset)))
		at++;
	memmove(&known->places[at + 1], &known->places[at],
		(known->count++ - at) * sizeof(known->places[0]));
	known->places[at] = *place;
}

static void search(struct subject_random *known, const uint8_t *bytes, size_t size,
		   uint32_t pointer, const uint8_t random[SUBJECT_RANDOM_SIZE])
{
	uint32_t offset;

	for (offset = 0; offset + SUBJECT_RANDOM_SIZE <= size; offset++)
		if (!memcmp(bytes + offset, random, SUBJECT_RANDOM_SIZE))
			add(known, &(struct tls_random_place){
					   .used = 1, .pointer = pointer, .offset = offset});
}

static void collect(struct subject_random *known, uintptr_t object, size_t size,
		    const uint8_t random[SUBJECT_RANDOM_SIZE])
{
	uint8_t bytes[OBJECT_MAX], block[BLOCK_MAX];
	uint32_t pointer;
	uintptr_t base;

	size = read_memory(object, bytes, size < OBJECT_MAX ? size : OBJECT_MAX);
	search(known, bytes, size, 0, random);
	/* The first member is no pointer to a part of it: 0 says that there is none. */
	for (pointer = sizeof(base); pointer + sizeof(base) <= size && pointer < POINTERS_MAX;
	     pointer += sizeof(base)) {
		memcpy(&base, bytes + pointer, sizeof(base));
		if (base % sizeof(base) == 0 && (base < object || base >= object + size))
			search(known, block, read_memory(base, block, sizeof(block)), pointer,
			       random);
	}
}

void subject_random_look(struct subject_random *known, const void *object, size_t size,
			 const uint8_t random[SUBJECT_RANDOM_SIZE])
{
	size_t i, kept = 0;

	if (!known->objects++) {
		collect(known, (uintptr_t)object, size, random);
		return;
	}
	for (i = 0; i < known->count; i++)
		if (is_right((uintptr_t)object, &known->places[i], random))
			known->places[kept++] = known->places[i];
	known->count = kept;
}

bool subject_random_is_sane(const struct tls_random_place *place)
{
	return place->used == 1 && !place->name && place->pointer < POINTERS_MAX &&
	       place->pointer % sizeof(uintptr_t) == 0 &&
	       place->offset <= (place->pointer ? BLOCK_MAX : OBJECT_MAX) - SUBJECT_RANDOM_SIZE;
}
