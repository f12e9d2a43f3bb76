// SPDX-License-Identifier: Apache-2.0
/* The inside of a recorder; for recorder*.c. */
#ifndef EXPORTER_RECORDER_STATE_H
#define EXPORTER_RECORDER_STATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "journal.h"
#include "journal_rows.h"
#include "recorder.h"
#include "retention.h"
#include "session_label.h"

/* One group, one fsync. */
#define RECORDER_GROUP_EVENTS 4096
#define RECORDER_GROUP_BYTES  (1024 * 1024)
#define RECORDER_BOUNDS	      12

enum recorder_failure {
	FAILURE_DISK_FULL,
	FAILURE_IO,
	FAILURE_DAMAGED,
	FAILURE_OTHER,
	RECORDER_FAILURES
};

/* Events that nobody waits for, and that were not stored. */
enum recorder_loss {
	LOSS_QUEUE_FULL,
	LOSS_WRITE_FAILED,
	LOSS_REFUSED,
	RECORDER_LOSSES
};

struct queued {
	struct event *event;
	struct ticket *ticket; /* NULL: nobody waits */
	unsigned index;	       /* of the event in its ticket */
	enum record_result result;
};

/* What readers see; under `lock`. */
struct recorder_numbers {
	bool works;
	int64_t since_us;
	char detail[192];
	uint64_t stored, bytes;
	uint64_t commits, commit_ns, commit_buckets[RECORDER_BOUNDS + 1];
	uint64_t failures[RECORDER_FAILURES], lost[RECORDER_LOSSES], removed;
	uint64_t refused; /* of lost[LOSS_REFUSED], those that came by datagram */
};

struct recorder {
	/* Of the thread, once it runs. */
	struct journal *journal;
	struct journal_rows *rows;
	struct queued *group; /* RECORDER_GROUP_EVENTS */
	unsigned unswept;     /* events since retention last ran */
	uint64_t next_retention_ns, next_probe_ns, asides_end_ns;
	unsigned asides; /* files set aside until then */

	pthread_mutex_t accounts_lock; /* never held while the disk is used */
	struct accounts *accounts;
	struct keyed_hash hash;
	bool plain_actors;

	pthread_mutex_t lock; /* everything below */
	pthread_cond_t wake;
	struct queued *queue; /* a ring of RECORDER_QUEUE_EVENTS */
	unsigned first, count;
	size_t bytes;
	struct ticket *done, **done_end;
	struct recorder_numbers numbers;
	struct retention retention;
	bool retention_changed, stop;

	int done_fd;
	pthread_t thread;
	bool running;
};

struct moment recorder_now(void);
/* The thread: takes a `struct recorder *`. */
void *recorder_main(void *context);
/* Marks what is due as expired; only where no thread runs, or in the thread. 0 or -errno. */
int recorder_expire(struct recorder *recorder);
/* Upper bounds of a commit in nanoseconds. */
extern const uint64_t recorder_bounds[RECORDER_BOUNDS];
/* operaglass_journal_*. */
void recorder_add_families(struct recorder *recorder, struct model *model);

#endif
