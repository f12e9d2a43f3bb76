// SPDX-License-Identifier: Apache-2.0
#include "tls_takers.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bounded_call.h"
#include "log.h"
#include "lost.h"
#include "tls_changes.h"
#include "tls_live_check.h"
#include "tls_mappings.h"
#include "tls_recognise.h"

/* Why connections of a process that maps such a file stay opaque. */
static void note_process(const struct tls_targets *targets, enum undecoded_reason why, pid_t pid)
{
	struct tls_process process = {.undecoded = why};
	uint32_t tgid = (uint32_t)pid;
	struct timespec now;

	if (!pid)
		return;
	clock_gettime(CLOCK_BOOTTIME, &now);
	process.noted_s = (uint32_t)now.tv_sec;
	bpf_map_update_elem(targets->processes_fd, &tgid, &process, BPF_ANY);
}

/* The same of a file that is known. */
static void note_of_target(const struct tls_targets *targets, const struct tls_target *target,
			   pid_t pid)
{
	if (target->fate != TLS_FATE_ATTACHED && target->fate != TLS_FATE_COVERED)
		note_process(targets,
			     target->fate == TLS_FATE_REFUSED ? UNDECODED_PROBE_REFUSED
							      : tls_stacks[target->stack].undecoded,
			     pid);
}

/* The counters are shared with programs, none of which counts these. */
static void count_lost(const struct tls_targets *targets, uint32_t cause, unsigned int more)
{
	uint64_t count;

	if (!more || bpf_map_lookup_elem(targets->lost_fd, &cause, &count))
		return;
	count += more;
	bpf_map_update_elem(targets->lost_fd, &cause, &count, BPF_ANY);
}

/* A file that gets no row. */
static void leave_out(struct tls_targets *targets, const struct tls_mapping *mapping,
		      uint32_t cause)
{
	count_lost(targets, cause, tls_candidates_leave_out(targets->candidates, mapping));
	note_process(targets, UNDECODED_PROBE_REFUSED, mapping->pid);
}

bool tls_take_given_up(struct tls_targets *targets)
{
	unsigned int count = bounded_calls_given_up();

	count_lost(targets, LOST_TLS_MEMORY_LOCKED, count);
	return count;
}

static bool needs_guard(const struct tls_targets *targets, const struct tls_target *target)
{
	return target->fate == TLS_FATE_ATTACHED && !target->watch && targets->changes >= 0;
}

/* Of a layer that is probed under another mount already: that row's probes are for both. */
static struct tls_target *share(struct tls_targets *targets, dev_t device, ino_t inode,
				const struct tls_layer *layer)
{
	struct tls_target *target;
	size_t i;

	for (i = 0; i < targets->count; i++)
		if (targets->rows[i].fate == TLS_FATE_ATTACHED &&
		    tls_layer_is_same(&targets->rows[i].layer, layer))
			break;
	target = i < targets->count ? tls_row_add(targets, device, inode, targets->rows[i].stack, 0)
				    : NULL;
	if (!target)
		return NULL;
	target->fate = TLS_FATE_COVERED;
	target->shared_device = targets->rows[i].device;
	target->shared_inode = targets->rows[i].inode;
	return target;
}

