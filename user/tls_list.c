// SPDX-License-Identifier: Apache-2.0
#include "tls_list.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bpf_pins.h"
#include "connection.h"
#include "tls_candidates.h"
#include "tls_mappings.h"
#include "tls_pins.h"
#include "tls_signatures.h"
#include "tls_stale.h"

const char *const tls_list_states[TLS_LIST_STATES] = {
	[TLS_LIST_ATTACHED] = "attached",     [TLS_LIST_REFUSED] = "refused",
	[TLS_LIST_STALE] = "stale",	      [TLS_LIST_UNDECODED] = "undecoded",
	[TLS_LIST_COVERED] = "covered",	      [TLS_LIST_UNWATCHED] = "unwatched",
	[TLS_LIST_WRITE_ONLY] = "write-only",
};

#define TRUST_NAME(name, text) text,
static const char *const trusts[TLS_TRUSTS] = {TLS_TRUST_LIST(TRUST_NAME)};

/* A file that some process maps. */
struct file {
	dev_t device;
	ino_t inode;
	bool known;    /* it was looked into */
	uint32_t slot; /* of its pinned probes; 0: none */
	struct tls_recognition found;
	pid_t told; /* the process that it was last told of */
};

struct list {
	struct bpf_set set;
	bool pinned;
	struct tls_signature_directories signatures;
	struct tls_candidates *candidates;
	tls_list_taker *take;
	void *context;
	size_t count;
	struct file files[TLS_TARGET_SLOTS];
};

static struct file *file_of(struct list *list, dev_t device, ino_t inode)
{
	size_t i;

	for (i = 0; i < list->count; i++)
		if (list->files[i].inode == inode && list->files[i].device == device)
			return &list->files[i];
	if (list->count == TLS_TARGET_SLOTS)
		return NULL;
	list->files[list->count] = (struct file){.device = device, .inode = inode};
	return &list->files[list->count++];
}

static void take_pin(void *context, const struct tls_pin *pin)
{
	struct file *file = file_of(context, pin->device, pin->inode);

	if (file)
		file->slot = pin->slot;
}

/* Whether this process has shown since then, on a watched connection, that probes are blind. */
static bool shows(const struct list *list, pid_t pid, uint64_t attached_ns)
{
	int map = bpf_set_map(&list->set, "connections");
	struct connection connection;
	uint64_t key, *last = NULL;
	unsigned int steps = 65536;

	while (map >= 0 && steps-- && !bpf_map_get_next_key(map, last, &key)) {
		last = &key;
		if (!bpf_map_lookup_elem(map, &key, &connection) &&
		    connection.tgid == (uint32_t)pid &&
		    tls_stale_shown(tls_stale_call(&connection), attached_ns))
			return true;
	}
	return false;
}

static void judge_probed(const struct list *list, const struct file *file, pid_t pid,
			 struct tls_list_row *row)
{
	int map = bpf_set_map(&list->set, "tls_slots");
	struct tls_slot slot = {};

	row->state = TLS_LIST_ATTACHED;
	if (map < 0 || bpf_map_lookup_elem(map, &file->slot, &slot))
		return;
	if (slot.trust < TLS_TRUSTS)
		row->trust = trusts[slot.trust];
	if (slot.reach == TLS_REACH_WRITES) {
		row->state = TLS_LIST_WRITE_ONLY;
		row->why = "nothing shows its results cheaply: calls are timed at the socket, "
			   "without status";
	}
	/* Looked at again: the call that was found may be the first one that was hit. */
	if (!slot.hits && shows(list, pid, slot.attached_ns) &&
	    !bpf_map_lookup_elem(map, &file->slot, &slot) && !slot.hits) {
		row->state = TLS_LIST_STALE;
		row->why = "its probes are silent while it speaks with a watched upstream";
	}
}

static void judge(const struct list *list, const struct file *file, pid_t pid,
		  struct tls_list_row *row)
{
	row->why = file->found.why;
	row->trust = "";
	if (tls_stacks[file->found.stack].covered) {
		row->state = TLS_LIST_COVERED;
	} else if (file->found.refused) {
		row->state = TLS_LIST_REFUSED;
	} else if (!file->found.found) {
		row->state = TLS_LIST_UNDECODED;
	} else if (file->slot) {
		row->why = "";
		judge_probed(list, file, pid, row);
	} else if (list->pinned) {
		row->state = TLS_LIST_REFUSED;
		row->why = "operaglass has not probed it: its log says why";
	} else {
		row->state = TLS_LIST_UNWATCHED;
		row->why = "no operaglass is there";
	}
}

