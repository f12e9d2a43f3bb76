// SPDX-License-Identifier: Apache-2.0
#include "tls_targets.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "log.h"
#include "probe_answers.h"
#include "probe_classes.h"
#include "scheduling.h"
#include "tls_candidates.h"
#include "tls_changes.h"
#include "tls_known_files.h"
#include "tls_links.h"
#include "tls_mappings.h"
#include "tls_pins.h"
#include "tls_recognise.h"
#include "tls_rows.h"
#include "tls_signatures.h"
#include "tls_stale.h"
#include "tls_tables.h"
#include "tls_takers.h"
#include "tls_target.h"

static int set_sessions(struct bpf_object *object, uint32_t sessions)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata.sessions");

	return map ? bpf_map__set_initial_value(map, &sessions, sizeof(sessions)) : -ENOENT;
}

int tls_targets_prepare(struct bpf_object *object)
{
	struct bpf_program *program;
	enum tls_probe_kind kind;
	int err = tls_probe_kind_check(&kind);

	if (err)
		return log_warning(err,
				   "this kernel has no uprobes for us: %s; nothing inside TLS "
				   "is read, calls are timed at the socket",
				   strerror(-err));
	bpf_object__for_each_program(program, object)
		bpf_program__set_expected_attach_type(program, tls_links_attach_type(kind));
	return set_sessions(object, kind == TLS_PROBE_SESSION);
}

static void adopt_pin(void *context, const struct tls_pin *pin)
{
	struct tls_targets *targets = context;
	struct tls_target *target = tls_row_find(targets, pin->device, pin->inode);

	if (pin->stack >= TLS_STACKS || !pin->slot || pin->slot >= TLS_TARGET_SLOTS ||
	    pin->probes > TLS_TARGET_PROBES_MAX)
		return;
	if (!target)
		target = tls_row_add(targets, pin->device, pin->inode, pin->stack, pin->slot);
	if (!target)
		return;
	target->pins++;
	target->pin_total = pin->probes;
	target->fate = TLS_FATE_ATTACHED;
	target->reach = targets->tools.slots[target->slot].reach;
	target->trust = targets->tools.slots[target->slot].trust;
}

/* Takes over what an earlier run left; what it left unfinished is taken away and made anew. */
static int adopt(struct tls_targets *targets)
{
	size_t i = 0;
	int err;

	if (!targets->tools.pin_directory)
		return 0;
	err = tls_pin_list(targets->tools.pin_directory, adopt_pin, targets);
	while (i < targets->count) {
		if (targets->rows[i].pins == targets->rows[i].pin_total)
			i++;
		else
			tls_row_drop(targets, i);
	}
	return err;
}

/* For members that the programs only read. */
static int map_slots(struct tls_target_tools *tools)
{
	void *slots = mmap(NULL, TLS_TARGET_SLOTS * sizeof(struct tls_slot), PROT_READ | PROT_WRITE,
			   MAP_SHARED, tools->slots_fd, 0);

	if (slots == MAP_FAILED)
		return -errno;
	tools->slots = slots;
	return 0;
}

int tls_targets_new(const struct bpf_set *set, const char *pin_directory,
		    struct tls_targets **ret_targets)
{
	struct tls_targets *targets = calloc(1, sizeof(*targets));
	int err;

	if (!targets)
		return -ENOMEM;
	targets->changes = -1;
	targets->tools.set = set;
	targets->tools.slots_fd = bpf_set_map(set, "tls_slots");
	targets->counts_fd = bpf_set_map(set, "tls_target_counts");
	targets->trusts_fd = bpf_set_map(set, "tls_trust_counts");
	targets->processes_fd = bpf_set_map(set, "tls_processes");
	targets->lost_fd = bpf_set_map(set, "lost");
	err = map_slots(&targets->tools);
	if (!err)
		err = tls_probe_kind_check(&targets->tools.abilities.kind);
	if (!err && pin_directory && !(targets->pin_directory = strdup(pin_directory)))
		err = -ENOMEM;
	targets->tools.pin_directory = targets->pin_directory;
	if (!err)
		err = tls_candidates_new(set, &targets->candidates);
	if (!err)
		err = tls_tables_fill(set);
	if (!err)
		err = adopt(targets);
	if (err) {
		tls_targets_free(targets);
		return log_error(err,
				 "cannot set up reading inside TLS: %s; calls are timed at "
				 "the socket",
				 strerror(-err));
	}
	*ret_targets = targets;
	return 0;
}

