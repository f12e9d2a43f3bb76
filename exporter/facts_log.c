// SPDX-License-Identifier: Apache-2.0
#include "facts_log.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "agent_labels.h"
#include "log.h"
#include "process.h"

struct facts_log {
	struct ring_buffer *ring;
	struct facts_listener listener;
	int agent_types_fd;
};

static int format_start(const void *fact, const char *type, char *ret_line)
{
	const struct fact_agent_start *start = fact;

	snprintf(ret_line, FACTS_LOG_LINE_SIZE, "agent %s %u started by %u", type, start->tgid,
		 start->forker);
	return 0;
}

const char *facts_log_how(unsigned int wait_status, char out[FACTS_HOW_SIZE])
{
	int status = (int)wait_status;
	const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;

	if (WIFSIGNALED(status) && name)
		snprintf(out, FACTS_HOW_SIZE, "SIG%s", name);
	else if (WIFSIGNALED(status))
		snprintf(out, FACTS_HOW_SIZE, "signal %d", WTERMSIG(status));
	else
		snprintf(out, FACTS_HOW_SIZE, "%d", WEXITSTATUS(status));
	return out;
}

static int format_end(const void *fact, const char *type, char *ret_line)
{
	const struct fact_agent_end *end = fact;
	char how[FACTS_HOW_SIZE];

	snprintf(ret_line, FACTS_LOG_LINE_SIZE, "agent %s %u ended: %s %s%s after %llu.%llu s",
		 type, end->tgid, end_reason_label(end->reason),
		 WIFSIGNALED((int)end->status) ? "" : "code ", facts_log_how(end->status, how),
		 (unsigned long long)end->run_ns / 1000000000,
		 (unsigned long long)end->run_ns / 100000000 % 10);
	return 0;
}

static void tell_start(const struct facts_listener *listener, const void *fact, const char *type)
{
	if (listener->agent_started)
		listener->agent_started(listener->context, fact, type);
}

static void tell_end(const struct facts_listener *listener, const void *fact, const char *type)
{
	if (listener->agent_ended)
		listener->agent_ended(listener->context, fact, type);
}

static void tell_call(const struct facts_listener *listener, const void *fact, const char *type)
{
	(void)type;
	if (listener->call)
		listener->call(listener->context, fact);
}

static const struct fact_row {
	size_t size;
	size_t type_offset; /* 0: it is about no agent */
	int (*format)(const void *fact, const char *type, char *ret_line); /* NULL: no log line */
	void (*tell)(const struct facts_listener *listener, const void *fact, const char *type);
} rows[] = {
	[FACT_AGENT_START] = {sizeof(struct fact_agent_start),
			      offsetof(struct fact_agent_start, type), format_start, tell_start},
	[FACT_AGENT_END] = {sizeof(struct fact_agent_end), offsetof(struct fact_agent_end, type),
			    format_end, tell_end},
	/* Of the first kernel half that sent it: what came later is behind it. */
	[FACT_CALL] = {offsetof(struct fact_call, root_start_ns), 0, NULL, tell_call},
};

/* 0 and the record's row; a record must hold what its kind's struct holds. */
static int find_row(const void *fact, size_t size, const struct fact_row **ret_row)
{
	const struct fact_head *head = fact;

	if (size < sizeof(*head) || head->size > size)
		return -EINVAL;
	if (head->kind >= sizeof(rows) / sizeof(rows[0]) || !rows[head->kind].tell)
		return -ENOMSG;
	if (head->size < rows[head->kind].size)
		return -EINVAL;
	*ret_row = &rows[head->kind];
	return 0;
}

int facts_log_format(const void *fact, size_t size, const char *type, char *ret_line)
{
	const struct fact_row *row;
	int err = find_row(fact, size, &row);

	if (!err && !row->format)
		return -ENOMSG;
	return err ? err : row->format(fact, type, ret_line);
}

int facts_log_tell(const struct facts_listener *listener, const void *fact, size_t size,
		   const char *type)
{
	const struct fact_row *row;
	int err = find_row(fact, size, &row);

	if (!err)
		row->tell(listener, fact, type);
	return err;
}

unsigned facts_log_type(const void *fact, size_t size)
{
	const struct fact_row *row;
	uint16_t type;

	if (find_row(fact, size, &row) || !row->type_offset)
		return 0;
	memcpy(&type, (const char *)fact + row->type_offset, sizeof(type));
	return type;
}

static int on_record(void *context, void *data, size_t size)
{
	const struct facts_log *log = context;
	char line[FACTS_LOG_LINE_SIZE];
	struct agent_type type = {.name = "unknown"};
	uint32_t id = facts_log_type(data, size);

	if (id)
		bpf_map_lookup_elem(log->agent_types_fd, &id, &type);
	type.name[sizeof(type.name) - 1] = '\0';
	if (!facts_log_format(data, size, type.name, line))
		log_info(0, "%s", line);
	facts_log_tell(&log->listener, data, size, type.name);
	return 0;
}

void facts_log_listen(struct facts_log *log, const struct facts_listener *listener)
{
	log->listener = listener ? *listener : (struct facts_listener){.context = NULL};
}

int facts_log_open(int facts_fd, int agent_types_fd, struct facts_log **ret_log)
{
	struct facts_log *log = calloc(1, sizeof(*log));
	int err;

	if (!log)
		return -ENOMEM;
	log->agent_types_fd = agent_types_fd;
	log->ring = ring_buffer__new(facts_fd, on_record, log, NULL);
	if (!log->ring) {
		err = -errno;
		free(log);
		return err;
	}
	*ret_log = log;
	return 0;
}

void facts_log_close(struct facts_log *log)
{
	if (!log)
		return;
	ring_buffer__free(log->ring);
	free(log);
}

void facts_log_drain(struct facts_log *log)
{
	ring_buffer__consume(log->ring);
}