/* Looks into a file that is not known yet. 0; -ENOENT: nothing in it; -ENOSPC: no room for it. */
static int look_into(struct tls_targets *targets, dev_t device, ino_t inode, int file,
		     const char *path, struct tls_target **ret_target)
{
	const struct tls_layer layer = tls_layer_of(file);
	struct tls_target *target = share(targets, device, inode, &layer);
	struct tls_recognition found;
	bool malformed;
	int err, named;

	if (target) {
		*ret_target = target;
		return 0;
	}
	err = tls_recognise(file, path, targets->signatures.list, &found);
	malformed = err == -EBADMSG || err == -E2BIG;
	if (err) {
		named = tls_stack_of_file(path);
		if (named < 0 && malformed)
			named = TLS_STACK_STATIC;
		if (named < 0)
			return -ENOENT;
		/* Remembered, so that it is not looked into again and again. */
		found = (struct tls_recognition){.stack = (uint32_t)named};
		log_debug(err, "'%s' is not probed: %s", path, strerror(-err));
	}
	target = tls_row_add(targets, device, inode, found.stack, tls_row_free_slot(targets));
	if (!target)
		return -ENOSPC;
	target->layer = layer;
	if (err) {
		target->fate = malformed ? TLS_FATE_MALFORMED : TLS_FATE_EMPTY;
		target->slot = 0;
	} else {
		tls_target_attach(target, &targets->tools, file, path, &found);
	}
	if (needs_guard(targets, target))
		tls_changes_watch(targets->changes, target, file);
	tls_search_queue_ask(targets->searches, file, path, &found);
	*ret_target = target;
	return 0;
}

/* Its functions were found after it was looked into; it may be gone by now. */
void tls_take_search(void *context, const struct tls_search_job *job)
{
	struct tls_targets *targets = context;
	struct tls_target *target = tls_row_of_file(targets, job->file);

	if (!target || target->fate != TLS_FATE_UNDECODED || targets->locked)
		return;
	tls_target_attach(target, &targets->tools, job->file, job->path, &job->found);
	if (needs_guard(targets, target))
		tls_changes_watch(targets->changes, target, job->file);
}

/* Looks at what calls have shown of a file whose places are not proven. */
static void check_live(struct tls_targets *targets, struct tls_target *target,
		       const struct tls_mapping *mapping)
{
	struct tls_slot slot;
	int file;

	if (target->trust != TLS_TRUST_DECODED || target->fate != TLS_FATE_ATTACHED ||
	    !target->slot || bpf_map_lookup_elem(targets->tools.slots_fd, &target->slot, &slot))
		return;
	switch (tls_live_check(&slot)) {
	case TLS_LIVE_OPEN:
		break;
	case TLS_LIVE_RIGHT:
		targets->edits++;
		tls_target_know(target, &targets->tools, TLS_TRUST_CHECKED,
				&(struct tls_random_place){});
		log_info(0, "where '%s' is probed fits its first %llu calls", mapping->path,
			 (unsigned long long)slot.closed);
		break;
	case TLS_LIVE_WRONG:
		file = tls_mapping_open_file(mapping);
		if (file < 0)
			break;
		tls_row_give_up_places(targets, target, file, mapping->path);
		close(file);
		break;
	}
}

/* Each attached file is watched for writes, also one whose probes an earlier run placed. False: it was
 * changed since then, its probes are gone, and it is to be looked into. */
static bool guard(struct tls_targets *targets, struct tls_target *target, int file)
{
	if (!needs_guard(targets, target))
		return true;
	if (tls_changes_since(targets->tools.slots_fd, target, file)) {
		tls_row_drop(targets, (size_t)(target - targets->rows));
		return false;
	}
	tls_changes_watch(targets->changes, target, file);
	return true;
}

void tls_take_change(void *context, int watch)
{
	struct tls_targets *targets = context;
	size_t i;

	for (i = 0; i < targets->count; i++)
		if (targets->rows[i].watch == watch) {
			log_info(0,
				 "a probed file (inode %llu) is written to: its probes are gone "
				 "until it is mapped again",
				 (unsigned long long)targets->rows[i].inode);
			tls_row_drop(targets, i);
			return;
		}
}

/* The row of a mapping; NULL: its file is not known. Who uses a shared row keeps the one with the
 * probes. */
static struct tls_target *find_mapped(struct tls_targets *targets,
				      const struct tls_mapping *mapping, bool in_scope)
{
	struct tls_target *target = tls_row_find(targets, mapping->device, mapping->inode), *probed;

	if (!target || !target->shared_inode)
		return target;
	probed = tls_row_find(targets, target->shared_device, target->shared_inode);
	if (probed) {
		if (!probed->seen && in_scope)
			check_live(targets, probed, mapping);
		probed->seen |= in_scope;
		return target;
	}
	tls_row_drop(targets, (size_t)(target - targets->rows));
	return NULL;
}

