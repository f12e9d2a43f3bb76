// SPDX-License-Identifier: Apache-2.0
/*
 * What a client wants, from its Accept and Accept-Encoding headers (RFC 9110, 12.5). Pure.
 *
 * Both take NULL for a missing header. What cannot be parsed is skipped, element by element; when
 * nothing that we have is acceptable the answer is the default, because a scrape in the wrong
 * format says more than a 406.
 */
#ifndef EXPORTER_WEB_ACCEPT_H
#define EXPORTER_WEB_ACCEPT_H

#include <stdbool.h>

#include "text.h"

/*
 * OpenMetrics when it is preferred to text, or named and liked as much; otherwise Prometheus
 * text.
 */
enum text_format web_accept_format(const char *accept);

/* Whether to compress: gzip is acceptable and liked at least as much as no coding. */
bool web_accept_gzip(const char *accept_encoding);

#endif
