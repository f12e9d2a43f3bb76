// SPDX-License-Identifier: Apache-2.0
/* The ring `facts` as log lines: which agent began and which ended, how and after how long. */
#ifndef EXPORTER_FACTS_LOG_H
#define EXPORTER_FACTS_LOG_H

#include <stddef.h>

#include "fact.h"

#define FACTS_LOG_LINE_SIZE 256

struct facts_log;

/* Both descriptors stay the caller's and must live until facts_log_close(). 0 or -errno. */
int facts_log_open(int facts_fd, int agent_types_fd, struct facts_log **ret_log);
void facts_log_close(struct facts_log *log);

/* Logs what waits. Cheap when nothing does: two reads of shared memory. */
void facts_log_drain(struct facts_log *log);

/*
 * Writes one record as a line. Pure. 0; -EINVAL for a record that is shorter than it says it is,
 * -ENOMSG for one that is no log line. type: name of the agent type; size: bytes at fact.
 */
int facts_log_format(const void *fact, size_t size, const char *type, char *ret_line);

/* The agent type id of a record, 0 if it has none or is too short. Pure. */
unsigned facts_log_type(const void *fact, size_t size);

#endif
