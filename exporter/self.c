// SPDX-License-Identifier: Apache-2.0
#include "self.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NANO	    UINT64_C(1000000000)
#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)

/* Around the aim of 1 ms, up to the 10 s after which Prometheus gives up. */
static const uint64_t scrape_bounds[SELF_SCRAPE_BOUNDS] = {
	100 * MICROSECOND,  250 * MICROSECOND, 500 * MICROSECOND, 1 * MILLISECOND,
	2500 * MICROSECOND, 5 * MILLISECOND,   10 * MILLISECOND,  25 * MILLISECOND,
	100 * MILLISECOND,  500 * MILLISECOND, 1 * NANO,	  10 * NANO,
};

#if defined(__x86_64__)
#define ARCH "x86_64"
#elif defined(__aarch64__)
#define ARCH "aarch64"
#else
#define ARCH "other"
#endif

static uint64_t clock_nanoseconds(clockid_t clock)
{
	struct timespec time;

	if (clock_gettime(clock, &time))
		return 0;
	return (uint64_t)time.tv_sec * NANO + (uint64_t)time.tv_nsec;
}

/* When this process started: now, less what it has lived by the boot clock. */
static uint64_t read_start_time(void)
{
	unsigned long long ticks = 0;
	uint64_t hertz = (uint64_t)sysconf(_SC_CLK_TCK), age;
	FILE *file = fopen("/proc/self/stat", "re");

	if (!file)
		return clock_nanoseconds(CLOCK_REALTIME);
	/* The name, field 2, is this program's own and holds no blank; starttime is field 22. */
	if (fscanf(file,
		   "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d "
		   "%*d %llu",
		   &ticks) != 1)
		ticks = 0;
	fclose(file);
	age = clock_nanoseconds(CLOCK_BOOTTIME) - ticks * (NANO / hertz);
	return clock_nanoseconds(CLOCK_REALTIME) - age;
}

static void open_process(struct self_process *process, const char *name, pid_t pid)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/statm", pid);
	process->name = name;
	process->statm_fd = open(path, O_RDONLY | O_CLOEXEC);
	if (clock_getcpuclockid(pid, &process->cpu_clock))
		process->cpu_clock = -1;
}

void self_open(struct self *self, pid_t observer)
{
	struct rlimit limit;

	*self = (struct self){.fd_directory = -1};
	open_process(&self->processes[0], "observer", observer);
	open_process(&self->processes[1], "exporter", getpid());
	self->fd_directory = open("/proc/self/fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	self->start_time = read_start_time();
	if (!getrlimit(RLIMIT_NOFILE, &limit))
		self->max_fds = limit.rlim_cur;
}

void self_close(struct self *self)
{
	if (self->fd_directory >= 0)
		close(self->fd_directory);
	if (self->processes[1].statm_fd >= 0)
		close(self->processes[1].statm_fd);
	if (self->processes[0].statm_fd >= 0)
		close(self->processes[0].statm_fd);
}

void self_scraped(struct self *self, uint64_t nanoseconds)
{
	unsigned bucket = 0;

	while (bucket < SELF_SCRAPE_BOUNDS && nanoseconds > scrape_bounds[bucket])
		bucket++;
	self->scrape_counts[bucket]++;
	self->scrape_sum += nanoseconds;
}

/* Virtual and resident bytes; false when the process cannot be read (any more). */
static bool read_memory(const struct self_process *process, uint64_t *ret_virtual,
			uint64_t *ret_resident)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	char line[128], *end;
	ssize_t size;

	if (process->statm_fd < 0)
		return false;
	size = pread(process->statm_fd, line, sizeof(line) - 1, 0);
	if (size <= 0)
		return false;
	line[size] = '\0';
	*ret_virtual = strtoull(line, &end, 10) * page;
	*ret_resident = strtoull(end, NULL, 10) * page;
	return true;
}

static void add_process(const struct self_process *process, struct model *model)
{
	uint64_t virtual, resident, cpu = clock_nanoseconds(process->cpu_clock);

	if (read_memory(process, &virtual, &resident))
		model_add(model, FAMILY_SELF_RESIDENT, resident, process->name);
	if (cpu)
		model_add(model, FAMILY_SELF_CPU, cpu, process->name);
}

/* Open descriptors of this process; 0 when the directory cannot be read. Since Linux 6.2 its size. */
static uint64_t count_fds(int directory)
{
	struct stat status;
	union {
		struct dirent64 entry; /* alignment */
		char bytes[2048];
	} buffer;
	uint64_t count = 0;
	ssize_t size, at;

	if (directory >= 0 && !fstat(directory, &status) && status.st_size > 0)
		return (uint64_t)status.st_size;
	if (directory < 0 || lseek(directory, 0, SEEK_SET))
		return 0;
	while ((size = getdents64(directory, &buffer, sizeof(buffer))) > 0)
		for (at = 0; at < size; count++)
			at += ((struct dirent64 *)(buffer.bytes + at))->d_reclen;
	return count > 2 ? count - 2 : 0; /* without . and .. */
}

static void add_exporter(const struct self *self, struct model *model)
{
	uint64_t virtual, resident, fds = count_fds(self->fd_directory);

	model_add(model, FAMILY_PROCESS_CPU, clock_nanoseconds(CLOCK_PROCESS_CPUTIME_ID));
	if (read_memory(&self->processes[1], &virtual, &resident)) {
		model_add(model, FAMILY_PROCESS_RESIDENT, resident);
		model_add(model, FAMILY_PROCESS_VIRTUAL, virtual);
	}
	if (fds)
		model_add(model, FAMILY_PROCESS_OPEN_FDS, fds);
	model_add(model, FAMILY_PROCESS_MAX_FDS, self->max_fds);
	model_add(model, FAMILY_PROCESS_START_TIME, self->start_time);
}

/* One per family that has any; the family about series counts itself. */
static void add_series(struct model *model)
{
	unsigned count = model_family_count(model), present = 0, i;
	enum family family;

	for (i = 0; i < count; i++)
		if (i == FAMILY_SERIES || model_series_count(model, (enum family)i))
			present++;
	for (i = 0; i < count; i++) {
		family = (enum family)i;
		if (family == FAMILY_SERIES)
			model_add(model, FAMILY_SERIES, present, families[family].name);
		else if (model_series_count(model, family))
			model_add(model, FAMILY_SERIES, model_series_count(model, family),
				  model_family_row(model, i)->name);
	}
}

void self_add(struct self *self, const struct handover *handover, struct model *model)
{
	static const char *const causes[REFUSED_COUNT] = {"limit", "out_of_memory", "misuse"};
	const struct distribution scrapes = {
		.bounds = scrape_bounds,
		.counts = self->scrape_counts,
		.bound_count = SELF_SCRAPE_BOUNDS,
		.sum = self->scrape_sum,
	};
	unsigned i;

	model_add(model, FAMILY_BUILD_INFO, 1, OPERAGLASS_VERSION, __VERSION__, ARCH);
	model_add(model, FAMILY_UP, 1, "exporter");
	for (i = 0; i < handover->component_count; i++)
		model_add(model, FAMILY_UP, handover->components[i].up,
			  handover->components[i].name);
	model_add(model, FAMILY_EXPORTER_RESTARTS, handover->restarts);
	for (i = 0; i < REFUSED_COUNT; i++)
		model_add(model, FAMILY_LOST, model_refused(model, i), "series", causes[i]);
	model_add_distribution(model, FAMILY_SCRAPE_DURATION, &scrapes);
	for (i = 0; i < 2; i++)
		add_process(&self->processes[i], model);
	add_exporter(self, model);
	add_series(model);
}
