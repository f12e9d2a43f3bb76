// SPDX-License-Identifier: Apache-2.0
#include "tls_mappings.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/perf_event.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define RING_PAGES 8 /* of data, for each CPU: some 250 records */
/* How long a record may wait. Looking is cheaper than being woken: a wake-up for each record costs
 * every exec of the host some 30 us in a virtual machine. One look there costs 60 us, because it
 * wakes an idle CPU; so a host on which nothing happens is looked at less often. */
#define LOOK_NS		 20000000
#define LOOK_IDLE_NS	 100000000
#define LOOKS_TILL_IDLE	 50
#define RECORD_PATH_SIZE 4096 /* the kernel cuts at PATH_MAX */

struct ring {
	int fd;
	struct perf_event_mmap_page *page;
};

struct tls_mappings {
	int epoll_fd;
	int timer_fd;
	size_t ring_size;
	size_t count;
	unsigned int empty_looks; /* in a row */
	bool lost;
	struct ring rings[];
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

static int ring_open(struct ring *ring, int cpu, size_t size)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_DUMMY,
		.mmap = 1,
		.mmap2 = 1,
		.watermark = 1,
		.wakeup_watermark = (uint32_t)(size / 2),
	};
	int err;

	ring->fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
	if (ring->fd < 0)
		return -errno;
	ring->page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, 0);
	if (ring->page != MAP_FAILED)
		return 0;
	err = -errno;
	close(ring->fd);
	return err;
}

static int watch(struct tls_mappings *mappings, int fd)
{
	struct epoll_event event = {.events = EPOLLIN};

	return epoll_ctl(mappings->epoll_fd, EPOLL_CTL_ADD, fd, &event) ? -errno : 0;
}

static int open_rings(struct tls_mappings *mappings, size_t cpus)
{
	struct ring *ring;
	size_t i;
	int err;

	for (i = 0; i < cpus; i++) {
		ring = &mappings->rings[mappings->count];
		err = ring_open(ring, (int)i, mappings->ring_size);
		if (err == -ENODEV) /* not online */
			continue;
		if (err)
			return err;
		mappings->count++;
		err = watch(mappings, ring->fd);
		if (err)
			return err;
	}
	return mappings->count ? 0 : -ENODEV;
}

static int look_every(struct tls_mappings *mappings, long ns)
{
	const struct itimerspec when = {.it_value.tv_nsec = ns, .it_interval.tv_nsec = ns};

	return timerfd_settime(mappings->timer_fd, 0, &when, NULL) ? -errno : 0;
}

/* Called after each look. A failure leaves the pace as it was, which is only a matter of cost. */
static void adapt_pace(struct tls_mappings *mappings, bool found)
{
	if (found && mappings->empty_looks >= LOOKS_TILL_IDLE)
		look_every(mappings, LOOK_NS);
	else if (!found && mappings->empty_looks == LOOKS_TILL_IDLE - 1)
		look_every(mappings, LOOK_IDLE_NS);
	if (found)
		mappings->empty_looks = 0;
	else if (mappings->empty_looks < LOOKS_TILL_IDLE)
		mappings->empty_looks++;
}

int tls_mappings_open(struct tls_mappings **ret_mappings)
{
	size_t cpus = (size_t)sysconf(_SC_NPROCESSORS_CONF);
	struct tls_mappings *mappings;
	int err;

	mappings = calloc(1, sizeof(*mappings) + cpus * sizeof(mappings->rings[0]));
	if (!mappings)
		return -ENOMEM;
	mappings->ring_size = (size_t)sysconf(_SC_PAGESIZE) * (1 + RING_PAGES);
	mappings->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	mappings->timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	err = mappings->epoll_fd < 0 || mappings->timer_fd < 0 ? -errno
							       : look_every(mappings, LOOK_NS);
	if (!err)
		err = watch(mappings, mappings->timer_fd);
	if (!err)
		err = open_rings(mappings, cpus);
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
		munmap(mappings->rings[i].page, mappings->ring_size);
		close(mappings->rings[i].fd);
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
	uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
	uint64_t tail = ring->page->data_tail;
	bool found = tail < head;
	union {
		struct record_mmap2 record;
		char bytes[sizeof(struct record_mmap2) + RECORD_PATH_SIZE + 64];
	} copy;
	struct perf_event_header header;

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
	__atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
	return found;
}

