// SPDX-License-Identifier: Apache-2.0
/* New settings as the audit log tells of them: which changed, never to what: some are secrets. */
#ifndef EXPORTER_SETTINGS_RECEIVE_H
#define EXPORTER_SETTINGS_RECEIVE_H

#include <stddef.h>

#include "../include/reporting.h"
#include "event.h"

/* Every name below, in quotes and commas. */
#define SETTINGS_CHANGE_SIZE 512

/*
 * {"changed":["events.token_file","costs"]}: by the names of the configuration; [] where something
 * changed that the exporter is not told (agents, upstreams). Pure.
 */
void settings_change_write(const struct reporting_settings *old_settings,
			   const struct reporting_settings *new_settings,
			   char out[SETTINGS_CHANGE_SIZE]);

/* The same as EVENT_CONFIGURATION_CHANGED. 0 or -ENOMEM. */
int settings_change_event(const struct reporting_settings *old_settings,
			  const struct reporting_settings *new_settings,
			  const struct event_origin *origin, struct event **ret_event);

#endif
