// SPDX-License-Identifier: Apache-2.0
#include "tls_ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int tls_ring_open(struct tls_ring *ring, int cpu, size_t pages, uint32_t wakeup)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.disabled = 1,
		.mmap = 1,
		.mmap2 = 1,
		.watermark = 1,
		.wakeup_watermark = wakeup,
	};
	size_t size = (size_t)sysconf(_SC_PAGESIZE) * (1 + pages);
	int fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC), err;
	void *page;

	if (fd < 0)
		return -errno;
	page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED) {
		err = -errno;
		close(fd);
		return err;
	}
	*ring = (struct tls_ring){.fd = fd, .page = page, .size = size};
	return 0;
}

void tls_ring_close(struct tls_ring *ring)
{
	if (!ring->page)
		return;
	munmap(ring->page, ring->size);
	close(ring->fd);
	ring->page = NULL;
}

uint64_t tls_ring_head(const struct tls_ring *ring)
{
	return __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
}

void tls_ring_release(struct tls_ring *ring, uint64_t tail)
{
	__atomic_store_n(&ring->page->data_tail, tail, __ATOMIC_RELEASE);
}

void tls_ring_copy(const struct tls_ring *ring, uint64_t at, void *into, size_t size)
{
	const char *data = (const char *)ring->page + ring->page->data_offset;
	size_t room = ring->page->data_size, from = at & (room - 1), first = room - from;

	if (first > size)
		first = size;
	memcpy(into, data + from, first);
	memcpy((char *)into + first, data, size - first);
}