static void open_changes(struct tls_targets *targets)
{
	struct epoll_event event = {.events = EPOLLIN};

	targets->changes = tls_changes_open();
	if (targets->changes < 0)
		log_warning(targets->changes, "cannot watch probed files for writes: %s",
			    strerror(-targets->changes));
	else if (targets->mappings)
		epoll_ctl(tls_mappings_fd(targets->mappings), EPOLL_CTL_ADD, targets->changes,
			  &event);
}

static void take_nothing(void *context, const struct tls_mapping *mapping)
{
	(void)context;
	(void)mapping;
}

/* Before the first probe, and the first after it was not so. */
static void look_for_locked(struct tls_targets *targets)
{
	tls_mappings_scan(take_nothing, NULL);
	targets->locked = tls_take_given_up(targets);
}

int tls_targets_start(struct tls_targets *targets)
{
	struct tls_abilities *abilities = &targets->tools.abilities;
	int err;

	scheduling_prefer_short_turns();
	probe_answers_ask(abilities->kind);
	abilities->return_probes = tls_return_probe_check(abilities->kind);
	targets->tools.cheap_classes = probe_classes_cheap();
	if (abilities->return_probes != TLS_RETURN_SAFE)
		log_warning(0,
			    "return probes are %s on this kernel: of most libraries only requests "
			    "are read, calls are timed at the socket, without status",
			    abilities->return_probes == TLS_RETURN_UNSAFE ? "dangerous"
									  : "not proven safe");
	err = tls_mappings_open(&targets->mappings);
	if (err)
		log_warning(err,
			    "cannot see new mappings: %s; new TLS libraries are found once a "
			    "minute",
			    strerror(-err));
	abilities->mapping_records = !err;
	targets->searches =
		tls_search_queue_new(targets->mappings ? tls_mappings_fd(targets->mappings) : -1);
	open_changes(targets);
	look_for_locked(targets);
	err = tls_mappings_scan(tls_take_mapping, targets);
	if (!targets->agents_only)
		tls_known_files(tls_take_known_file, targets);
	targets->started = true;
	targets->locked |= tls_take_given_up(targets);
	tls_tables_publish(targets);
	return err;
}

int tls_targets_prove(struct tls_targets *targets, const char *directory)
{
	targets->tools.trust = probe_trust_new(directory);
	return targets->tools.trust ? 0 : -ENOMEM;
}

static void judge(void *context, const struct proof_order *order, enum proof_verdict verdict,
		  const struct tls_random_place *random)
{
	struct tls_targets *targets = context;
	struct tls_target *target = tls_row_of_file(targets, order->file);

	if (!target || verdict == PROOF_UNMADE) {
		log_debug(0, "where '%s' is probed could not be proven", order->path);
	} else if (verdict == PROOF_RIGHT) {
		tls_target_know(target, &targets->tools, TLS_TRUST_PROVEN, random);
		log_info(0, "where '%s' is probed is proven", order->path);
	} else {
		tls_row_give_up_places(targets, target, order->file, order->path);
	}
	tls_tables_publish(targets);
}

static void take_search(void *context, const struct tls_search_job *job)
{
	tls_take_search(context, job);
	tls_tables_publish(context);
}

/* What was found in a file that had to be searched. */
static void step_searches(struct tls_targets *targets)
{
	tls_search_queue_step(targets->searches, targets->signatures.state, take_search, targets);
}

static void step_proofs(struct tls_targets *targets)
{
	if (targets->tools.trust)
		probe_trust_step(targets->tools.trust, judge, targets);
}

