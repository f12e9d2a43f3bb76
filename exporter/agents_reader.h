// SPDX-License-Identifier: Apache-2.0
/* The families "Agents and their tools", read from the kernel half once per scrape.
 *
 * The iterator runs first and brings the totals of living trees up to date; only then are the
 * totals read. One reader at a time: two passes of the iterator must not overlap.
 */
#ifndef EXPORTER_AGENTS_READER_H
#define EXPORTER_AGENTS_READER_H

#include "accounts.h"
#include "handover_registry.h"
#include "model.h"

struct agents_reader;

/* Descriptors stay the registry's. 0; -ENOENT when the kernel half for processes is not there; or
 * -errno. */
int agents_reader_open(const struct handover *handover, struct agents_reader **ret_reader);
void agents_reader_close(struct agents_reader *reader);

/* Who waits for a human, for the next agents_read() only; the array must live until then. */
void agents_set_waiting(struct agents_reader *reader, const struct waiting_root *roots,
			unsigned count);

/* Adds every family; those that cannot be read are left out. 0 or the first -errno. */
int agents_read(struct agents_reader *reader, struct model *model);

#endif
