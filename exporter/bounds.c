// SPDX-License-Identifier: Apache-2.0
#include "bounds.h"

#include <bpf/bpf.h>
#include <string.h>

void bounds_read(int fd, unsigned int kind, struct bounds *ret_bounds)
{
	memset(&ret_bounds->bounds, 0xff, sizeof(ret_bounds->bounds));
	bpf_map_lookup_elem(fd, &kind, &ret_bounds->bounds);
	ret_bounds->count = 0;
	while (ret_bounds->count < HISTOGRAM_BOUNDS &&
	       ret_bounds->bounds.le[ret_bounds->count] != UINT64_MAX)
		ret_bounds->count++;
}

struct distribution bounds_distribution(const struct bounds *bounds,
					const struct histogram *histogram)
{
	return (struct distribution){
		.bounds = (const uint64_t *)bounds->bounds.le,
		.counts = (const uint64_t *)histogram->buckets,
		.bound_count = bounds->count,
		.sum = histogram->sum,
	};
}
