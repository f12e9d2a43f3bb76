// SPDX-License-Identifier: Apache-2.0
/*
 * The ring `facts`, one reader: which agent began and which ended, how and after how long, goes to
 * the log; and every record to whoever listens.
 */
#ifndef EXPORTER_FACTS_LOG_H
#define EXPORTER_FACTS_LOG_H

#include <stddef.h>

#include "fact.h"

#define FACTS_LOG_LINE_SIZE 256

/* "code 255", "SIGSTKFLT", "signal 64" */
#define FACTS_HOW_SIZE 32

struct facts_log;

/*
 * Who wants the records themselves; a member may be NULL. A record is good during the call only, and
 * may be of an older kernel half: members behind head.size are not there. `type` is the agent type's
 * name.
 */
struct facts_listener {
	void *context;
	void (*agent_started)(void *context, const struct fact_agent_start *fact, const char *type);
	void (*agent_ended)(void *context, const struct fact_agent_end *fact, const char *type);
	void (*call)(void *context, const struct fact_call *fact);
};

/* A copy is kept; NULL: nobody listens any more. */
void facts_log_listen(struct facts_log *log, const struct facts_listener *listener);

/* Both descriptors stay the caller's and must live until facts_log_close(). 0 or -errno. */
int facts_log_open(int facts_fd, int agent_types_fd, struct facts_log **ret_log);
void facts_log_close(struct facts_log *log);

/* Logs and tells what waits. Cheap when nothing does: two reads of shared memory. */
void facts_log_drain(struct facts_log *log);

/*
 * Writes one record as a line. Pure. 0; -EINVAL for a record that is shorter than it says it is,
 * -ENOMSG for one that is no log line. type: name of the agent type; size: bytes at fact.
 */
int facts_log_format(const void *fact, size_t size, const char *type, char *ret_line);

/* Hands one record on, as the drain does. 0 or as facts_log_format(). */
int facts_log_tell(const struct facts_listener *listener, const void *fact, size_t size,
		   const char *type);

/* How a process ended, from its wait status: "0" or "SIGKILL". Writes into out, which it returns. */
const char *facts_log_how(unsigned int status, char out[FACTS_HOW_SIZE]);

/* The agent type id of a record, 0 if it has none or is too short. Pure. */
unsigned facts_log_type(const void *fact, size_t size);

#endif
