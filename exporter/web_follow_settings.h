// SPDX-License-Identifier: Apache-2.0
/* The exporter's part in the web configuration and the tokens: takes over what was handed over. */
#ifndef EXPORTER_WEB_FOLLOW_SETTINGS_H
#define EXPORTER_WEB_FOLLOW_SETTINGS_H

#include <stdbool.h>

#include "handover_registry.h"
#include "web.h"

/*
 * Before the first web_serve(): nothing is served without the rules that are configured. `required`:
 * there is a web configuration. 0 or -errno (logged).
 */
int web_settings_begin(struct web *web, const struct handover *handover, bool required);

/* After each handover_receive(): what cannot be used changes nothing (logged). */
void web_settings_follow(struct web *web, const struct handover *handover);

#endif
