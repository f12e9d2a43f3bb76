// SPDX-License-Identifier: Apache-2.0
#include "bootstrap.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../bpf/image_name.h"
#include "bounded_call.h"
#include "log.h"

/* Of a longer command line the beginning is read: the script stands there. */
#define COMMAND_LINE_SIZE 16384
/* A root moves down one generation per pass at worst, when pids have wrapped. */
#define PASSES_MAX 64

struct found {
	struct verdict_key key;
	struct verdict verdict;
	__u32 forker;
	__u64 forker_start_ns;
	bool may_be_relaunched;
};

struct search {
	const struct bootstrap_fds *fds;
	struct agent_tables tables;
	struct found *found;
	size_t count, capacity;
};

/* Runs the iterator; ret_changes: how many processes it judged or gave a root. */
static int pass(int link, size_t *ret_changes)
{
	unsigned char changes[4096];
	int fd = bpf_iter_create(link), code = 0;
	ssize_t size, i;

	if (fd < 0)
		return -errno;
	*ret_changes = 0;
	while ((size = read(fd, changes, sizeof(changes))) != 0) {
		if (size < 0 && (errno == EAGAIN || errno == EINTR))
			continue;
		if (size < 0) {
			code = -errno;
			break;
		}
		for (i = 0; i < size; i++)
			*ret_changes += changes[i] != BOOTSTRAP_LISTED;
	}
	close(fd);
	return code;
}

/* A process whose memory is locked reads as if it had no arguments. */
static size_t read_command_line(__u32 pid, char *ret_text)
{
	static struct bounded_reading file;
	size_t size;

	file.fd = -1;
	file.at = 0;
	file.used = 0;
	file.count = 1;
	snprintf(file.paths[0], sizeof(file.paths[0]), "/proc/%u/cmdline", pid);
	bounded_read(&file);
	if (file.fd >= 0)
		close(file.fd);
	size = file.used < COMMAND_LINE_SIZE ? file.used : COMMAND_LINE_SIZE;
	memcpy(ret_text, file.bytes, size);
	explicit_bzero(file.bytes, file.used);
	return size;
}

/* A process that ends meanwhile reads as empty, and is no agent. */
static const struct agent_rule *judge(const struct agent_tables *tables, __u32 pid)
{
	static char arguments[COMMAND_LINE_SIZE];
	const struct agent_rule *rule;
	char link[64], path[IMAGE_PATH_SIZE];
	ssize_t length;
	size_t size;

	snprintf(link, sizeof(link), "/proc/%u/exe", pid);
	length = readlink(link, path, sizeof(path) - 1);
	if (length < 0)
		return NULL;
	path[length] = '\0';
	size = read_command_line(pid, arguments);
	rule = bootstrap_judge(tables, path, arguments, size);
	/* Arguments may be secrets. */
	explicit_bzero(arguments, size);
	return rule;
}

static int remember(struct search *search, const struct process *row, const struct agent_rule *rule)
{
	struct found *found;

	if (search->count == search->capacity) {
		search->capacity = search->capacity ? 2 * search->capacity : 64;
		found = reallocarray(search->found, search->capacity, sizeof(*found));
		if (!found)
			return -ENOMEM;
		search->found = found;
	}
	search->found[search->count++] = (struct found){
		.key = {.start_ns = row->start_ns, .tgid = row->tgid},
		.verdict = {.type = rule->type},
		.forker = row->forker,
		.forker_start_ns = row->forker_start_ns,
		.may_be_relaunched = rule->flags & RULE_RELAUNCHES,
	};
	return 0;
}

