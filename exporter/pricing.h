// SPDX-License-Identifier: Apache-2.0
/* What tokens cost. Pure; money is integer micro-dollars. */
#ifndef EXPORTER_PRICING_H
#define EXPORTER_PRICING_H

#include <stdint.h>

#include "reporting.h"

struct token_use {
	uint64_t input, output, cache_read, cache_write;
};

/* The price with exactly this name, else the one with the longest prefix that ends in '*' and fits;
 * NULL when the model has no price. */
const struct reporting_price *pricing_find(const struct reporting_settings *settings,
					   const char *model);

/* Tokens times price per million tokens, rounded once, on the sum of all four: to the nearest
 * micro-dollar, halves up. Saturates at UINT64_MAX. NULL costs 0. */
uint64_t pricing_cost(const struct reporting_price *price, const struct token_use *use);

#endif
