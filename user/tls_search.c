// SPDX-License-Identifier: Apache-2.0
#include "tls_search.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "jail.h"

#define NICENESS   19
#define MEMORY_MAX (64UL * 1024 * 1024) /* beside the file */

/* All that is left to do: look at memory, write the answer, end. */
static const uint32_t allowed[] = {
	SYS_write,  SYS_brk,	 SYS_mmap,    SYS_munmap,
	SYS_mremap, SYS_madvise, SYS_sysinfo, SYS_exit_group,
};

static int drop_everything(int answer)
{
	const struct jail jail = {
		.kept = {(unsigned int)answer, (unsigned int)answer},
		.cpu_seconds = TLS_SEARCH_SECONDS,
		.memory = RLIMIT_DATA,
		.memory_bytes = MEMORY_MAX,
		.calls = allowed,
		.call_count = sizeof(allowed) / sizeof(allowed[0]),
		.only = true,
	};

	return jail_enter(&jail);
}

/* The file may shrink below us: then this process dies of it, and no other. */
static void __attribute__((noreturn)) search_main(int file, int answer)
{
	struct tls_search_result result = {};
	static struct tls_image image;
	const char *why = "";
	const uint8_t *bytes;
	int err;

	setpriority(PRIO_PROCESS, 0, NICENESS);
	if (tls_image_read(file, &image))
		_exit(2);
	bytes = mmap(NULL, image.size, PROT_READ, MAP_PRIVATE, file, 0);
	if (bytes == MAP_FAILED)
		_exit(3);
	err = drop_everything(answer);
	if (err) {
		result.err = -ECANCELED;
		snprintf(result.why, sizeof(result.why),
			 "the search for them could not be shut in: %s", strerror(-err));
	} else {
		result.err = tls_anchors_find(&image, bytes, &result.anchors, &why);
		if (result.err)
			strncpy(result.why, why, sizeof(result.why) - 1);
	}
	_exit(write(answer, &result, sizeof(result)) != sizeof(result));
}

int tls_search_begin(int file, struct tls_search *ret_search)
{
	int ends[2], err;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return -errno;
	pid = fork();
	if (pid == 0)
		search_main(file, ends[1]);
	err = pid < 0 ? -errno : 0;
	close(ends[1]);
	if (err)
		close(ends[0]);
	else
		*ret_search = (struct tls_search){pid, ends[0]};
	return err;
}

/* Nothing that it says is believed unseen. */
static void check(int file, struct tls_search_result *result)
{
	struct tls_image *image = malloc(sizeof(*image));

	result->why[sizeof(result->why) - 1] = '\0';
	if (!result->err &&
	    (!image || tls_image_read(file, image) || !tls_anchors_fit(image, &result->anchors))) {
		result->err = -ENOENT;
		snprintf(result->why, sizeof(result->why), "%s",
			 "what was found in it is not there");
	}
	free(image);
}

int tls_search_end(struct tls_search *search, int file, struct tls_search_result *ret_result)
{
	struct tls_search_result result;
	ssize_t got = read(search->pipe, &result, sizeof(result));

	if (got < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	if (got == sizeof(result)) {
		check(file, &result);
	} else {
		result = (struct tls_search_result){.err = -ECANCELED};
		snprintf(result.why, sizeof(result.why), "%s",
			 "the search for its functions did not come to its end");
	}
	close(search->pipe);
	kill(search->pid, SIGKILL); /* it has said all that it had to say */
	while (waitpid(search->pid, NULL, 0) < 0 && errno == EINTR)
		;
	*ret_result = result;
	return 0;
}

void tls_search_run(int file, struct tls_search_result *ret_result)
{
	struct tls_search_result result = {.err = -ECANCELED, .why = "it could not be searched"};
	struct tls_search search;
	struct pollfd wait = {.events = POLLIN};

	if (!tls_search_begin(file, &search)) {
		wait.fd = search.pipe;
		if (poll(&wait, 1, TLS_SEARCH_SECONDS * 1000) != 1)
			kill(search.pid, SIGKILL);
		while (tls_search_end(&search, file, &result) == -EAGAIN)
			poll(&wait, 1, 1000);
	}
	*ret_result = result;
}
