// SPDX-License-Identifier: Apache-2.0
/* The recorder's thread: groups, expiry, retention, and what it does when the disk does not. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>

#include "log.h"
#include "recorder_state.h"

#define NANO UINT64_C(1000000000)
/* While the journal fails, it is tried so often; what is due is looked at so often, because the
 * waiting below does not count a suspended host's time. */
#define PROBE_NS     NANO
#define RETENTION_NS (60 * NANO)
/* A flood fills a disk in less time: so many events bring retention forward. */
#define RETENTION_EVENTS 10000
#define IDLE_NS		 (10 * NANO)
#define DUE_NS		 (NANO / 100)
/* Damaged files in that time. */
#define ASIDES_MAX	3
#define ASIDES_NS	(60 * NANO)
#define EXPIRED_AT_ONCE 256

static uint64_t monotonic_ns(void)
{
	struct timespec now = {0};

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * NANO + (uint64_t)now.tv_nsec;
}

/* --- the state of the disk -------------------------------------------------------------------- */

static void set_works(struct recorder *recorder, bool works, const char *detail)
{
	struct recorder_numbers *numbers = &recorder->numbers;

	pthread_mutex_lock(&recorder->lock);
	if (numbers->works != works)
		numbers->since_us = recorder_now().wall_us;
	numbers->works = works;
	snprintf(numbers->detail, sizeof(numbers->detail), "%s", detail);
	pthread_mutex_unlock(&recorder->lock);
}

/* A host whose memory or disk damages every new file is not filled with them. */
static bool may_set_aside(struct recorder *recorder)
{
	uint64_t now = monotonic_ns();

	if (now >= recorder->asides_end_ns) {
		recorder->asides_end_ns = now + ASIDES_NS;
		recorder->asides = 0;
	}
	return recorder->asides++ < ASIDES_MAX;
}

/* After something of the journal failed with `err`. */
static void failed(struct recorder *recorder, int err)
{
	struct recorder_numbers *numbers = &recorder->numbers;
	const enum recorder_failure failure = err == -ENOSPC	? FAILURE_DISK_FULL
					      : err == -EIO	? FAILURE_IO
					      : err == -EUCLEAN ? FAILURE_DAMAGED
								: FAILURE_OTHER;
	char detail[192];
	bool worked;

	snprintf(detail, sizeof(detail), "%s", journal_problem(recorder->journal));
	if (!*detail)
		snprintf(detail, sizeof(detail), "%s", strerror(-err));
	pthread_mutex_lock(&recorder->lock);
	worked = numbers->works;
	numbers->failures[failure]++;
	pthread_mutex_unlock(&recorder->lock);
	recorder->next_probe_ns = monotonic_ns() + PROBE_NS;
	if (failure == FAILURE_DAMAGED && may_set_aside(recorder) &&
	    !journal_set_aside(recorder->journal))
		return;
	set_works(recorder, false, detail);
	if (worked)
		log_error(err,
			  "cannot write the journal '%s': %s; events are refused until it works "
			  "again",
			  journal_path(recorder->journal), detail);
}

/* Tries again what failed, once a second. */
static void probe(struct recorder *recorder)
{
	int err;

	if (recorder->numbers.works || monotonic_ns() < recorder->next_probe_ns)
		return;
	err = journal_probe(recorder->journal);
	if (err) {
		failed(recorder, err);
		return;
	}
	set_works(recorder, true, "");
	log_info(0, "the journal '%s' works again", journal_path(recorder->journal));
}

/* --- one group -------------------------------------------------------------------------------- */

static void committed(struct recorder *recorder, uint64_t nanoseconds)
{
	struct recorder_numbers *numbers = &recorder->numbers;
	uint64_t stored = journal_stored(recorder->journal);
	uint64_t bytes = journal_size(recorder->journal);
	unsigned bucket = 0;

	while (bucket < RECORDER_BOUNDS && nanoseconds > recorder_bounds[bucket])
		bucket++;
	pthread_mutex_lock(&recorder->lock);
	numbers->stored = stored;
	numbers->bytes = bytes;
	numbers->commits++;
	numbers->commit_ns += nanoseconds;
	numbers->commit_buckets[bucket]++;
	pthread_mutex_unlock(&recorder->lock);
}

/* Who decided is not stored as it was reported, unless the settings say so. What Operaglass notes
 * itself names no person: an address or a uid, which an operator needs. */
