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
#include "tls_ring.h"

/*
 * How long a record may wait. To be woken by each record costs every exec of the host 5 to 30 us in
 * a virtual machine, and to wake costs us 30, whatever we do then. So: while nothing happens, a bell is
 * armed on each CPU, a second event that wakes us at its first record; after it has rung its CPU's bell
 * is off, and all rings are looked at by the clock, until that finds nothing for a while. The first such
 * look comes soon: when the exec is over and its libraries are mapped.
 */
#define LOOK_SOON_NS	2000000
#define LOOK_NS		10000000
#define LOOK_IDLE_NS	250000000 /* for those who ride on our descriptor */
#define LOOKS_TILL_IDLE 2

/* A scan for what was lost costs some ms: on a host that loses records all the time, so often. */
#define RESCAN_NS 1000000000LL

/*
 * Of data, for each CPU; powers of two. A start of a process writes some 300 bytes to 1 KiB, and what is
 * left when we are woken has to last until we run: with few CPUs, 10,000 starts a second on one of them
 * do not wake us before the clock does. The bell's holds a record with the longest path.
 */
#define RECORD_PAGES_ALL 512
#define RECORD_PAGES_MIN 8
#define RECORD_PAGES_MAX 32
#define BELL_PAGES	 2

/* The longest record: a path of PATH_MAX, and what is before and after it. */
#define RECORD_MAX (sizeof(struct tls_ring_mapping) + PATH_MAX + 64)

struct cpu {
	struct tls_ring records, bell;
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

static int watch_ring(const struct tls_mappings *mappings, const struct tls_ring *ring)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(mappings->epoll_fd, EPOLL_CTL_ADD, ring->fd, &event) ? -errno : 0;
}

static size_t pages_for(long cpus)
{
	size_t pages = RECORD_PAGES_MAX;

	while (pages > RECORD_PAGES_MIN && pages * (size_t)cpus > RECORD_PAGES_ALL)
		pages /= 2;
	return pages;
}

static int open_cpu(struct tls_mappings *mappings, int number, size_t pages)
{
	struct cpu *cpu = &mappings->cpus[mappings->count];
	size_t most = (size_t)sysconf(_SC_PAGESIZE) * pages / 4 * 3;
	int err = tls_ring_open(&cpu->records, number, pages, (uint32_t)most);

	if (!err)
		err = tls_ring_open(&cpu->bell, number, BELL_PAGES, 1);
	if (!err)
		err = watch_ring(mappings, &cpu->records);
	if (!err)
		err = watch_ring(mappings, &cpu->bell);
	if (!err && ioctl(cpu->records.fd, PERF_EVENT_IOC_ENABLE, 0))
		err = -errno;
	if (err) {
		tls_ring_close(&cpu->bell);
		tls_ring_close(&cpu->records);
		return err == -ENODEV ? 0 : err; /* not online */
	}
	mappings->count++;
	return 0;
}

static int look_every(struct tls_mappings *mappings, long first_ns, long ns)
{
	const struct itimerspec when = {.it_value.tv_nsec = first_ns, .it_interval.tv_nsec = ns};

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
		      : look_every(mappings, LOOK_NS, LOOK_NS);
	for (number = 0; !err && number < cpus; number++)
		err = open_cpu(mappings, (int)number, pages_for(cpus));
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
		tls_ring_close(&mappings->cpus[i].bell);
		tls_ring_close(&mappings->cpus[i].records);
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
	tls_ring_release(&cpu->bell, tls_ring_head(&cpu->bell));
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
		if (cpu->armed && tls_ring_head(&cpu->bell) != cpu->bell.page->data_tail) {
			rung = true;
			cpu->armed = !!ioctl(cpu->bell.fd, PERF_EVENT_IOC_DISABLE, 0);
		}
	}
	return rung;
}

static void take_record(const struct tls_ring *ring, uint64_t at, size_t size,
			struct tls_mapping *mapping, tls_mapping_taker *take, void *context)
{
	char path[PATH_MAX + 64];

	if (size > sizeof(path))
		return;
	tls_ring_copy(ring, at, path, size);
	if (!memchr(path, '\0', size))
		return;
	mapping->path = path;
	take(context, mapping);
}

/* What a record says, but for the path. */
static struct tls_mapping read_record(const struct tls_ring *ring, uint64_t at)
{
#define MEMBER(name)                                                             \
	(*(const __typeof__(((struct tls_ring_mapping *)0)->name) *)tls_ring_at( \
		ring, at + offsetof(struct tls_ring_mapping, name)))

	return (struct tls_mapping){
		.pid = (pid_t)MEMBER(pid),
		.begin = MEMBER(address),
		.end = MEMBER(address) + MEMBER(length),
		.device = makedev(MEMBER(major), MEMBER(minor)),
		.inode = MEMBER(inode),
		.generation = MEMBER(generation),
	};
#undef MEMBER
}

/* Whether there was anything. */
static bool take_ring(struct tls_mappings *mappings, struct tls_ring *ring,
		      tls_mapping_filter *filter, tls_mapping_taker *take, void *context)
{
	uint64_t head = tls_ring_head(ring), tail = ring->page->data_tail, path;
	const struct perf_event_header *header;
	struct tls_mapping mapping;
	bool found = tail < head;

	/* The kernel says that it lost records only before the next one that finds room. */
	mappings->lost |= ring->page->data_size - (head - tail) < RECORD_MAX;
	for (; tail < head; tail += header->size) {
		header = tls_ring_at(ring, tail);
		if (header->size < sizeof(*header))
			break;
		mappings->lost |= header->type == PERF_RECORD_LOST;
		path = sizeof(struct tls_ring_mapping);
		if (header->type != PERF_RECORD_MMAP2 || header->size <= path)
			continue;
		mapping = read_record(ring, tail);
		if (mapping.inode && filter(context, &mapping))
			take_record(ring, tail + path, header->size - path, &mapping, take,
				    context);
	}
	tls_ring_release(ring, head);
	return found;
}

static bool take_all(struct tls_mappings *mappings, tls_mapping_filter *filter,
		     tls_mapping_taker *take, void *context)
{
	bool found = false;
	size_t i;

	for (i = 0; i < mappings->count; i++)
		found |= take_ring(mappings, &mappings->cpus[i].records, filter, take, context);
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
		look_every(mappings, LOOK_SOON_NS, LOOK_NS);
	}
	becomes_idle = !mappings->idle && mappings->empty_looks >= LOOKS_TILL_IDLE;
	if (!becomes_idle)
		return false;
	for (i = 0; i < mappings->count; i++)
		arm(&mappings->cpus[i]);
	mappings->idle = true;
	look_every(mappings, LOOK_IDLE_NS, LOOK_IDLE_NS);
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

void tls_mappings_lost(struct tls_mappings *mappings)
{
	mappings->lost = true;
}

int tls_mappings_take(struct tls_mappings *mappings, tls_mapping_filter *filter,
		      tls_mapping_taker *take, void *context)
{
	uint64_t expired;

	if (read(mappings->timer_fd, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
		return -errno;
	if (disarm_if_rung(mappings))
		mappings->empty_looks = 0;
	if (adapt_pace(mappings, take_all(mappings, filter, take, context)))
		adapt_pace(mappings, take_all(mappings, filter, take, context));
	return rescan_is_due(mappings) ? -ENOBUFS : 0;
}
