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
	int agent_types_fd;
};

static int format_start(const void *fact, const char *type, char *ret_line)
{
	const struct fact_agent_start *start = fact;

	snprintf(ret_line, FACTS_LOG_LINE_SIZE, "agent %s %u started by %u", type, start->tgid,
		 start->forker);
	return 0;
}

static int format_end(const void *fact, const char *type, char *ret_line)
{
	const struct fact_agent_end *end = fact;
	int status = (int)end->status;
	const char *name = WIFSIGNALED(status) ? sigabbrev_np(WTERMSIG(status)) : NULL;
	char how[32];

	if (WIFSIGNALED(status) && name)
		snprintf(how, sizeof(how), "SIG%s", name);
	else if (WIFSIGNALED(status))
		snprintf(how, sizeof(how), "signal %d", WTERMSIG(status));
	else
		snprintf(how, sizeof(how), "code %d", WEXITSTATUS(status));
	snprintf(ret_line, FACTS_LOG_LINE_SIZE, "agent %s %u ended: %s %s after %llu.%llu s", type,
		 end->tgid, end_reason_label(end->reason), how,
		 (unsigned long long)end->run_ns / 1000000000,
		 (unsigned long long)end->run_ns / 100000000 % 10);
	return 0;
}

static const struct fact_row {
	size_t size, type_offset;
	int (*format)(const void *fact, const char *type, char *ret_line);
} rows[] = {
	[FACT_AGENT_START] = {sizeof(struct fact_agent_start),
			      offsetof(struct fact_agent_start, type), format_start},
	[FACT_AGENT_END] = {sizeof(struct fact_agent_end), offsetof(struct fact_agent_end, type),
			    format_end},
};

/* 0 and the record's row; a record must hold what its kind's struct holds. */
static int find_row(const void *fact, size_t size, const struct fact_row **ret_row)
{
	const struct fact_head *head = fact;

	if (size < sizeof(*head) || head->size > size)
		return -EINVAL;
	if (head->kind >= sizeof(rows) / sizeof(rows[0]) || !rows[head->kind].format)
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

	return err ? err : row->format(fact, type, ret_line);
}

unsigned facts_log_type(const void *fact, size_t size)
{
	const struct fact_row *row;
	uint16_t type;

	if (find_row(fact, size, &row))
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
	return 0;
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