static int hide_actor(struct recorder *recorder, struct event **event)
{
	char actor[SESSION_LABEL_SIZE];
	struct keyed_hash hash;
	bool plain;

	if (!event_has(*event, FIELD_ACTOR) || event_types[event_type(*event)].internal)
		return 0;
	pthread_mutex_lock(&recorder->accounts_lock);
	plain = recorder->plain_actors;
	hash = recorder->hash;
	pthread_mutex_unlock(&recorder->accounts_lock);
	if (plain)
		return 0;
	session_label(&hash, SESSION_LABEL_HASHED, event_text(*event, FIELD_ACTOR), actor);
	return event_replace_text(event, FIELD_ACTOR, actor);
}

static int write_one(struct recorder *recorder, struct queued *item)
{
	struct outcome outcome = {.kind = OUTCOME_TAKEN};
	int known = journal_knows(recorder->journal, event_text(item->event, FIELD_ID)), err;

	item->result = RECORD_KNOWN;
	if (known)
		return known < 0 ? known : 0;
	pthread_mutex_lock(&recorder->accounts_lock);
	err = accounts_apply(recorder->accounts, item->event, &outcome);
	pthread_mutex_unlock(&recorder->accounts_lock);
	if (!err && outcome.kind == OUTCOME_REFUSED) {
		item->result = RECORD_REFUSED;
		if (item->ticket)
			item->ticket->events[item->index].why = outcome.why;
		return 0;
	}
	item->result = RECORD_STORED;
	if (!err)
		err = hide_actor(recorder, &item->event);
	return err ? err : journal_put_event(recorder->journal, item->event);
}

/* What the accounts changed, copied under the lock and written outside of it. */
static int write_changes(struct recorder *recorder)
{
	const struct account_store copier = journal_rows_store(recorder->rows);
	const struct account_store writer = journal_store(recorder->journal);
	int err;

	pthread_mutex_lock(&recorder->accounts_lock);
	err = accounts_save(recorder->accounts, &copier);
	pthread_mutex_unlock(&recorder->accounts_lock);
	if (!err)
		err = journal_rows_play(recorder->rows, &writer);
	journal_rows_clear(recorder->rows);
	return err;
}

/* Writes items as one group; their results are filled in. 0 or -errno. */
static int write_group(struct recorder *recorder, struct queued *items, unsigned count)
{
	uint64_t begin;
	unsigned i;
	int err = journal_begin(recorder->journal);

	for (i = 0; i < count && !err; i++)
		err = write_one(recorder, &items[i]);
	if (!err)
		err = write_changes(recorder);
	begin = monotonic_ns();
	if (!err)
		err = journal_commit(recorder->journal);
	if (err)
		journal_rollback(recorder->journal);
	else
		committed(recorder, monotonic_ns() - begin);
	pthread_mutex_lock(&recorder->accounts_lock);
	if (err)
		accounts_rollback(recorder->accounts);
	else
		accounts_commit(recorder->accounts);
	pthread_mutex_unlock(&recorder->accounts_lock);
	if (!err)
		return 0;
	for (i = 0; i < count; i++)
		items[i].result = RECORD_FAILED;
	failed(recorder, err);
	return err;
}

static void count_lost(struct recorder_numbers *numbers, const struct queued *item)
{
	numbers->lost[LOSS_WRITE_FAILED] += item->result == RECORD_FAILED;
	if (item->result != RECORD_REFUSED)
		return;
	numbers->lost[LOSS_REFUSED]++;
	numbers->refused += event_origin(item->event)->way == WAY_DATAGRAM;
}

/* Tells who waits, and frees the events. */
static void finish(struct recorder *recorder, struct queued *items, unsigned count)
{
	struct recorder_numbers *numbers = &recorder->numbers;
	struct ticket *ticket;
	bool done = false;
	unsigned i;

	pthread_mutex_lock(&recorder->lock);
	for (i = 0; i < count; i++) {
		ticket = items[i].ticket;
		if (!ticket) {
			count_lost(numbers, &items[i]);
			continue;
		}
		ticket->events[items[i].index].result = items[i].result;
		if (--ticket->remaining > 0)
			continue;
		ticket->next = NULL;
		*recorder->done_end = ticket;
		recorder->done_end = &ticket->next;
		done = true;
	}
	pthread_mutex_unlock(&recorder->lock);
	for (i = 0; i < count; i++)
		event_free(items[i].event);
	if (done)
		eventfd_write(recorder->done_fd, 1);
}

/* --- the thread ------------------------------------------------------------------------------- */