int tls_mappings_take(struct tls_mappings *mappings, tls_mapping_taker *take, void *context)
{
	bool found = false;
	uint64_t expired;
	size_t i;

	if (read(mappings->timer_fd, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
		return -errno;
	for (i = 0; i < mappings->count; i++)
		found |= take_ring(mappings, &mappings->rings[i], take, context);
	adapt_pace(mappings, found);
	if (!mappings->lost)
		return 0;
	mappings->lost = false;
	return -ENOBUFS;
}

bool tls_mapping_parse(char *line, struct tls_mapping *ret_mapping)
{
	unsigned int major, minor;
	uint64_t begin, end, inode;
	char protection[5];
	int path = 0;

	if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %4s %*x %x:%x %" SCNu64 " %n", &begin, &end,
		   protection, &major, &minor, &inode, &path) != 6 ||
	    strlen(protection) != 4 || protection[2] != 'x' || !inode || line[path] != '/')
		return false;
	*ret_mapping = (struct tls_mapping){
		.begin = begin,
		.end = end,
		.device = makedev(major, minor),
		.inode = inode,
		.path = line + path,
	};
	return true;
}

void tls_mappings_of(pid_t pid, tls_mapping_taker *take, void *context)
{
	struct tls_mapping mapping;
	char path[32], *line = NULL;
	size_t room = 0;
	ssize_t length;
	FILE *maps;

	snprintf(path, sizeof(path), "/proc/%d/maps", pid);
	maps = fopen(path, "re");
	if (!maps)
		return; /* it has ended, or is a kernel thread */
	while ((length = getline(&line, &room, maps)) > 0) {
		/* Most lines are neither executable nor of a file: tell by their cheapest part. */
		if (line[length - 1] != '\n' || !strchr(line, '/') || !strstr(line, "x"))
			continue;
		line[length - 1] = '\0';
		if (!tls_mapping_parse(line, &mapping))
			continue;
		mapping.pid = pid;
		take(context, &mapping);
	}
	free(line);
	fclose(maps);
}

int tls_mappings_scan(tls_mapping_taker *take, void *context)
{
	DIR *processes = opendir("/proc");
	struct dirent *entry;

	if (!processes)
		return -errno;
	while ((entry = readdir(processes)))
		if (isdigit((unsigned char)entry->d_name[0]))
			tls_mappings_of(atoi(entry->d_name), take, context);
	closedir(processes);
	return 0;
}

/* Opens nothing but a regular file: a FIFO would block, a device might act. */
static int open_regular(const char *path, ino_t inode)
{
	int fd = -ESTALE, name = open(path, O_PATH | O_CLOEXEC);
	char self[32];
	struct stat status;

	if (name < 0)
		return -errno;
	snprintf(self, sizeof(self), "/proc/self/fd/%d", name);
	if (!fstat(name, &status) && S_ISREG(status.st_mode) && status.st_ino == inode) {
		fd = open(self, O_RDONLY | O_CLOEXEC);
		if (fd < 0)
			fd = -errno;
	}
	close(name);
	return fd;
}

int tls_mapping_open_file(const struct tls_mapping *mapping)
{
	char path[64 + RECORD_PATH_SIZE];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/map_files/%" PRIx64 "-%" PRIx64, mapping->pid,
		 mapping->begin, mapping->end);
	fd = open_regular(path, mapping->inode);
	if (fd >= 0)
		return fd;
	/* The mapping was split, or the capability for map_files is missing. */
	snprintf(path, sizeof(path), "/proc/%d/root%s", mapping->pid, mapping->path);
	return open_regular(path, mapping->inode);
}
