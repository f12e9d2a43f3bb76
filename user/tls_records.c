// SPDX-License-Identifier: Apache-2.0
/* The kernel's records of executable mappings, by CPU. See tls_mappings.h. */
#include <errno.h>
#include <linux/limits.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include "tls_mappings.h"

/*
 * How long a record may wait. To be woken by each record costs every exec of the host 5 to 30 us in
 * a virtual machine; one look costs 10 to 60. So: while nothing happens, a bell is armed on each
 * CPU, a second event that wakes us at its first record; after it has rung its CPU's bell is off,
 * and all rings are looked at by the clock, until that finds nothing for a while.
 */
#define LOOK_NS		10000000
#define LOOK_IDLE_NS	250000000 /* for those who ride on our descriptor */
#define LOOKS_TILL_IDLE 5

/* A scan for what was lost costs some ms: on a host that loses records all the time, so often. */
#define RESCAN_NS 1000000000LL

/* Of data, for each CPU; powers of two. The bell's holds a record with the longest path. */
#define RECORD_PAGES 8 /* some 250 records */
#define BELL_PAGES   2

struct ring {
	int fd;
	struct perf_event_mmap_page *page;
	size_t size;
};

struct cpu {
	struct ring records, bell;
	bool armed;
};

struct tls_mappings {
	int epoll_fd;
	int timer_fd;
	size_t count;
	unsigned int empty_looks; /* in a row */
	bool idle;		  /* all bells are armed */
	bool lost;
	int64_t rescan_ns; /* when one was asked for last; CLOCK_MONOTONIC */
	struct cpu cpus[];
};

struct record_mmap2 {
	struct perf_event_header header;
	uint32_t pid, tid;
	uint64_t address, length, offset;
	uint32_t major, minor;
	uint64_t inode, generation;
	uint32_t protection, flags;
	char path[];
};

static void ring_close(struct ring *ring)
{
	if (!ring->page)
		return;
	munmap(ring->page, ring->size);
	close(ring->fd);
	ring->page = NULL;
}

/* Wakes whoever polls for it each time that `wakeup` bytes more were written. */
static int ring_open(struct ring *ring, int cpu, size_t pages, uint32_t wakeup, int epoll_fd)
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
	struct epoll_event event = {.events = EPOLLIN};
	void *page;
	int err;

	ring->size = (size_t)sysconf(_SC_PAGESIZE) * (1 + pages);
	ring->fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		return -errno;
	page = mmap(NULL, ring->size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (page == MAP_FAILED) {
		err = -errno;
		close(ring->fd);
		return err;
	}
	ring->page = page;
	return epoll_ctl(epoll_fd, EPOLL_CTL_ADD, ring->fd, &event) ? -errno : 0;
}

static uint64_t ring_head(const struct ring *ring)
{
	return __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
}

static void ring_release(struct ring *ring, uint64_t head)
{
	__atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
}

static int open_cpu(struct tls_mappings *mappings, int number)
{
	struct cpu *cpu = &mappings->cpus[mappings->count];
	uint32_t half = (uint32_t)sysconf(_SC_PAGESIZE) * RECORD_PAGES / 2;
	int err = ring_open(&cpu->records, number, RECORD_PAGES, half, mappings->epoll_fd);

	if (!err)
		err = ring_open(&cpu->bell, number, BELL_PAGES, 1, mappings->epoll_fd);
	if (!err && ioctl(cpu->records.fd, PERF_EVENT_IOC_ENABLE, 0))
		err = -errno;
	if (err) {
		ring_close(&cpu->bell);
		ring_close(&cpu->records);
		return err == -ENODEV ? 0 : err; /* not online */
	}
	mappings->count++;
	return 0;
}

static int look_every(struct tls_mappings *mappings, long ns)
{
	const struct itimerspec when = {.it_value.tv_nsec = ns, .it_interval.tv_nsec = ns};

	return timerfd_settime(mappings->timer_fd, 0, &when, NULL) ? -errno : 0;
}

int tls_mappings_open(struct tls_mappings **ret_mappings)
{
	struct epoll_event event = {.events = EPOLLIN};
	long cpus = sysconf(_SC_NPROCESSORS_CONF), number;
	struct tls_mappings *mappings;
	int err;

	mappings = calloc(1, sizeof(*mappings) + (size_t)cpus * sizeof(mappings->cpus[0]));
	if (!mappings)
		return -ENOMEM;
	mappings->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	mappings->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	err = mappings->epoll_fd < 0 || mappings->timer_fd < 0 ||
			      epoll_ctl(mappings->epoll_fd, EPOLL_CTL_ADD, mappings->timer_fd,
					&event)
		      ? -errno
		      : look_every(mappings, LOOK_NS);
	for (number = 0; !err && number < cpus; number++)
		err = open_cpu(mappings, (int)number);
	if (!err && !mappings->count)
		err = -ENODEV;
	if (err) {
		tls_mappings_close(mappings);
		return err;
	}
	*ret_mappings = mappings;
	return 0;
}

void tls_mappings_close(struct tls_mappings *mappings)
{
	size_t i;

	if (!mappings)
		return;
	for (i = 0; i < mappings->count; i++) {
		ring_close(&mappings->cpus[i].bell);
		ring_close(&mappings->cpus[i].records);
	}
	if (mappings->timer_fd >= 0)
		close(mappings->timer_fd);
	if (mappings->epoll_fd >= 0)
		close(mappings->epoll_fd);
	free(mappings);
}

