// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>

#include "worker.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

struct numbered {
	struct job job;
	int number;
	bool ran;
	pthread_t thread;
};

static sem_t gate, entered;
static int finished[WORKER_JOBS_MAX + 2], finished_count;

static void run(struct job *job)
{
	struct numbered *mine = (struct numbered *)job;

	mine->ran = true;
	mine->thread = pthread_self();
}

/* Holds the worker until the gate opens. */
static void run_gate(struct job *job)
{
	run(job);
	sem_post(&entered);
	sem_wait(&gate);
}

static void done(struct job *job)
{
	finished[finished_count++] = ((struct numbered *)job)->number;
}

static struct numbered numbered(int number, void (*work)(struct job *job))
{
	return (struct numbered){.job = {.run = work, .done = done}, .number = number};
}

static void wait_for(struct worker *worker, int count)
{
	struct pollfd wait = {.fd = worker_fd(worker), .events = POLLIN};

	while (finished_count < count) {
		assert_int_equal(poll(&wait, 1, 10000), 1);
		worker_run(worker);
	}
}

static void test_order(void **state)
{
	struct numbered jobs[3];
	struct pollfd idle = {.events = POLLIN};
	struct worker *worker;
	int i;

	(void)state;
	finished_count = 0;
	assert_int_equal(worker_create(&worker), 0);
	for (i = 0; i < 3; i++) {
		jobs[i] = numbered(i, run);
		assert_int_equal(worker_submit(worker, &jobs[i].job), 0);
	}
	wait_for(worker, 3);
	for (i = 0; i < 3; i++) {
		assert_int_equal(finished[i], i);
		assert_true(jobs[i].ran);
		assert_false(pthread_equal(jobs[i].thread, pthread_self()));
	}
	idle.fd = worker_fd(worker);
	assert_int_equal(poll(&idle, 1, 0), 0);
	worker_free(worker);
}

static void test_bound_and_end(void **state)
{
	static struct numbered jobs[WORKER_JOBS_MAX + 2];
	struct worker *worker;
	int i;

	(void)state;
	finished_count = 0;
	sem_init(&gate, 0, 0);
	sem_init(&entered, 0, 0);
	assert_int_equal(worker_create(&worker), 0);
	jobs[0] = numbered(0, run_gate);
	assert_int_equal(worker_submit(worker, &jobs[0].job), 0);
	sem_wait(&entered);
	for (i = 1; i <= WORKER_JOBS_MAX; i++) {
		jobs[i] = numbered(i, run);
		assert_int_equal(worker_submit(worker, &jobs[i].job), 0);
	}
	jobs[i] = numbered(i, run);
	assert_int_equal(worker_submit(worker, &jobs[i].job), -EBUSY);
	/* The one that runs ends; whether the next begins before the end is a race. */
	sem_post(&gate);
	worker_free(worker);
	assert_int_equal(finished_count, WORKER_JOBS_MAX + 1);
	for (i = 0; i <= WORKER_JOBS_MAX; i++)
		assert_int_equal(finished[i], i);
	worker_free(NULL);
	sem_destroy(&gate);
	sem_destroy(&entered);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("jobs run in another thread and end in this one, in the order they came",
		     test_order),
		TEST("the 65th waiting job is refused, and the end finishes every job once",
		     test_bound_and_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
