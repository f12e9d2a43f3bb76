// SPDX-License-Identifier: Apache-2.0
#include "tls_rows.h"

#include <errno.h>

#include "log.h"
#include "tls_changes.h"
#include "tls_mappings.h"
#include "tls_recognise.h"

struct tls_target *tls_row_find(struct tls_targets *targets, dev_t device, ino_t inode)
{
	size_t i;

	for (i = 0; i < targets->count; i++)
		if (targets->rows[i].inode == inode && targets->rows[i].device == device)
			return &targets->rows[i];
	return NULL;
}

struct tls_target *tls_row_of_file(struct tls_targets *targets, int file)
{
	dev_t device;
	ino_t inode;

	return tls_mapping_name(file, &device, &inode) ? NULL
						       : tls_row_find(targets, device, inode);
}

uint32_t tls_row_free_slot(const struct tls_targets *targets)
{
	uint32_t slot;
	size_t i;

	for (slot = 1; slot < TLS_TARGET_SLOTS; slot++) {
		for (i = 0; i < targets->count; i++)
			if (targets->rows[i].slot == slot)
				break;
		if (i == targets->count)
			return slot;
	}
	return 0;
}

/* A row of its own, or that of a file with nothing in it: anybody can make as many of these as there are
 * rows. NULL: all are of use. */
static struct tls_target *find_room(struct tls_targets *targets)
{
	size_t i;

	if (targets->count < TLS_TARGET_SLOTS - 1)
		return &targets->rows[targets->count++];
	for (i = 0; i < targets->count; i++)
		if (targets->rows[i].fate == TLS_FATE_EMPTY ||
		    targets->rows[i].fate == TLS_FATE_MALFORMED)
			return &targets->rows[i];
	return NULL;
}

struct tls_target *tls_row_add(struct tls_targets *targets, dev_t device, ino_t inode,
			       uint32_t stack, uint32_t slot)
{
	struct tls_target *target = find_room(targets);

	if (!target) {
		if (!targets->full)
			log_warning(-ENOSPC,
				    "more than %d different TLS libraries: the rest is "
				    "not probed, calls are timed at the socket",
				    TLS_TARGET_SLOTS - 1);
		targets->full = true;
		return NULL;
	}
	targets->edits++;
	*target = (struct tls_target){
		.device = device, .inode = inode, .stack = stack, .slot = slot, .seen = true};
	return target;
}

void tls_row_drop(struct tls_targets *targets, size_t row)
{
	targets->edits++;
	tls_candidates_undecide(targets->candidates);
	tls_changes_forget(targets->changes, &targets->rows[row]);
	tls_target_detach(&targets->rows[row], &targets->tools);
	targets->rows[row] = targets->rows[--targets->count];
}

/* Those that would be probed otherwise now, or may be. */
static bool is_unfit(const struct tls_targets *targets, const struct tls_target *target)
{
	if (target->fate == TLS_FATE_REFUSED)
		return true;
	if (target->fate != TLS_FATE_ATTACHED)
		return false;
	return target->reach == TLS_REACH_WRITES ||
	       (target->reach == TLS_REACH_STEPPED && !targets->tools.stepped) ||
	       (tls_stacks[target->stack].return_probes && !targets->tools.returns);
}

void tls_rows_drop_unfit(struct tls_targets *targets)
{
	size_t i = 0;

	while (i < targets->count) {
		if (is_unfit(targets, &targets->rows[i]))
			tls_row_drop(targets, i);
		else
			i++;
	}
}

/* The same file, where its functions begin and end. */
static void stay_outside(struct tls_targets *targets, struct tls_target *target, int file,
			 const char *path)
{
	struct tls_target_tools tools = targets->tools;
	struct tls_recognition found;

	tools.outside = true;
	tls_target_detach(target, &tools);
	target->fate = TLS_FATE_REFUSED;
	log_info(0, "'%s' does not show its reads inside: they are probed at entry and return",
		 path);
	if (!tls_recognise(file, path, targets->signatures.list, &found))
		tls_target_attach(target, &tools, file, path, &found);
}

void tls_row_give_up_places(struct tls_targets *targets, struct tls_target *target, int file,
			    const char *path)
{
	struct tls_target_tools tools = targets->tools;
	struct tls_recognition found;

	targets->edits++;
	if (target->inside) {
		stay_outside(targets, target, file, path);
		return;
	}
	tools.cheap_classes = 0;
	tools.trust = NULL;
	tls_target_detach(target, &tools);
	target->trust = TLS_TRUST_SYMBOLS;
	target->fate = TLS_FATE_REFUSED;
	log_warning(0, "'%s' is not what it looks like: %s", path,
		    tools.stepped
			    ? "it is probed at its symbols, which is slow"
			    : "its probes are taken away, its calls are timed at the socket "
			      "(configure tls.stepped_probes to have them set at its symbols)");
	if (tools.stepped && !tls_recognise(file, path, targets->signatures.list, &found))
		tls_target_attach(target, &tools, file, path, &found);
}
