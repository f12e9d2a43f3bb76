// SPDX-License-Identifier: Apache-2.0
#include "tls_search_queue.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "log.h"
#include "tls_search.h"
#include "tls_signatures.h"

struct tls_search_queue {
	int epoll_fd;
	bool is_running; /* the first job's */
	struct tls_search search;
	size_t count;
	struct tls_search_job jobs[TLS_SEARCH_QUEUE];
};

struct tls_search_queue *tls_search_queue_new(int epoll_fd)
{
	struct tls_search_queue *queue = calloc(1, sizeof(*queue));

	if (queue)
		queue->epoll_fd = epoll_fd;
	return queue;
}

void tls_search_queue_free(struct tls_search_queue *queue)
{
	if (queue && queue->is_running)
		close(queue->search.pipe); /* the search ends by itself */
	while (queue && queue->count)
		close(queue->jobs[--queue->count].file);
	free(queue);
}

static void begin(struct tls_search_queue *queue)
{
	struct epoll_event event = {.events = EPOLLIN};
	int err;

	while (queue->count && !queue->is_running) {
		err = tls_search_begin(queue->jobs[0].file, &queue->search);
		queue->is_running = !err;
		if (!err) {
			epoll_ctl(queue->epoll_fd, EPOLL_CTL_ADD, queue->search.pipe, &event);
			break;
		}
		log_warning(err,
			    "cannot search '%s' for its TLS functions: %s; its calls are timed at "
			    "the socket",
			    queue->jobs[0].path, strerror(-err));
		close(queue->jobs[0].file);
		memmove(&queue->jobs[0], &queue->jobs[1], --queue->count * sizeof(queue->jobs[0]));
	}
}

void tls_search_queue_ask(struct tls_search_queue *queue, int file, const char *path,
			  const struct tls_recognition *found)
{
	struct tls_search_job *job;
	int copy;

	if (!queue || !found->may_be_searched)
		return;
	if (queue->count == TLS_SEARCH_QUEUE) {
		log_warning(0,
			    "'%s' is not searched for its TLS functions: %d other files wait for "
			    "that; its calls are timed at the socket until it is started again",
			    path, TLS_SEARCH_QUEUE);
		return;
	}
	copy = fcntl(file, F_DUPFD_CLOEXEC, 3);
	if (copy < 0)
		return;
	job = &queue->jobs[queue->count++];
	*job = (struct tls_search_job){.file = copy, .found = *found};
	snprintf(job->path, sizeof(job->path), "%s", path);
	begin(queue);
}

static void keep(const struct tls_search_job *job, const char *directory)
{
	struct tls_signature signature = {.searched = true};
	int err;

	memcpy(signature.build_id, job->found.build_id, sizeof(signature.build_id));
	memcpy(signature.offsets, job->found.offsets, sizeof(signature.offsets));
	err = tls_signatures_keep(directory, &signature);
	if (err)
		log_debug(0,
			  "cannot keep where the TLS functions of '%s' are below '%s': %s; they "
			  "are searched again after a restart",
			  job->path, directory, strerror(-err));
}

void tls_search_queue_step(struct tls_search_queue *queue, const char *directory,
			   void (*take)(void *context, const struct tls_search_job *job),
			   void *context)
{
	struct tls_search_result result;
	struct tls_search_job job;

	if (!queue || !queue->is_running ||
	    tls_search_end(&queue->search, queue->jobs[0].file, &result))
		return;
	job = queue->jobs[0];
	queue->is_running = false;
	memmove(&queue->jobs[0], &queue->jobs[1], --queue->count * sizeof(queue->jobs[0]));
	if (tls_recognition_search(&job.found, &result)) {
		log_info(0, "searched '%s': its TLS functions are found, known by %s", job.path,
			 job.found.by);
		keep(&job, directory);
	} else {
		log_info(0, "searched '%s' in vain: %s; its calls are timed at the socket",
			 job.path, job.found.why);
	}
	if (job.found.found || job.found.refused)
		take(context, &job);
	close(job.file);
	begin(queue);
}
