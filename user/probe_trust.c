// SPDX-License-Identifier: Apache-2.0
#include "probe_trust.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"
#include "mount_views.h"
#include "probe_plan.h"
#include "state_file.h"
#include "subject_random.h"

#define BUILD_ID_SIZE 65
#define TEXT_SIZE     1024
#define RANDOM_SIZE   64 /* of its last line */

struct job {
	struct proof_order order;
	char build_id[BUILD_ID_SIZE];
};

struct probe_trust {
	char directory[PATH_MAX];
	struct proof_run running; /* the first job's */
	size_t count;
	struct job jobs[PROBE_TRUST_QUEUE];
};

struct probe_trust *probe_trust_new(const char *directory)
{
	struct probe_trust *trust = calloc(1, sizeof(*trust));

	if (trust)
		snprintf(trust->directory, sizeof(trust->directory), "%s", directory);
	return trust;
}

void probe_trust_free(struct probe_trust *trust)
{
	while (trust && trust->count)
		close(trust->jobs[--trust->count].order.file);
	free(trust); /* a proof that runs ends by itself */
}

/* All that a verdict depends on beside the library's bytes. */
static void describe(const struct proof_order *order, char text[TEXT_SIZE])
{
	size_t used = (size_t)snprintf(text, TEXT_SIZE, "proven by version %d\n",
				       PROBE_PLAN_VERSION),
	       i;

	for (i = 0; i < order->count && used < TEXT_SIZE; i++) {
		const struct proof_place *place = &order->places[i];

		used += (size_t)snprintf(
			text + used, TEXT_SIZE - used, "%d %d%s entry %llx%+d leave %llx%+d %s\n",
			place->kind, place->pointed, place->moved ? " moved" : "",
			(unsigned long long)place->entry.offset, place->entry.adjust,
			(unsigned long long)place->leave.offset, place->leave.adjust,
			place->leave.is_return ? "return" : "plain");
	}
}

/* Hexadecimal only: it becomes a file's name. */
static int path_of(const struct probe_trust *trust, const char *build_id, char path[PATH_MAX])
{
	if (!*build_id || strlen(build_id) >= BUILD_ID_SIZE ||
	    build_id[strspn(build_id, "0123456789abcdef")])
		return -EINVAL;
	return snprintf(path, PATH_MAX, "%s/%s", trust->directory, build_id) < PATH_MAX
		       ? 0
		       : -ENAMETOOLONG;
}

/* The last line. Nothing is behind it. */
static void describe_random(const struct tls_random_place *random, char text[RANDOM_SIZE])
{
	snprintf(text, RANDOM_SIZE, "client random %x+%x %s\n", random->pointer, random->offset,
		 random->used ? "found" : "unknown");
}

static bool read_random(const char *text, struct tls_random_place *ret_random)
{
	struct tls_random_place random = {};
	char word[8], again[RANDOM_SIZE];

	if (sscanf(text, "client random %x+%x %7s", &random.pointer, &random.offset, word) != 3)
		return false;
	random.used = !strcmp(word, "found");
	describe_random(&random, again);
	if (strcmp(again, text) != 0 || (random.used && !subject_random_is_sane(&random)))
		return false;
	*ret_random = random;
	return true;
}

static bool is_remembered(const struct probe_trust *trust, const struct proof_order *order,
			  const char *build_id, struct tls_random_place *ret_random)
{
	char path[PATH_MAX], expected[TEXT_SIZE], found[TEXT_SIZE + RANDOM_SIZE];
	size_t length;

	if (path_of(trust, build_id, path) || state_file_read(path, sizeof(found), found))
		return false;
	describe(order, expected);
	length = strlen(expected);
	return !strncmp(found, expected, length) && read_random(found + length, ret_random);
}

/* What cannot be kept is proven again. */
static void remember(const struct probe_trust *trust, const struct job *job,
		     const struct tls_random_place *random)
{
	char path[PATH_MAX], text[TEXT_SIZE + RANDOM_SIZE];
	int err;

	if (path_of(trust, job->build_id, path))
		return;
	describe(&job->order, text);
	describe_random(random, text + strlen(text));
	err = mkdir(trust->directory, 0700) && errno != EEXIST
		      ? -errno
		      : state_file_write(path, text, false);
	if (err)
		log_debug(0, "cannot keep '%s': %s; its probes are proven again after a restart",
			  path, strerror(-err));
}

bool probe_trust_ask(struct probe_trust *trust, const struct proof_order *order,
		     const char *build_id, struct tls_random_place *ret_random)
{
	struct job *job;
	int file;

	/* Asked first: a build-id is a few bytes that anybody's file can copy. The path is as another process
	 * sees it, and may lead anywhere here. */
	if (!order->count || !mount_views_lead_here(order->path) ||
	    !probe_proof_allows(order->file, order->path))
		return false;
	if (is_remembered(trust, order, build_id, ret_random))
		return true;
	if (trust->count == PROBE_TRUST_QUEUE)
		return false;
	file = fcntl(order->file, F_DUPFD_CLOEXEC, 3);
	if (file < 0)
		return false;
	job = &trust->jobs[trust->count++];
	job->order = *order;
	job->order.file = file;
	snprintf(job->build_id, sizeof(job->build_id), "%s", build_id);
	return false;
}

static void finish(struct probe_trust *trust)
{
	close(trust->jobs[0].order.file);
	memmove(&trust->jobs[0], &trust->jobs[1], --trust->count * sizeof(trust->jobs[0]));
}

void probe_trust_step(struct probe_trust *trust,
		      void (*judge)(void *context, const struct proof_order *order,
				    enum proof_verdict verdict,
				    const struct tls_random_place *random),
		      void *context)
{
	struct tls_random_place random = {};
	enum proof_verdict verdict;
	int err;

	if (trust->running.pid) {
		verdict = probe_proof_end(&trust->running, &random);
		if (verdict == PROOF_UNDECIDED)
			return;
		if (verdict == PROOF_RIGHT)
			remember(trust, &trust->jobs[0], &random);
		judge(context, &trust->jobs[0].order, verdict, &random);
		finish(trust);
	}
	if (!trust->count)
		return;
	err = probe_proof_begin(&trust->jobs[0].order, &trust->running);
	if (err) {
		log_debug(0, "cannot start a proof: %s", strerror(-err));
		finish(trust);
	}
}
