// SPDX-License-Identifier: Apache-2.0
/* The journal about itself. */
#include "recorder_state.h"

#define MICROSECOND UINT64_C(1000)
#define MILLISECOND UINT64_C(1000000)

/* From a disk with a cache of its own to one that is about to fail. */
const uint64_t recorder_bounds[RECORDER_BOUNDS] = {
	100 * MICROSECOND,  250 * MICROSECOND, 500 * MICROSECOND,  1 * MILLISECOND,
	2500 * MICROSECOND, 5 * MILLISECOND,   10 * MILLISECOND,   25 * MILLISECOND,
	100 * MILLISECOND,  500 * MILLISECOND, 2000 * MILLISECOND, 10000 * MILLISECOND,
};

static const char *const failure_names[RECORDER_FAILURES] = {"disk_full", "io_error", "damaged",
							     "other"};
static const char *const loss_names[RECORDER_LOSSES] = {"queue_full", "write_failed", "refused"};

void recorder_add_families(struct recorder *recorder, struct model *model)
{
	struct recorder_numbers numbers;
	struct distribution commits;
	unsigned queued;
	int i;

	pthread_mutex_lock(&recorder->lock);
	numbers = recorder->numbers;
	queued = recorder->count;
	pthread_mutex_unlock(&recorder->lock);
	commits = (struct distribution){
		.bounds = recorder_bounds,
		.counts = numbers.commit_buckets,
		.bound_count = RECORDER_BOUNDS,
		.sum = numbers.commit_ns,
	};
	model_add(model, FAMILY_JOURNAL_EVENTS, numbers.stored);
	model_add(model, FAMILY_JOURNAL_SIZE, numbers.bytes);
	model_add(model, FAMILY_JOURNAL_COMMITS, numbers.commits);
	model_add_distribution(model, FAMILY_JOURNAL_COMMIT_DURATION, &commits);
	for (i = 0; i < RECORDER_FAILURES; i++)
		model_add(model, FAMILY_JOURNAL_FAILURES, numbers.failures[i], failure_names[i]);
	model_add(model, FAMILY_JOURNAL_QUEUE, queued);
	model_add(model, FAMILY_JOURNAL_REMOVED, numbers.removed);
	for (i = 0; i < RECORDER_LOSSES; i++)
		model_add(model, FAMILY_LOST, numbers.lost[i], "journal", loss_names[i]);
}
