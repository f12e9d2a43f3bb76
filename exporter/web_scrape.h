// SPDX-License-Identifier: Apache-2.0
/* GET of the telemetry path: format and compression as the client likes. */
#ifndef EXPORTER_WEB_SCRAPE_H
#define EXPORTER_WEB_SCRAPE_H

#include "web_request.h"

web_answer web_scrape;

#endif
