// SPDX-License-Identifier: Apache-2.0
/* Bytes that end where the next page may not be touched: a parser that looks one too far dies. */
#ifndef OPERAGLASS_TESTS_GUARD_PAGE_H
#define OPERAGLASS_TESTS_GUARD_PAGE_H

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct guarded {
	unsigned char *bytes;
	void *map;
	size_t map_size;
};

static inline struct guarded guard(const void *bytes, size_t size)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE), room = (size + page - 1) / page * page;
	struct guarded guarded = {.map_size = room + page};

	guarded.map = mmap(NULL, guarded.map_size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guarded.map == MAP_FAILED || mprotect((char *)guarded.map + room, page, PROT_NONE))
		abort();
	guarded.bytes = (unsigned char *)guarded.map + room - size;
	memcpy(guarded.bytes, bytes, size);
	return guarded;
}

static inline void unguard(struct guarded *guarded)
{
	munmap(guarded->map, guarded->map_size);
}

#endif
