// SPDX-License-Identifier: Apache-2.0
/* Renders the model as Prometheus text 0.0.4 or OpenMetrics 1.0.0. Pure: a model in, bytes out.
 *
 * Both formats: families in table order with HELP and TYPE even while they have no series, so that
 * a reader sees what exists; no timestamps; `le` in canonical float form ("0.005", "1.0", "1e+06");
 * integers up to 2^64-1 and nanoseconds as exact decimals. OpenMetrics only: counters are named
 * without _total in their metadata, UNIT lines, the info type, and "# EOF" at the end; never
 * _created.
 */
#ifndef EXPORTER_TEXT_H
#define EXPORTER_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "families.h"
#include "model.h"

enum text_format {
	TEXT_PROMETHEUS,
	TEXT_OPENMETRICS,
	TEXT_FORMATS
};

/* What a response with this format declares itself to be. */
extern const char *const text_content_types[TEXT_FORMATS];

/* A buffer that grows and is reused; start with zeroes. */
struct text {
	char *data;
	size_t size, capacity;
};

/* Appends the whole exposition; 0 or -ENOMEM (then `out` holds a part of it). */
int text_render(const struct model *model, enum text_format format, struct text *out);

/* Room for `more` bytes behind out->size; 0 or -ENOMEM. */
int text_reserve(struct text *out, size_t more);
void text_release(struct text *out);

/* Longest result of any function below. */
#define TEXT_NUMBER_SIZE 32

/* Number formats; each writes at `out`, without NUL, and returns the end. */
char *text_integer(uint64_t value, char *out);
/* Shortest exact decimal of value / 10^decimals (at most 9): 1500000, 6 -> 1.5 */
char *text_decimal(uint64_t value, unsigned decimals, char *out);
/* A bound as `le` value: always a float, exponents where Go's %g has them: 1.0, 0.005,
 * 1e-05, 1.048576e+06 */
char *text_bound(uint64_t value, enum family_unit unit, char *out);
/* Shortest decimal that reads back as the same double; +Inf, -Inf, NaN. */
char *text_real(double value, char *out);
/* A label value with \\, \" and \n escaped; at most twice its length. */
char *text_label(const char *value, char *out);

#endif
