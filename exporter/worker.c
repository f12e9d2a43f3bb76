// SPDX-License-Identifier: Apache-2.0
#include "worker.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Reports go through SQLite's deepest calls; hashes need 32 KiB. */
#define STACK_BYTES (512 * 1024)

struct job_list {
	struct job *first, **end;
};

struct worker {
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct job_list waiting, finished; /* under lock, like the two below */
	unsigned waiting_count;
	bool stop;
	int done_fd;
};

static void list_init(struct job_list *list)
{
	list->first = NULL;
	list->end = &list->first;
}

static void list_add(struct job_list *list, struct job *job)
{
	job->next = NULL;
	*list->end = job;
	list->end = &job->next;
}

static struct job *list_take(struct job_list *list)
{
	struct job *job = list->first;

	list->first = job->next;
	if (!list->first)
		list->end = &list->first;
	return job;
}

static void *work(void *context)
{
	struct worker *worker = context;
	struct job *job;

	pthread_mutex_lock(&worker->lock);
	for (;;) {
		while (!worker->waiting.first && !worker->stop)
			pthread_cond_wait(&worker->wake, &worker->lock);
		if (worker->stop)
			break;
		job = list_take(&worker->waiting);
		worker->waiting_count--;
		pthread_mutex_unlock(&worker->lock);
		job->run(job);
		pthread_mutex_lock(&worker->lock);
		list_add(&worker->finished, job);
		eventfd_write(worker->done_fd, 1);
	}
	pthread_mutex_unlock(&worker->lock);
	return NULL;
}

static int start(struct worker *worker)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int err;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&worker->thread, &attributes, work, worker);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	return err;
}

int worker_create(struct worker **ret_worker)
{
	struct worker *worker = calloc(1, sizeof(*worker));
	int err;

	if (!worker)
		return -ENOMEM;
	list_init(&worker->waiting);
	list_init(&worker->finished);
	worker->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (worker->done_fd < 0) {
		err = -errno;
		free(worker);
		return err;
	}
	pthread_mutex_init(&worker->lock, NULL);
	pthread_cond_init(&worker->wake, NULL);
	err = start(worker);
	if (err) {
		pthread_cond_destroy(&worker->wake);
		pthread_mutex_destroy(&worker->lock);
		close(worker->done_fd);
		free(worker);
		return err;
	}
	*ret_worker = worker;
	return 0;
}

void worker_free(struct worker *worker)
{
	if (!worker)
		return;
	pthread_mutex_lock(&worker->lock);
	worker->stop = true;
	pthread_cond_signal(&worker->wake);
	pthread_mutex_unlock(&worker->lock);
	pthread_join(worker->thread, NULL);
	while (worker->waiting.first)
		list_add(&worker->finished, list_take(&worker->waiting));
	worker_run(worker);
	pthread_cond_destroy(&worker->wake);
	pthread_mutex_destroy(&worker->lock);
	close(worker->done_fd);
	free(worker);
}

int worker_submit(struct worker *worker, struct job *job)
{
	int err = 0;

	pthread_mutex_lock(&worker->lock);
	if (worker->waiting_count == WORKER_JOBS_MAX) {
		err = -EBUSY;
	} else {
		list_add(&worker->waiting, job);
		worker->waiting_count++;
		pthread_cond_signal(&worker->wake);
	}
	pthread_mutex_unlock(&worker->lock);
	return err;
}

int worker_fd(const struct worker *worker)
{
	return worker->done_fd;
}

void worker_run(struct worker *worker)
{
	struct job *job, *next;
	eventfd_t number;

	pthread_mutex_lock(&worker->lock);
	eventfd_read(worker->done_fd, &number);
	job = worker->finished.first;
	list_init(&worker->finished);
	pthread_mutex_unlock(&worker->lock);
	for (; job; job = next) {
		next = job->next;
		job->done(job);
	}
}
