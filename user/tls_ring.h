// SPDX-License-Identifier: Apache-2.0
/*
 * A ring that the kernel writes records of executable mappings of one CPU to. Read where it lies:
 * members of a record are aligned words, which never wrap around the ring's end; a path may.
 */
#ifndef OPERAGLASS_TLS_RING_H
#define OPERAGLASS_TLS_RING_H

#include <linux/perf_event.h>
#include <stddef.h>
#include <stdint.h>

struct tls_ring {
	int fd;				   /* of the event; disabled when it is opened */
	struct perf_event_mmap_page *page; /* NULL: not open */
	size_t size;			   /* of what is mapped, bytes */
};

/* PERF_RECORD_MMAP2, as far as its path. */
struct tls_ring_mapping {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t address, length, offset;
	uint32_t major, minor;
	uint64_t inode, generation;
	uint32_t protection, flags;
};

/* pages: of data, a power of two. The descriptor is readable each time that `wakeup` bytes more were
 * written. 0 or -errno; -ENODEV: the CPU is not online. */
int tls_ring_open(struct tls_ring *ring, int cpu, size_t pages, uint32_t wakeup);

/* One that is not open is allowed. */
void tls_ring_close(struct tls_ring *ring);

/* Where the next record will be written, in bytes since the beginning; what lies before it can be read. */
uint64_t tls_ring_head(const struct tls_ring *ring);

/* Everything before `tail` may be written over. */
void tls_ring_release(struct tls_ring *ring, uint64_t tail);

/* `size` bytes from `at` on, in one piece. */
void tls_ring_copy(const struct tls_ring *ring, uint64_t at, void *into, size_t size);

/* The member of a record at `at`, of which nothing is copied. */
static inline const void *tls_ring_at(const struct tls_ring *ring, uint64_t at)
{
	return (const char *)ring->page + ring->page->data_offset +
	       (at & (ring->page->data_size - 1));
}

#endif
