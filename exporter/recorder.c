// SPDX-License-Identifier: Apache-2.0
/* The event loop's side of the recorder. */
#include "recorder.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "log.h"
#include "recorder_state.h"
#include "reporting.h"

/* SQLite's deepest calls take some 30 KiB. */
#define STACK_BYTES (512 * 1024)

struct moment recorder_now(void)
{
	struct timespec wall = {0}, boot = {0};

	clock_gettime(CLOCK_REALTIME, &wall);
	clock_gettime(CLOCK_BOOTTIME, &boot);
	return (struct moment){
		.wall_us = (int64_t)wall.tv_sec * 1000000 + wall.tv_nsec / 1000,
		.boot_ns = (uint64_t)boot.tv_sec * 1000000000 + (uint64_t)boot.tv_nsec,
	};
}

/* FNV-1a of the boot's id: another one after each start of the host. */
static uint64_t boot_epoch(void)
{
	uint64_t hash = UINT64_C(14695981039346656037);
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	char id[64];
	ssize_t size = fd < 0 ? 0 : read(fd, id, sizeof(id)), i;

	if (fd >= 0)
		close(fd);
	for (i = 0; i < size; i++)
		hash = (hash ^ (uint8_t)id[i]) * UINT64_C(1099511628211);
	return hash ? hash : 1;
}

static void set_retention(struct recorder *recorder, const struct reporting_settings *settings)
{
	recorder->retention = (struct retention){
		.age_ns = settings->retention_ns,
		.bytes = settings->retention_bytes,
		.id_window_ns = settings->id_window_ns,
	};
	recorder->retention_changed = true;
}

/* Under accounts_lock, or before there is a thread. */
static void set_actors(struct recorder *recorder, const struct reporting_settings *settings)
{
	keyed_hash_init(&recorder->hash, settings->session_key, 0);
	recorder->plain_actors = settings->plain_actors;
}

static int load(struct recorder *recorder, const struct reporting_settings *settings)
{
	const struct moment now = recorder_now();
	uint64_t skipped = 0;
	int err = accounts_create(settings, &recorder->accounts);

	if (err)
		return log_error(err, "cannot make room for the accounts: %s", strerror(-err));
	accounts_set_boot(recorder->accounts, boot_epoch(), &now);
	err = journal_load(recorder->journal, recorder->accounts, &skipped);
	if (err)
		return log_error(
			err, "cannot read the journal '%s': %s", journal_path(recorder->journal),
			*journal_problem(recorder->journal) ? journal_problem(recorder->journal)
							    : strerror(-err));
	if (skipped)
		log_warning(0, "%llu rows of the journal made no sense and were left out",
			    (unsigned long long)skipped);
	return 0;
}

static int start(struct recorder *recorder)
{
	pthread_attr_t attributes;
	sigset_t all, before;
	int err;

	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	/* Signals are the loop's. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	err = -pthread_create(&recorder->thread, &attributes, recorder_main, recorder);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	pthread_attr_destroy(&attributes);
	if (err)
		return log_error(err, "cannot start the journal's thread: %s", strerror(-err));
	recorder->running = true;
	return 0;
}

static int open_all(struct recorder *recorder, const char *directory,
		    const struct reporting_settings *settings)
{
	int err;

	recorder->queue = calloc(RECORDER_QUEUE_EVENTS, sizeof(*recorder->queue));
	recorder->group = calloc(RECORDER_GROUP_EVENTS, sizeof(*recorder->group));
	recorder->done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (!recorder->queue || !recorder->group || recorder->done_fd < 0)
		return log_error(-ENOMEM, "cannot make room for the journal's queue");
	err = journal_rows_create(&recorder->rows);
	if (err)
		return log_error(err, "cannot make room for the journal's rows");
	err = journal_open(directory, &recorder->journal);
	if (!err)
		err = load(recorder, settings);
	if (err)
		return err;
	set_actors(recorder, settings);
	set_retention(recorder, settings);
	recorder->numbers.stored = journal_stored(recorder->journal);
	recorder->numbers.bytes = journal_size(recorder->journal);
	/* A disk that is full now may not be so later: the thread tries again. */
	recorder_expire(recorder);
	return start(recorder);
}

int recorder_open(const char *directory, const struct reporting_settings *settings,
		  struct recorder **ret_recorder)
{
	struct recorder *recorder = calloc(1, sizeof(*recorder));
	pthread_condattr_t attributes;
	int err;

	if (!recorder)
		return log_error(-ENOMEM, "cannot open the journal: %s", strerror(ENOMEM));
	recorder->done_fd = -1;
	recorder->done_end = &recorder->done;
	recorder->numbers.works = true;
	recorder->numbers.since_us = recorder_now().wall_us;
	pthread_mutex_init(&recorder->accounts_lock, NULL);
	pthread_mutex_init(&recorder->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&recorder->wake, &attributes);
	pthread_condattr_destroy(&attributes);
	err = open_all(recorder, directory, settings);
	if (err)
		recorder_close(recorder);
	else
		*ret_recorder = recorder;
	return err;
}

