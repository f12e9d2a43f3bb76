// SPDX-License-Identifier: Apache-2.0
/* The families "Telegram" and "Every upstream", read from the kernel half once per scrape.
 *
 * The sweeps run first: they finish what only time decides (a quiet call, a failed connect that
 * nothing replaced), so that what is read then is complete.
 */
#ifndef EXPORTER_UPSTREAMS_READER_H
#define EXPORTER_UPSTREAMS_READER_H

#include "handover_registry.h"
#include "model.h"

struct upstreams_reader;

/* Descriptors stay the registry's. 0; -ENOENT when the kernel half for sockets is not there; or
 * -errno. */
int upstreams_reader_open(const struct handover *handover, struct upstreams_reader **ret_reader);
void upstreams_reader_close(struct upstreams_reader *reader);

/* Adds every family; those that cannot be read are left out. 0 or the first -errno. */
int upstreams_read(struct upstreams_reader *reader, struct model *model);

#endif