/* The row of a mapping whose file has none yet; NULL: it is not to have one. */
static struct tls_target *look_into_mapped(struct tls_targets *targets,
					   const struct tls_mapping *mapping)
{
	bool named = tls_stack_of_file(mapping->path) >= 0;
	struct tls_target *target = NULL;
	int file, err;

	if (tls_candidates_is_left_out(targets->candidates, mapping)) {
		note_process(targets, UNDECODED_PROBE_REFUSED, mapping->pid);
		return NULL;
	}
	if (!named && !tls_candidates_want(targets->candidates, mapping)) {
		tls_candidates_decided(targets->candidates, mapping, TLS_FILE_OTHERS);
		return NULL;
	}
	file = tls_mapping_open_file(mapping);
	if (file >= 0 && targets->locked) {
		close(file);
		leave_out(targets, mapping, LOST_TLS_MEMORY_LOCKED);
		return NULL;
	}
	if (file == -EREMOTE)
		leave_out(targets, mapping, LOST_TLS_TARGETS_MAY_HANG);
	else if (file < 0)
		log_debug(0, "cannot open '%s' of process %d: %s", mapping->path, mapping->pid,
			  strerror(-file));
	if (file < 0)
		return NULL;
	err = look_into(targets, mapping->device, mapping->inode, file, mapping->path, &target);
	close(file);
	if (err == -ENOSPC)
		leave_out(targets, mapping, LOST_TLS_TARGETS_FULL);
	if (err == -ENOENT && !named)
		tls_candidates_decided(targets->candidates, mapping, TLS_FILE_EMPTY);
	return target;
}

/* Its probes, if it should have any, may have gone since the last run. NULL: they have. */
static struct tls_target *guard_mapped(struct tls_targets *targets, struct tls_target *target,
				       const struct tls_mapping *mapping)
{
	int file;

	if (!needs_guard(targets, target))
		return target;
	file = tls_mapping_open_file(mapping);
	if (file == -EREMOTE)
		target->watch = -1; /* not tried again */
	if (file < 0)
		return target;
	if (!guard(targets, target, file))
		target = NULL;
	close(file);
	return target;
}

/* Whether the next mapping of it can change anything. */
static bool is_settled(const struct tls_targets *targets, const struct tls_target *target)
{
	return target->seen && !needs_guard(targets, target) &&
	       (target->fate == TLS_FATE_ATTACHED || target->fate == TLS_FATE_COVERED);
}

void tls_take_mapping(void *context, const struct tls_mapping *mapping)
{
	struct tls_targets *targets = context;
	bool in_scope =
		!targets->agents_only || tls_candidates_is_agents(targets->candidates, mapping);
	struct tls_target *target = find_mapped(targets, mapping, in_scope);

	if (target)
		target = guard_mapped(targets, target, mapping);
	if (!target && in_scope)
		target = look_into_mapped(targets, mapping);
	if (!target) {
		if (!in_scope)
			tls_candidates_decided(targets->candidates, mapping, TLS_FILE_OTHERS);
		return;
	}
	if (!target->seen && in_scope)
		check_live(targets, target, mapping);
	target->seen |= in_scope;
	note_of_target(targets, target, mapping->pid);
	/* What is read nowhere has to be known of each process that maps it. */
	tls_candidates_decided(targets->candidates, mapping,
			       is_settled(targets, target) ? TLS_FILE_SETTLED : TLS_FILE_UNKNOWN);
}

void tls_take_known_file(void *context, const char *path, int file)
{
	struct tls_targets *targets = context;
	struct tls_target *target;
	dev_t device;
	ino_t inode;

	if (tls_mapping_name(file, &device, &inode))
		return;
	target = tls_row_find(targets, device, inode);
	if (target && !guard(targets, target, file))
		target = NULL;
	if (target || (!targets->locked && !look_into(targets, device, inode, file, path, &target)))
		target->kept = true;
}
