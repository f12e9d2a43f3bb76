// SPDX-License-Identifier: Apache-2.0
/*
 * What applications report, put together: the sockets, the recorder and its journal, the worker,
 * and the join with the kernel half. The pieces know nothing of each other; this is where they meet.
 *
 *	reporting_bind()	with root's rights: the unix sockets
 *	reporting_start()	without them, before confine_calls(): journal and threads
 *	reporting_attach()	into the loop's epoll set
 *	reporting_run()		when one of its descriptors is ready
 *
 * Everything is for the event loop's thread.
 */
#ifndef EXPORTER_REPORTING_H
#define EXPORTER_REPORTING_H

#include <stdint.h>

#include "../include/reporting.h" /* the settings, whose header has the same name */
#include "command_line.h"
#include "handover_registry.h"
#include "model.h"
#include "web.h"

struct reporting;
struct kernel_reader;

/* Waits for the observer's settings (a bounded time), and binds the sockets; each path may be NULL.
 * 0 or -errno after one line of log. */
int reporting_bind(const struct command_line *options, struct handover *handover,
		   struct reporting **ret_reporting);
void reporting_free(struct reporting *reporting);

/* The listening unix stream socket; it is the caller's from now on. -1: none. */
int reporting_take_stream(struct reporting *reporting);

/* Opens the journal and starts the threads. 0 or -errno after one line of log. */
int reporting_start(struct reporting *reporting, const struct command_line *options,
		    struct web *web);

/* `data`: epoll_data.u64 of every descriptor. 0 or -errno. */
int reporting_attach(const struct reporting *reporting, int epoll_fd, uint64_t data);
void reporting_run(struct reporting *reporting);

/* After messages of the observer: takes new settings over. */
void reporting_follow(struct reporting *reporting, const struct handover *handover);

/* Binds the maps that a reporter's agent is found in, and listens to the reader's facts. To be called
 * for every new reader, and with NULL when it is closed. */
void reporting_join(struct reporting *reporting, struct kernel_reader *reader,
		    const struct handover *handover);
/* Once a second. */
void reporting_tick(struct reporting *reporting);
/* Before a scrape reads the agents: which of them wait for a human. */
void reporting_set_waiting(struct reporting *reporting, struct kernel_reader *reader);

/* Every family of approvals, business, custom metrics, events and journal. */
void reporting_add(struct reporting *reporting, struct model *model);

#endif
