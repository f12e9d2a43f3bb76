// SPDX-License-Identifier: Apache-2.0
/* Which families are tallies, the bounds of their histograms, and what exists before anything
 * happens. */
#include "accounts_parts.h"

#define SECOND UINT64_C(1000000000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)

/* Time that a human takes: 1 s to 4 h, among them the usual timeout and the grace after it. */
static const uint64_t human_bounds[] = {
	SECOND,	     2 * SECOND,  5 * SECOND, 10 * SECOND, 20 * SECOND, 30 * SECOND, MINUTE,
	2 * MINUTE,  3 * MINUTE,  5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 20 * MINUTE, 30 * MINUTE,
	31 * MINUTE, 45 * MINUTE, HOUR,	      2 * HOUR,	   3 * HOUR,	4 * HOUR};
static const uint64_t depth_bounds[] = {0,   1,	  2,	4,    8,    16,	  32,	 64,	128,
					256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536};
/* A model's answer or a step of a workflow: 50 ms to 1 h. */
static const uint64_t work_bounds[] = {
	SECOND / 20, SECOND / 10, SECOND / 4,  SECOND / 2,  SECOND, 2 * SECOND,
	5 * SECOND,  10 * SECOND, 20 * SECOND, 30 * SECOND, MINUTE, 2 * MINUTE,
	5 * MINUTE,  10 * MINUTE, 20 * MINUTE, 30 * MINUTE, HOUR,   2 * HOUR};
/* What a team takes: a minute to four weeks. */
static const uint64_t team_bounds[] = {
	MINUTE,	   5 * MINUTE, 15 * MINUTE, 30 * MINUTE, HOUR,	  2 * HOUR, 4 * HOUR, 8 * HOUR,
	12 * HOUR, DAY,	       2 * DAY,	    3 * DAY,	 5 * DAY, 7 * DAY,  14 * DAY, 28 * DAY};

#define PLAIN(family)                              \
	{                                          \
		family,                            \
		{                                  \
			&families[family], NULL, 0 \
		}                                  \
	}
#define WITH(family, bounds)                                                          \
	{                                                                             \
		family,                                                               \
		{                                                                     \
			&families[family], bounds, sizeof(bounds) / sizeof(*(bounds)) \
		}                                                                     \
	}

static const struct tallied {
	enum family family;
	struct tally_family what;
} tallied[] = {
	PLAIN(FAMILY_APPROVAL_ENQUEUE),
	PLAIN(FAMILY_APPROVAL_DEQUEUE),
	WITH(FAMILY_APPROVAL_DEPTH, depth_bounds),
	PLAIN(FAMILY_APPROVAL_ACCEPTED),
	PLAIN(FAMILY_APPROVAL_REJECTED),
	PLAIN(FAMILY_APPROVAL_TIMEOUT),
	PLAIN(FAMILY_APPROVAL_IGNORED),
	PLAIN(FAMILY_APPROVAL_MESSAGES),
	WITH(FAMILY_APPROVAL_RESPONSE, human_bounds),
	PLAIN(FAMILY_CIRCUIT_STATE),
	PLAIN(FAMILY_CIRCUIT_TRANSITIONS),
	PLAIN(FAMILY_SERVICE_HEALTH),
	PLAIN(FAMILY_TELEGRAM_REPORTED_RETRIES),
	PLAIN(FAMILY_TOKENS),
	PLAIN(FAMILY_COST),
	PLAIN(FAMILY_UNPRICED_TOKENS),
	PLAIN(FAMILY_QUEUE_DEPTH),
	PLAIN(FAMILY_TASKS),
	WITH(FAMILY_TASK_DURATION, work_bounds),
	PLAIN(FAMILY_SMS),
	PLAIN(FAMILY_AI_RESPONSES),
	WITH(FAMILY_AI_DURATION, work_bounds),
	PLAIN(FAMILY_PAYMENT_PLANS),
	PLAIN(FAMILY_ESCALATIONS),
	WITH(FAMILY_WORKFLOW_STEP, work_bounds),
	WITH(FAMILY_PULL_REQUEST, team_bounds),
	WITH(FAMILY_CODE_REVIEW, team_bounds),
	PLAIN(FAMILY_DEPLOYMENTS),
	WITH(FAMILY_RECOVERY, team_bounds),
	PLAIN(FAMILY_STORIES),
};

/* Label sets that are known in advance; families without labels are, too. */
static const struct {
	enum family family;
	const char *labels[2];
} known[] = {
	{FAMILY_APPROVAL_IGNORED, {"late"}},
	{FAMILY_APPROVAL_IGNORED, {"duplicate"}},
	{FAMILY_APPROVAL_IGNORED, {"unmatched"}},
	{FAMILY_APPROVAL_MESSAGES, {"delivered"}},
	{FAMILY_APPROVAL_MESSAGES, {"failed"}},
	{FAMILY_APPROVAL_MESSAGES, {"missing"}},
	{FAMILY_APPROVAL_RESPONSE, {"accepted"}},
	{FAMILY_APPROVAL_RESPONSE, {"rejected"}},
	{FAMILY_APPROVAL_RESPONSE, {"cancelled"}},
	{FAMILY_APPROVAL_RESPONSE, {"timeout"}},
	{FAMILY_TASKS, {"success"}},
	{FAMILY_AI_RESPONSES, {"success"}},
	{FAMILY_PAYMENT_PLANS, {"success"}},
	{FAMILY_STORIES, {"success"}},
	{FAMILY_SMS, {"received", "success"}},
	{FAMILY_SMS, {"sent", "success"}},
};

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

int accounts_show(struct accounts *accounts)
{
	static const char *const off[] = {""};
	struct model_labels labels;
	enum family family;
	unsigned i;
	int err = 0;

	for (i = 0; i < COUNT(tallied) && !err; i++) {
		family = tallied[i].family;
		if (!families[family].labels[0])
			err = tally_show(accounts->tallies, family, (struct model_labels){NULL, 0});
	}
	for (i = 0; i < COUNT(known) && !err; i++) {
		labels.values = known[i].labels;
		labels.count = family_label_count(known[i].family);
		err = tally_show(accounts->tallies, known[i].family, labels);
	}
	if (accounts->settings.session_label != SESSION_LABEL_OFF)
		return err;
	labels = (struct model_labels){off, 1};
	if (!err)
		err = tally_show(accounts->tallies, FAMILY_APPROVAL_ACCEPTED, labels);
	return err ? err : tally_show(accounts->tallies, FAMILY_APPROVAL_TIMEOUT, labels);
}

int accounts_declare(struct accounts *accounts)
{
	unsigned i;

	for (i = 0; i < COUNT(tallied); i++)
		tallies_declare(accounts->tallies, tallied[i].family, &tallied[i].what);
	return accounts_show(accounts);
}