static void command_of(pid_t pid, char name[32])
{
	char path[32];
	FILE *comm;

	snprintf(name, 32, "?");
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	comm = fopen(path, "re");
	if (!comm)
		return;
	if (fgets(name, 32, comm))
		name[strcspn(name, "\n")] = '\0';
	fclose(comm);
}

/* NULL: there is no room for it. */
static struct file *know(struct list *list, const struct tls_mapping *mapping,
			 const struct tls_recognition *found)
{
	struct file *file = file_of(list, mapping->device, mapping->inode);

	if (file) {
		file->known = true;
		file->found = *found;
	}
	return file;
}

/* NULL: no TLS in it. */
static struct file *look_into(struct list *list, const struct tls_mapping *mapping)
{
	struct tls_recognition found = {};
	int file = tls_mapping_open_file(mapping), err;

	if (file == -EREMOTE && tls_stack_of_file(mapping->path) >= 0) {
		found.stack = (uint32_t)tls_stack_of_file(mapping->path);
		found.refused = true;
		snprintf(found.why, sizeof(found.why), "%s", "its file system may not answer");
		return know(list, mapping, &found);
	}
	if (file < 0)
		return NULL;
	err = tls_recognise(file, mapping->path, list->signatures.list, &found);
	close(file);
	if (err) {
		tls_candidates_decided(list->candidates, mapping, TLS_FILE_EMPTY);
		return NULL;
	}
	return know(list, mapping, &found);
}

static void take_mapping(void *context, const struct tls_mapping *mapping)
{
	struct list *list = context;
	struct file *file = NULL;
	struct tls_list_row row;
	char command[32];
	size_t i;

	for (i = 0; i < list->count && !file; i++)
		if (list->files[i].inode == mapping->inode &&
		    list->files[i].device == mapping->device)
			file = &list->files[i];
	if (!file && tls_stack_of_file(mapping->path) < 0 &&
	    !tls_candidates_want(list->candidates, mapping))
		return;
	if (!file || !file->known)
		file = look_into(list, mapping);
	if (!file || file->told == mapping->pid)
		return;
	file->told = mapping->pid;
	command_of(mapping->pid, command);
	row = (struct tls_list_row){
		.pid = mapping->pid,
		.command = command,
		.path = mapping->path,
		.stack = tls_stacks[file->found.stack].name,
	};
	judge(list, file, mapping->pid, &row);
	list->take(list->context, &row);
}

/* What the Operaglass there has pinned; nothing, when there is none. */
static int open_pinned(struct list *list, const char *pin_path)
{
	static const char *const maps[] = {"processes", "connections", "tls_slots"};
	char path[PATH_MAX];
	int map, err = 0;
	size_t i;

	for (i = 0; !err && i < sizeof(maps) / sizeof(maps[0]); i++) {
		snprintf(path, sizeof(path), "%s/maps/%s", pin_path, maps[i]);
		map = bpf_obj_get(path);
		if (map < 0)
			continue;
		list->pinned = true;
		err = bpf_set_add_map(&list->set, maps[i], map);
	}
	snprintf(path, sizeof(path), "%s/" BPF_PINS_TLS, pin_path);
	return err ? err : tls_pin_list(path, take_pin, list);
}

int tls_list(const char *pin_path, const char *state_dir, tls_list_taker *take, void *context)
{
	struct list *list = calloc(1, sizeof(*list));
	int err;

	if (!list)
		return -ENOMEM;
	list->take = take;
	list->context = context;
	bpf_set_init(&list->set);
	tls_signatures_directories(state_dir, &list->signatures);
	err = open_pinned(list, pin_path);
	if (!err)
		err = tls_candidates_new(&list->set, &list->candidates);
	if (!err)
		err = tls_mappings_scan(take_mapping, list);
	tls_candidates_free(list->candidates);
	bpf_set_close(&list->set);
	free(list);
	return err;
}
