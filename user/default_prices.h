// SPDX-License-Identifier: Apache-2.0
/*
 * What the models of the large vendors cost, unless the configuration says otherwise: list prices
 * of one date, in micro-dollars per million tokens. An entry of the same model in the configuration
 * (`costs`, `prices`) replaces the one here; `defaults: false` leaves all of them out.
 */
#ifndef OPERAGLASS_DEFAULT_PRICES_H
#define OPERAGLASS_DEFAULT_PRICES_H

#include <stddef.h>

#include "reporting.h"

/* When the table was last compared with what the vendors publish. */
#define DEFAULT_PRICES_DATE "2026-10-16"

extern const struct reporting_price default_prices[];
extern const size_t default_price_count;

#endif