int tls_mappings_fd(const struct tls_mappings *mappings)
{
	return mappings->epoll_fd;
}

/* What a bell's ring holds was also written to the records' ring. */
static void arm(struct cpu *cpu)
{
	if (cpu->armed)
		return;
	ring_release(&cpu->bell, ring_head(&cpu->bell));
	cpu->armed = !ioctl(cpu->bell.fd, PERF_EVENT_IOC_ENABLE, 0);
}

/* Whether a bell rang. */
static bool disarm_if_rung(struct tls_mappings *mappings)
{
	bool rung = false;
	struct cpu *cpu;
	size_t i;

	for (i = 0; i < mappings->count; i++) {
		cpu = &mappings->cpus[i];
		if (cpu->armed && ring_head(&cpu->bell) != cpu->bell.page->data_tail) {
			rung = true;
			cpu->armed = !!ioctl(cpu->bell.fd, PERF_EVENT_IOC_DISABLE, 0);
		}
	}
	return rung;
}

/* A record that may wrap around the end of the ring, in one piece. */
static void copy_out(const struct ring *ring, uint64_t at, void *into, size_t size)
{
	const char *data = (const char *)ring->page + ring->page->data_offset;
	size_t room = ring->page->data_size, from = at & (room - 1), first = room - from;

	if (first > size)
		first = size;
	memcpy(into, data + from, first);
	memcpy((char *)into + first, data, size - first);
}

static void take_record(const struct record_mmap2 *record, size_t size, tls_mapping_taker *take,
			void *context)
{
	struct tls_mapping mapping = {
		.pid = (pid_t)record->pid,
		.begin = record->address,
		.end = record->address + record->length,
		.device = makedev(record->major, record->minor),
		.inode = record->inode,
		.path = record->path,
	};

	if (record->inode && memchr(record->path, '\0', size - sizeof(*record)))
		take(context, &mapping);
}

/* Whether there was anything. */
static bool take_ring(struct tls_mappings *mappings, struct ring *ring, tls_mapping_taker *take,
		      void *context)
{
	uint64_t head = ring_head(ring), tail = ring->page->data_tail;
	bool found = tail < head;
	union {
		struct record_mmap2 record;
		char bytes[sizeof(struct record_mmap2) + PATH_MAX + 64];
	} copy;
	struct perf_event_header header;

	/* The kernel says that it lost records only before the next one that finds room. */
	mappings->lost |= ring->page->data_size - (head - tail) < sizeof(copy);
	while (tail < head) {
		copy_out(ring, tail, &header, sizeof(header));
		if (header.size < sizeof(header))
			break;
		if (header.type == PERF_RECORD_LOST)
			mappings->lost = true;
		if (header.type == PERF_RECORD_MMAP2 && header.size > sizeof(copy.record) &&
		    header.size <= sizeof(copy)) {
			copy_out(ring, tail, &copy, header.size);
			take_record(&copy.record, header.size, take, context);
		}
		tail += header.size;
	}
	ring_release(ring, head);
	return found;
}

static bool take_all(struct tls_mappings *mappings, tls_mapping_taker *take, void *context)
{
	bool found = false;
	size_t i;

	for (i = 0; i < mappings->count; i++)
		found |= take_ring(mappings, &mappings->cpus[i].records, take, context);
	return found;
}

/* True when the bells were armed just now: what came before them is still to be taken. A clock that
 * cannot be set leaves the pace as it was, which is only a matter of cost. */
static bool adapt_pace(struct tls_mappings *mappings, bool found)
{
	bool becomes_idle;
	size_t i;

	mappings->empty_looks = found ? 0 : mappings->empty_looks + 1;
	if (found && mappings->idle) {
		mappings->idle = false;
		look_every(mappings, LOOK_NS);
	}
	becomes_idle = !mappings->idle && mappings->empty_looks >= LOOKS_TILL_IDLE;
	if (!becomes_idle)
		return false;
	for (i = 0; i < mappings->count; i++)
		arm(&mappings->cpus[i]);
	mappings->idle = true;
	look_every(mappings, LOOK_IDLE_NS);
	return true;
}

static bool rescan_is_due(struct tls_mappings *mappings)
{
	struct timespec now;
	int64_t now_ns;

	if (!mappings->lost)
		return false;
	clock_gettime(CLOCK_MONOTONIC, &now);
	now_ns = now.tv_sec * 1000000000LL + now.tv_nsec;
	if (mappings->rescan_ns && now_ns - mappings->rescan_ns < RESCAN_NS)
		return false;
	mappings->rescan_ns = now_ns;
	mappings->lost = false;
	return true;
}

int tls_mappings_take(struct tls_mappings *mappings, tls_mapping_taker *take, void *context)
{
	uint64_t expired;
	bool due = read(mappings->timer_fd, &expired, sizeof(expired)) > 0;

	if (!due && errno != EAGAIN)
		return -errno;
	/* A bell rings inside the exec: whether that makes an agent is known only when it is over, and
	 * the clock's next look comes after that. */
	if (disarm_if_rung(mappings) && (!due || mappings->idle)) {
		mappings->empty_looks = 0;
		if (!mappings->idle)
			return 0;
		mappings->idle = false;
		return look_every(mappings, LOOK_NS);
	}
	if (adapt_pace(mappings, take_all(mappings, take, context)))
		adapt_pace(mappings, take_all(mappings, take, context));
	return rescan_is_due(mappings) ? -ENOBUFS : 0;
}
