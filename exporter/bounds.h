// SPDX-License-Identifier: Apache-2.0
/* The bounds that every histogram of one kind has, as the map `histogram_bounds` holds them. */
#ifndef EXPORTER_BOUNDS_H
#define EXPORTER_BOUNDS_H

#include "histogram.h"
#include "model.h"

struct bounds {
	struct histogram_bounds bounds;
	unsigned int count; /* of the bounds that are in use */
};

/* kind: enum histogram_kind. A kind that cannot be read has no bounds. */
void bounds_read(int fd, unsigned int kind, struct bounds *ret_bounds);

/* What the model takes; points into both, copies neither. */
struct distribution bounds_distribution(const struct bounds *bounds,
					const struct histogram *histogram);

#endif
