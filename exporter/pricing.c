// SPDX-License-Identifier: Apache-2.0
#include "pricing.h"

#include <string.h>

#define PER 1000000 /* prices are per million tokens */

const struct reporting_price *pricing_find(const struct reporting_settings *settings,
					   const char *model)
{
	const struct reporting_price *best = NULL, *price;
	size_t size, best_size = 0;
	uint32_t i;

	for (i = 0; i < settings->price_count; i++) {
		price = &settings->prices[i];
		size = strlen(price->model);
		if (!strcmp(price->model, model))
			return price;
		if (size == 0 || price->model[size - 1] != '*' || size <= best_size)
			continue;
		if (!strncmp(price->model, model, size - 1)) {
			best = price;
			best_size = size;
		}
	}
	return best;
}

uint64_t pricing_cost(const struct reporting_price *price, const struct token_use *use)
{
	unsigned __int128 sum;
	const unsigned __int128 one = 1;

	if (!price)
		return 0;
	/* Four products of 64 by 64 bits could pass 128 bits only if all were at their maximum;
	 * tokens of one event are below 2^53. */
	sum = one * use->input * price->input + one * use->output * price->output +
	      one * use->cache_read * price->cache_read +
	      one * use->cache_write * price->cache_write + PER / 2;
	sum /= PER;
	return sum > UINT64_MAX ? UINT64_MAX : (uint64_t)sum;
}
