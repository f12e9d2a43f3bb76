// SPDX-License-Identifier: Apache-2.0
/* Points in time as applications write them. Pure. */
#ifndef EXPORTER_EVENT_TIME_H
#define EXPORTER_EVENT_TIME_H

#include <stddef.h>
#include <stdint.h>

/* RFC 3339 ("2026-01-31T12:00:00.25+01:00"), years 1970 to 9999; digits below a microsecond are cut,
 * a leap second is the second after it. 0 and Unix microseconds, or -EINVAL. */
int event_time_parse(const char *text, size_t size, int64_t *ret_us);

#endif
