// SPDX-License-Identifier: Apache-2.0
/* operaglass_tls_targets: how many TLS files are probed, by stack and state, as the observer says. */
#ifndef EXPORTER_TLS_READER_H
#define EXPORTER_TLS_READER_H

#include "handover_registry.h"
#include "model.h"

/* Adds every stack and state, also those without a file. 0; -ENOENT when nothing inside TLS is read
 * here, then the family stays empty; or -errno. */
int tls_read(const struct handover *handover, struct model *model);

#endif