size_t tls_targets_fds(const struct tls_targets *targets, int *ret_fds, size_t size)
{
	if (!targets->mappings || !size)
		return 0;
	ret_fds[0] = tls_mappings_fd(targets->mappings);
	return 1;
}

static bool may_matter(void *context, const struct tls_mapping *mapping)
{
	const struct tls_targets *targets = context;

	return tls_candidates_pass(targets->candidates, mapping);
}

int tls_targets_on_event(struct tls_targets *targets, int fd)
{
	unsigned before = targets->edits;
	int err;

	(void)fd;
	tls_changes_take(targets->changes, tls_take_change, targets);
	if (!tls_candidates_born(targets->candidates, tls_take_mapping, targets))
		tls_mappings_lost(targets->mappings);
	err = tls_mappings_take(targets->mappings, may_matter, tls_take_mapping, targets);
	if (err == -ENOBUFS)
		err = tls_mappings_scan(tls_take_mapping, targets);
	tls_candidates_clients(targets->candidates, tls_take_mapping, targets);
	step_searches(targets);
	if (targets->edits != before)
		tls_tables_publish(targets);
	step_proofs(targets);
	targets->locked |= tls_take_given_up(targets);
	return err;
}

int tls_targets_scan(struct tls_targets *targets)
{
	size_t i = 0;
	int err;

	if (targets->locked)
		look_for_locked(targets);
	for (i = 0; i < targets->count; i++)
		targets->rows[i].seen = false;
	tls_candidates_begin_scan(targets->candidates);
	err = tls_mappings_scan(tls_take_mapping, targets);
	if (err)
		return err;
	targets->locked |= tls_take_given_up(targets);
	tls_candidates_end_scan(targets->candidates);
	i = 0;
	while (i < targets->count) {
		if (targets->rows[i].seen || targets->locked ||
		    (targets->rows[i].kept && !targets->agents_only))
			i++;
		else
			tls_row_drop(targets, i);
	}
	step_proofs(targets);
	step_searches(targets);
	tls_stale_find(targets->rows, targets->count, &targets->tools);
	tls_tables_publish(targets);
	return 0;
}

static void warn_of_signature(void *context, const char *reason)
{
	(void)context;
	log_warning(0, "signature file %s", reason);
}

void tls_targets_set_signatures(struct tls_targets *targets, const char *state_dir)
{
	tls_signatures_directories(state_dir, &targets->signatures);
	tls_signatures_check(targets->signatures.list, warn_of_signature, NULL);
}

int tls_targets_set_scope(struct tls_targets *targets, bool agents_only)
{
	uint32_t row = 0, value = agents_only;
	int map = bpf_set_map(targets->tools.set, "tls_scope");
	bool widens = targets->agents_only && !agents_only;

	targets->agents_only = agents_only;
	if (targets->started && widens)
		tls_known_files(tls_take_known_file, targets);
	return map < 0 ? -ENOENT : bpf_map_update_elem(map, &row, &value, BPF_ANY);
}

void tls_targets_set_probes(struct tls_targets *targets, bool returns, bool stepped)
{
	if (targets->started && targets->tools.stepped == stepped &&
	    targets->tools.returns == returns)
		return;
	targets->tools.returns = returns;
	targets->tools.stepped = stepped;
	tls_rows_drop_unfit(targets);
	if (targets->started && !targets->agents_only)
		tls_known_files(tls_take_known_file, targets);
}

struct tls_abilities tls_targets_abilities(const struct tls_targets *targets)
{
	return targets->tools.abilities;
}

void tls_targets_free(struct tls_targets *targets)
{
	size_t i;

	if (!targets)
		return;
	for (i = 0; i < targets->count; i++)
		tls_target_close(&targets->rows[i]);
	probe_trust_free(targets->tools.trust);
	tls_search_queue_free(targets->searches);
	if (targets->tools.slots)
		munmap(targets->tools.slots, TLS_TARGET_SLOTS * sizeof(struct tls_slot));
	tls_mappings_close(targets->mappings);
	if (targets->changes >= 0)
		close(targets->changes);
	tls_candidates_free(targets->candidates);
	free(targets->pin_directory);
	free(targets);
}
