// SPDX-License-Identifier: Apache-2.0
/*
 * One thread for work that would stall the event loop: password hashes, reports from the journal.
 * Jobs run one after the other in the order they came; the queue is bounded.
 */
#ifndef EXPORTER_WORKER_H
#define EXPORTER_WORKER_H

#define WORKER_JOBS_MAX 64

struct worker;

/* Owned by the caller until `done`. */
struct job {
	void (*run)(struct job *job);  /* in the worker's thread: touches nothing but the job */
	void (*done)(struct job *job); /* in the loop's thread, inside worker_run() */
	struct job *next;
};

/* 0 or -errno. To be called after privileges are gone, before confine_calls(). */
int worker_create(struct worker **ret_worker);
/* Waits for the job that runs; those that wait are done without being run. */
void worker_free(struct worker *worker);

/* 0, or -EBUSY when WORKER_JOBS_MAX wait. */
int worker_submit(struct worker *worker, struct job *job);

/* Readable when jobs are done. */
int worker_fd(const struct worker *worker);
void worker_run(struct worker *worker);

#endif
