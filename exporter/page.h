// SPDX-License-Identifier: Apache-2.0
/* The landing page: what this is and where to go. Pure. */
#ifndef EXPORTER_PAGE_H
#define EXPORTER_PAGE_H

#include "text.h"

/*
 * Appends the page as HTML; 0 or -ENOMEM. `telemetry_path` comes from the command line and is
 * escaped.
 */
int page_render(const char *version, const char *telemetry_path, struct text *out);

#endif
