// SPDX-License-Identifier: Apache-2.0
/* Label values of how processes end, by their numbers in the maps and in the ring's records. */
#ifndef EXPORTER_AGENT_LABELS_H
#define EXPORTER_AGENT_LABELS_H

#include "process.h"

/* enum end_reason; "unknown" beyond it. */
const char *end_reason_label(unsigned int reason);

#endif