void recorder_close(struct recorder *recorder)
{
	if (!recorder)
		return;
	if (recorder->running) {
		pthread_mutex_lock(&recorder->lock);
		recorder->stop = true;
		pthread_cond_signal(&recorder->wake);
		pthread_mutex_unlock(&recorder->lock);
		pthread_join(recorder->thread, NULL);
		recorder_run(recorder);
	}
	accounts_free(recorder->accounts);
	journal_close(recorder->journal);
	journal_rows_free(recorder->rows);
	if (recorder->done_fd >= 0)
		close(recorder->done_fd);
	pthread_cond_destroy(&recorder->wake);
	pthread_mutex_destroy(&recorder->lock);
	pthread_mutex_destroy(&recorder->accounts_lock);
	free(recorder->group);
	free(recorder->queue);
	free(recorder);
}

/* Whether there is room, and the journal works. */
static int admit(const struct recorder *recorder, unsigned count, size_t bytes)
{
	if (!recorder->numbers.works)
		return -EIO;
	if (count > RECORDER_QUEUE_EVENTS - recorder->count ||
	    bytes > RECORDER_QUEUE_BYTES - recorder->bytes)
		return -ENOBUFS;
	return 0;
}

static void enqueue(struct recorder *recorder, struct event **events, unsigned count,
		    struct ticket *ticket)
{
	unsigned i, at;

	for (i = 0; i < count; i++) {
		at = (recorder->first + recorder->count++) % RECORDER_QUEUE_EVENTS;
		recorder->queue[at] = (struct queued){events[i], ticket, i, RECORD_FAILED};
	}
	if (!ticket)
		return;
	ticket->remaining = count;
	if (count == 0) {
		ticket->next = NULL;
		*recorder->done_end = ticket;
		recorder->done_end = &ticket->next;
		eventfd_write(recorder->done_fd, 1);
	}
}

int recorder_submit(struct recorder *recorder, struct event **events, unsigned count,
		    struct ticket *ticket)
{
	size_t bytes = 0;
	unsigned i;
	int err;

	for (i = 0; i < count; i++)
		bytes += event_size(events[i]);
	pthread_mutex_lock(&recorder->lock);
	err = admit(recorder, count, bytes);
	if (!err) {
		enqueue(recorder, events, count, ticket);
		recorder->bytes += bytes;
		pthread_cond_signal(&recorder->wake);
	} else if (!ticket) {
		recorder->numbers.lost[err == -EIO ? LOSS_WRITE_FAILED : LOSS_QUEUE_FULL] += count;
	}
	pthread_mutex_unlock(&recorder->lock);
	for (i = 0; err && i < count; i++)
		event_free(events[i]);
	return err;
}

int recorder_fd(const struct recorder *recorder)
{
	return recorder->done_fd;
}

void recorder_run(struct recorder *recorder)
{
	struct ticket *ticket, *next;
	eventfd_t number;

	pthread_mutex_lock(&recorder->lock);
	eventfd_read(recorder->done_fd, &number);
	ticket = recorder->done;
	recorder->done = NULL;
	recorder->done_end = &recorder->done;
	pthread_mutex_unlock(&recorder->lock);
	for (; ticket; ticket = next) {
		next = ticket->next;
		ticket->done(ticket);
	}
}

int recorder_configure(struct recorder *recorder, const struct reporting_settings *settings)
{
	int err;

	pthread_mutex_lock(&recorder->accounts_lock);
	err = accounts_configure(recorder->accounts, settings);
	if (!err)
		set_actors(recorder, settings);
	pthread_mutex_unlock(&recorder->accounts_lock);
	if (err)
		return err;
	pthread_mutex_lock(&recorder->lock);
	set_retention(recorder, settings);
	pthread_cond_signal(&recorder->wake);
	pthread_mutex_unlock(&recorder->lock);
	return 0;
}

void recorder_add(struct recorder *recorder, struct model *model)
{
	const struct moment now = recorder_now();

	pthread_mutex_lock(&recorder->accounts_lock);
	accounts_add(recorder->accounts, &now, model);
	pthread_mutex_unlock(&recorder->accounts_lock);
	recorder_add_families(recorder, model);
}

void recorder_each_pending(struct recorder *recorder,
			   int (*each)(void *context, const struct pending_approval *approval),
			   void *context)
{
	const struct moment now = recorder_now();

	pthread_mutex_lock(&recorder->accounts_lock);
	accounts_each_pending(recorder->accounts, &now, each, context);
	pthread_mutex_unlock(&recorder->accounts_lock);
}

unsigned recorder_waiting(struct recorder *recorder, struct waiting_root *roots, unsigned max)
{
	unsigned count;

	pthread_mutex_lock(&recorder->accounts_lock);
	count = accounts_waiting(recorder->accounts, roots, max);
	pthread_mutex_unlock(&recorder->accounts_lock);
	return count;
}

void recorder_health(struct recorder *recorder, struct recorder_health *ret_health)
{
	const struct recorder_numbers *numbers = &recorder->numbers;

	pthread_mutex_lock(&recorder->lock);
	ret_health->works = numbers->works;
	ret_health->since_us = numbers->since_us;
	memcpy(ret_health->detail, numbers->detail, sizeof(ret_health->detail));
	ret_health->stored = numbers->stored;
	ret_health->bytes = numbers->bytes;
	ret_health->queued = recorder->count;
	ret_health->refused = numbers->refused;
	pthread_mutex_unlock(&recorder->lock);
}

const char *recorder_path(const struct recorder *recorder)
{
	return journal_path(recorder->journal);
}