/* /proc tells about a number, not about a process: the row must still be the same afterwards. */
static int look_at(struct search *search, __u32 tgid)
{
	const struct agent_rule *rule;
	struct process row, again;

	if (bpf_map_lookup_elem(search->fds->processes, &tgid, &row) || row.exited ||
	    row.flags & (PROCESS_AGENT | PROCESS_RELAUNCHED))
		return 0;
	/* Between fork and exec it has its forker's name and arguments, and is part of it. */
	if (!(row.flags & PROCESS_EXECED))
		return 0;
	rule = judge(&search->tables, tgid);
	if (!rule || bpf_map_lookup_elem(search->fds->processes, &tgid, &again) ||
	    again.start_ns != row.start_ns)
		return 0;
	return remember(search, &row, rule);
}

/* Walks the table by key. A key that vanishes restarts the walk at the front, so a walk is bounded
 * by the table's size and looking twice does no harm. */
static int look_at_all(struct search *search)
{
	struct bpf_map_info info = {};
	__u32 size = sizeof(info), tgid, next, steps, *previous = NULL;
	int code = 0;

	if (bpf_obj_get_info_by_fd(search->fds->processes, &info, &size))
		return -errno;
	for (steps = 0; steps < info.max_entries && !code; steps++) {
		if (bpf_map_get_next_key(search->fds->processes, previous, &next))
			break;
		tgid = next;
		previous = &tgid;
		code = look_at(search, tgid);
	}
	return code;
}

static const struct found *find(const struct search *search, __u32 tgid, __u64 start_ns)
{
	size_t i;

	for (i = 0; i < search->count; i++)
		if (search->found[i].key.tgid == tgid && search->found[i].key.start_ns == start_ns)
			return &search->found[i];
	return NULL;
}

/* The launcher is an agent of the same type: found here too, or known already. */
static bool is_relaunched(const struct search *search, const struct found *child)
{
	const struct found *launcher = find(search, child->forker, child->forker_start_ns);
	struct process row;

	if (!child->may_be_relaunched)
		return false;
	if (launcher)
		return launcher->verdict.type == child->verdict.type;
	return !bpf_map_lookup_elem(search->fds->processes, &child->forker, &row) &&
	       row.start_ns == child->forker_start_ns && row.type == child->verdict.type &&
	       row.flags & (PROCESS_AGENT | PROCESS_RELAUNCHED);
}

static int apply(struct search *search)
{
	size_t i, changes;
	int passes, code = 0;

	for (i = 0; i < search->count; i++)
		search->found[i].verdict.relaunched = is_relaunched(search, &search->found[i]);
	for (i = 0; i < search->count && !code; i++) {
		if (!bpf_map_update_elem(search->fds->verdicts, &search->found[i].key,
					 &search->found[i].verdict, BPF_ANY))
			continue;
		/* Full: let the iterator take some out, then try again. */
		code = errno == E2BIG ? pass(search->fds->iterator, &changes) : -errno;
		if (!code && bpf_map_update_elem(search->fds->verdicts, &search->found[i].key,
						 &search->found[i].verdict, BPF_ANY))
			code = -errno;
	}
	for (passes = 0; passes < PASSES_MAX && !code; passes++) {
		code = pass(search->fds->iterator, &changes);
		if (!changes)
			break;
	}
	return code;
}

/* Verdicts about processes that ended before they were applied. */
static void clear_verdicts(const struct search *search)
{
	size_t i;

	for (i = 0; i < search->count; i++)
		bpf_map_delete_elem(search->fds->verdicts, &search->found[i].key);
}

int bootstrap_run(const struct bootstrap_fds *fds, size_t *ret_agents)
{
	struct search *search = calloc(1, sizeof(*search));
	size_t changes;
	int code;

	if (!search)
		return log_error(-ENOMEM, "cannot look for running agents: no memory");
	search->fds = fds;
	code = agent_tables_read(&fds->tables, &search->tables);
	if (!code)
		code = pass(fds->iterator, &changes);
	if (!code)
		code = look_at_all(search);
	if (!code)
		code = apply(search);
	clear_verdicts(search);
	if (!code && ret_agents)
		*ret_agents = search->count;
	free(search->found);
	free(search);
	return code ? log_error(code, "cannot look for running agents: %s", strerror(-code)) : 0;
}