int recorder_expire(struct recorder *recorder)
{
	struct queued items[EXPIRED_AT_ONCE];
	struct event *events[EXPIRED_AT_ONCE];
	const struct moment now = recorder_now();
	unsigned count, i;
	int err = 0;

	do {
		pthread_mutex_lock(&recorder->accounts_lock);
		count = accounts_due(recorder->accounts, &now, events, EXPIRED_AT_ONCE);
		pthread_mutex_unlock(&recorder->accounts_lock);
		for (i = 0; i < count; i++)
			items[i] = (struct queued){events[i], NULL, 0, RECORD_FAILED};
		if (count > 0)
			err = write_group(recorder, items, count);
		/* They are not lost when that failed: they are still due. */
		for (i = 0; i < count; i++)
			event_free(items[i].event);
	} while (!err && count == EXPIRED_AT_ONCE);
	return err;
}

/* Removes or forgets at least as much as the last group brought: events do not wait for the rest. */
static void remove_old(struct recorder *recorder, unsigned added)
{
	struct retention_result result = {.more = true};
	struct retention retention;
	uint64_t removed = 0, done = 0;
	bool changed;
	int err = 0;

	pthread_mutex_lock(&recorder->lock);
	retention = recorder->retention;
	changed = recorder->retention_changed;
	recorder->retention_changed = false;
	pthread_mutex_unlock(&recorder->lock);
	recorder->unswept += added;
	if (!changed && recorder->unswept < RETENTION_EVENTS &&
	    monotonic_ns() < recorder->next_retention_ns)
		return;
	recorder->unswept = 0;
	while (result.more && done <= added && !err) {
		err = retention_step(recorder->journal, &retention, recorder_now().wall_us,
				     &result);
		if (err)
			break;
		removed += result.events + result.audit_rows + result.approvals;
		done += result.events + result.audit_rows + result.approvals + result.ids;
	}
	/* With more to do it goes on after the next group, or at once when there is none. */
	recorder->next_retention_ns = !err && result.more ? 0 : monotonic_ns() + RETENTION_NS;
	pthread_mutex_lock(&recorder->lock);
	recorder->numbers.removed += removed;
	recorder->numbers.stored = journal_stored(recorder->journal);
	pthread_mutex_unlock(&recorder->lock);
	if (err)
		failed(recorder, err);
}

/* How long nothing needs to be done unless somebody submits something. */
static uint64_t idle_ns(struct recorder *recorder)
{
	const struct moment now = recorder_now();
	uint64_t due, wait = IDLE_NS;

	if (recorder->next_retention_ns == 0 && recorder->numbers.works)
		return 0;
	pthread_mutex_lock(&recorder->accounts_lock);
	due = accounts_next_due(recorder->accounts, &now);
	pthread_mutex_unlock(&recorder->accounts_lock);
	if (due != UINT64_MAX || !recorder->numbers.works)
		wait = PROBE_NS;
	if (!recorder->numbers.works || due == UINT64_MAX)
		return wait;
	due = due > now.boot_ns + DUE_NS ? due - now.boot_ns : DUE_NS;
	return due < wait ? due : wait;
}

/* Waits for work and takes a group of it; false at the end. */
static bool take(struct recorder *recorder, unsigned *ret_count)
{
	uint64_t until = monotonic_ns() + idle_ns(recorder);
	const struct timespec at = {(time_t)(until / NANO), (long)(until % NANO)};
	size_t size, bytes = 0;
	unsigned count = 0;
	bool more;
	int err = 0;

	pthread_mutex_lock(&recorder->lock);
	while (!recorder->count && !recorder->stop && !err &&
	       !(recorder->retention_changed && recorder->numbers.works))
		err = pthread_cond_timedwait(&recorder->wake, &recorder->lock, &at);
	while (recorder->count && count < RECORDER_GROUP_EVENTS && bytes < RECORDER_GROUP_BYTES) {
		recorder->group[count] = recorder->queue[recorder->first];
		size = event_size(recorder->group[count++].event);
		bytes += size;
		recorder->bytes -= size;
		recorder->first = (recorder->first + 1) % RECORDER_QUEUE_EVENTS;
		recorder->count--;
	}
	more = count > 0 || !recorder->stop;
	pthread_mutex_unlock(&recorder->lock);
	*ret_count = count;
	return more;
}

void *recorder_main(void *context)
{
	struct recorder *recorder = context;
	unsigned count;
	int err;

	while (take(recorder, &count)) {
		probe(recorder);
		if (count > 0 && recorder->numbers.works)
			write_group(recorder, recorder->group, count);
		finish(recorder, recorder->group, count);
		if (!recorder->numbers.works)
			continue;
		if (recorder_expire(recorder))
			continue;
		remove_old(recorder, count);
		err = journal_checkpoint(recorder->journal);
		if (err)
			failed(recorder, err);
	}
	return NULL;
}
