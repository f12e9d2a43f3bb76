// SPDX-License-Identifier: Apache-2.0
#include "bounded_call.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "log.h"

#define STACK_SIZE   (32 * 1024)
#define STEP_MS	     50
#define WAIT_MS	     500  /* asleep, each time that it is looked at; usual are 0.1 */
#define SHORT_MS     100  /* when so much has been waited already: */
#define PATIENCE_MS  2000 /* in */
#define PATIENCE_S   60
#define STARVED_MS   10000 /* for a task that no processor takes */
#define LAST_WAIT_MS 1000  /* for a task that has been killed: these waits end by that */

static struct {
	pid_t task; /* that has not ended; 0: none */
	int pidfd;
	unsigned int given_up;
	int patience_ms;
	time_t since_s;
	_Alignas(16) char stack[STACK_SIZE];
} calls;

struct name {
	char path[64];
	int fd, err;
};

/* They have the memory of this process: nothing but system calls, which may end anywhere. */
static int read_files(void *context)
{
	struct bounded_reading *reading = context;
	long got;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	for (; reading->at < reading->count; reading->at++) {
		if (reading->fd < 0)
			reading->fd =
				(int)syscall(SYS_openat, AT_FDCWD, reading->paths[reading->at],
					     O_RDONLY | O_CLOEXEC, 0);
		do {
			got = reading->fd < 0 ? 0
					      : syscall(SYS_read, reading->fd,
							reading->bytes + reading->used,
							sizeof(reading->bytes) - reading->used);
			if (got > 0)
				reading->used += (size_t)got;
		} while (got > 0 && reading->used < sizeof(reading->bytes));
		reading->ends[reading->at] = reading->used;
		if (got > 0)
			break;
		if (reading->fd >= 0)
			syscall(SYS_close, reading->fd);
		reading->fd = -1;
	}
	reading->err = 0;
	return 0;
}

static int open_path(void *context)
{
	struct name *name = context;

	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	name->fd = (int)syscall(SYS_openat, AT_FDCWD, name->path, O_PATH | O_CLOEXEC, 0);
	name->err = name->fd < 0 ? -errno : 0;
	return 0;
}

static bool has_ended(int wait_ms)
{
	struct pollfd end = {.fd = calls.pidfd, .events = POLLIN};

	if (!calls.task)
		return true;
	if (poll(&end, 1, wait_ms) != 1)
		return false;
	waitpid(calls.task, NULL, __WALL | WNOHANG);
	close(calls.pidfd);
	calls.task = 0;
	return true;
}

/* Many processes that do not answer cost no more time than a few. */
static int patience_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	if (!calls.since_s || now.tv_sec - calls.since_s >= PATIENCE_S) {
		calls.since_s = now.tv_sec;
		calls.patience_ms = PATIENCE_MS;
	}
	return calls.patience_ms > 0 ? WAIT_MS : SHORT_MS;
}

/* Not merely without a processor. */
static bool is_blocked(void)
{
	char path[32], text[128], *state;
	ssize_t length;
	int file;

	snprintf(path, sizeof(path), "/proc/%d/stat", calls.task);
	file = open(path, O_RDONLY | O_CLOEXEC);
	length = file < 0 ? -1 : read(file, text, sizeof(text) - 1);
	if (file >= 0)
		close(file);
	text[length > 0 ? length : 0] = '\0';
	state = strrchr(text, ')');
	return state && state[1] && state[2] == 'D';
}

static int give_up(const char *path, int wait_ms)
{
	calls.given_up++;
	if (wait_ms == SHORT_MS)
		return -ETIMEDOUT;
	return log_warning(
		-ETIMEDOUT,
		"'%s' does not answer: that process keeps its memory locked, as it waits "
		"for a file system perhaps. Until it goes on or is ended no library gets "
		"probes: the kernel would wait for it, and every fork() for the kernel. "
		"Calls by new libraries are timed at the socket; end the process",
		path);
}

/* 0 when it has ended; -ETIMEDOUT: it was killed. */
static int run(int (*work)(void *context), void *context, int wait_ms)
{
	int blocked_ms = 0, steps = STARVED_MS / STEP_MS;

	calls.task = clone(work, calls.stack + STACK_SIZE,
			   CLONE_VM | CLONE_FILES | CLONE_FS | CLONE_PIDFD, context, &calls.pidfd);
	if (calls.task < 0) {
		calls.task = 0;
		return -errno;
	}
	while (blocked_ms < wait_ms && steps--) {
		if (has_ended(STEP_MS))
			return 0;
		blocked_ms = is_blocked() ? blocked_ms + STEP_MS : 0;
	}
	calls.patience_ms -= wait_ms;
	syscall(SYS_pidfd_send_signal, calls.pidfd, SIGKILL, NULL, 0);
	has_ended(LAST_WAIT_MS);
	return -ETIMEDOUT;
}

int bounded_read(struct bounded_reading *reading)
{
	const int wait_ms = patience_ms();
	int err;

	if (!has_ended(0))
		return -EBUSY;
	reading->err = -EINTR;
	err = run(read_files, reading, wait_ms);
	if (err != -ETIMEDOUT || reading->at == reading->count)
		return err == -ETIMEDOUT ? 0 : err ? err : reading->err;
	if (reading->fd >= 0)
		close(reading->fd);
	reading->fd = -1;
	reading->ends[reading->at] = reading->used;
	return give_up(reading->paths[reading->at++], wait_ms);
}

int bounded_open_path(const char *path)
{
	static struct name name;
	const int wait_ms = patience_ms();
	int err;

	if (!has_ended(0))
		return -EBUSY;
	name = (struct name){.fd = -1, .err = -EINTR};
	snprintf(name.path, sizeof(name.path), "%s", path);
	err = run(open_path, &name, wait_ms);
	if (err && name.fd >= 0) /* just when it was given up */
		close(name.fd);
	if (err)
		return err == -ETIMEDOUT ? give_up(name.path, wait_ms) : err;
	return name.err ? name.err : name.fd;
}

unsigned int bounded_calls_given_up(void)
{
	unsigned int count = calls.given_up;

	calls.given_up = 0;
	return count;
}
