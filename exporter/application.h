// SPDX-License-Identifier: Apache-2.0
/*
 * What applications report, put together: the sockets, the recorder and its journal, the worker,
 * and the join with the kernel half. The pieces know nothing of each other; this is where they meet.
 *
 *	application_bind()	with root's rights: the unix sockets
 *	application_start()	without them, before confine_calls(): journal and threads
 *	application_attach()	into the loop's epoll set
 *	application_run()		when one of its descriptors is ready
 *
 * Everything is for the event loop's thread.
 */
#ifndef EXPORTER_APPLICATION_H
#define EXPORTER_APPLICATION_H

#include <stdint.h>

#include "reporting.h"
#include "command_line.h"
#include "handover_registry.h"
#include "model.h"
#include "web.h"

struct application;
struct kernel_reader;

/* Waits for the observer's settings (a bounded time), and binds the sockets; each path may be NULL.
 * 0 or -errno after one line of log. */
int application_bind(const struct command_line *options, struct handover *handover,
		     struct application **ret_application);
void application_free(struct application *application);

/* The listening unix stream socket; it is the caller's from now on. -1: none. */
int application_take_stream(struct application *application);

/* Opens the journal and starts the threads. 0 or -errno after one line of log. */
int application_start(struct application *application, const struct command_line *options,
		      struct web *web);

/* `data`: epoll_data.u64 of every descriptor. 0 or -errno. */
int application_attach(const struct application *application, int epoll_fd, uint64_t data);
void application_run(struct application *application);

/* After messages of the observer: takes new settings over. */
void application_follow(struct application *application, const struct handover *handover);

/* Binds the maps that a reporter's agent is found in, and listens to the reader's facts. To be called
 * for every new reader, and with NULL when it is closed. */
void application_join(struct application *application, struct kernel_reader *reader,
		      const struct handover *handover);
/* Once a second. */
void application_tick(struct application *application);
/* Before a scrape reads the agents: which of them wait for a human. */
void application_set_waiting(struct application *application, struct kernel_reader *reader);

/* For the audit log: somebody at `address` was refused `path`, because of `why`. */
void application_refused(struct application *application, enum web_refusal why, const char *address,
			 const char *path);

/* Every family of approvals, business, custom metrics, events and journal. */
void application_add(struct application *application, struct model *model);

#endif
