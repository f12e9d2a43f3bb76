// SPDX-License-Identifier: Apache-2.0
/* Turns the maps and iterators that the observer handed over into the model, once per scrape. */
#ifndef EXPORTER_KERNEL_READER_H
#define EXPORTER_KERNEL_READER_H

#include "accounts.h"
#include "facts_log.h"
#include "handover_registry.h"
#include "model.h"

struct kernel_reader;

/* Reads what later calls need from files (the number of possible CPUs): nothing can be opened once the process
 * is confined. Call it before that. */
void kernel_reader_prepare(void);

/* After HANDOVER_COMPLETE. Descriptors stay the registry's and must live until kernel_reader_close().
 * 0 or -errno. */
int kernel_reader_open(struct kernel_reader **ret_reader, const struct handover *handover);

/* Who is told the facts of the kernel half when they are drained; copied. NULL: nobody. */
void kernel_reader_listen(struct kernel_reader *reader, const struct facts_listener *listener);

/* The agents that wait for a human, for the next kernel_reader_read(); the array must live until then. */
void kernel_reader_set_waiting(struct kernel_reader *reader, const struct waiting_root *roots,
			       unsigned count);

/* Logs and tells the facts that wait, as kernel_reader_tick() does: before an approval is decided, so that
 * its message is found. */
void kernel_reader_drain(struct kernel_reader *reader);

/* Adds everything that the kernel half measured. 0, or -errno when a part is missing. */
int kernel_reader_read(struct kernel_reader *reader, struct model *model);

/* What is to be done once a second, between scrapes: logs the facts that wait, counts one table. */
void kernel_reader_tick(struct kernel_reader *reader);

void kernel_reader_close(struct kernel_reader *reader);

#endif
