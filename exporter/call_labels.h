// SPDX-License-Identifier: Apache-2.0
/* Label values of calls and connections, by their numbers in the maps. */
#ifndef EXPORTER_CALL_LABELS_H
#define EXPORTER_CALL_LABELS_H

#include <stdbool.h>

#include "call.h"
#include "connection.h"

#define STATUS_LABEL_SIZE 8

/* Numbers beyond the tables give "other" or "unknown"; nothing returns NULL. */
const char *call_method_label(unsigned int method);
const char *call_failure_label(unsigned int failure);
/* It is the answer's status: only what speaks HTTP can fail so. */
bool call_failure_is_status(unsigned int failure);
const char *visibility_label(unsigned int visibility);
const char *undecoded_label(unsigned int reason);

/* "200", or "unknown" for 0. Writes into out. */
const char *call_status_label(unsigned int status, char out[STATUS_LABEL_SIZE]);

#endif
