// SPDX-License-Identifier: Apache-2.0
/*
 * List prices as of DEFAULT_PRICES_DATE, for standard requests: without batch, priority or
 * long-context rates, taxes and discounts. They change without notice and must be checked against the
 * vendor's page before anybody relies on a sum in dollars. Where a vendor does not charge for
 * writing to its cache, what is written costs as much as other input.
 *
 * A name that ends in '*' is a prefix; the longest that fits counts. Prefixes are as long as the
 * dated and aliased names of one model allow: a model that comes later is unknown, and said to be,
 * rather than priced like its elder.
 */
#include "default_prices.h"

#define USD(dollars) ((uint64_t)((dollars)*1000000.0 + 0.5))
#define PRICE(model, input, output, cache_read, cache_write)                      \
	{                                                                         \
		model, USD(input), USD(output), USD(cache_read), USD(cache_write) \
	}

/* clang-format off: one model, one row */
const struct reporting_price default_prices[] = {
	/* Anthropic: model, input, output, cache read, cache write (5 minutes) */
	PRICE("claude-fable-5-1*", 10, 50, 0.25, 12.5),
	PRICE("claude-fable-5", 10, 50, 1, 12.5),
	PRICE("claude-opus-5-5*", 4, 20, 0.2, 5),
	PRICE("claude-opus-5", 5, 25, 0.5, 6.25),
	PRICE("claude-opus-4-8*", 5, 25, 0.5, 6.25),
	PRICE("claude-opus-4-7*", 5, 25, 0.5, 6.25),
	PRICE("claude-opus-4-6*", 5, 25, 0.5, 6.25),
	PRICE("claude-opus-4-5*", 5, 25, 0.5, 6.25),
	PRICE("claude-opus-4-1*", 15, 75, 1.5, 18.75),
	PRICE("claude-opus-4-0*", 15, 75, 1.5, 18.75),
	PRICE("claude-opus-4-2*", 15, 75, 1.5, 18.75),
	PRICE("claude-3-opus*", 15, 75, 1.5, 18.75),
	PRICE("claude-sonnet-5-5*", 2, 10, 0.1, 2.5),
	PRICE("claude-sonnet-5", 2, 10, 0.2, 2.5),
	PRICE("claude-sonnet-4-6*", 3, 15, 0.3, 3.75),
	PRICE("claude-sonnet-4-5*", 3, 15, 0.3, 3.75),
	PRICE("claude-sonnet-4-0*", 3, 15, 0.3, 3.75),
	PRICE("claude-sonnet-4-2*", 3, 15, 0.3, 3.75),
	PRICE("claude-3-7-sonnet*", 3, 15, 0.3, 3.75),
	PRICE("claude-3-5-sonnet*", 3, 15, 0.3, 3.75),
	PRICE("claude-haiku-5-5*", 0.1, 0.5, 0.01, 0.125),
	PRICE("claude-haiku-4-5*", 1, 5, 0.1, 1.25),
	PRICE("claude-3-5-haiku*", 0.8, 4, 0.08, 1),
	PRICE("claude-3-haiku*", 0.25, 1.25, 0.03, 0.3),
	/* OpenAI */
	PRICE("gpt-5.4", 2.5, 15, 0.25, 2.5),
	PRICE("gpt-5.1*", 1.25, 10, 0.125, 1.25),
	PRICE("gpt-5.1-codex-mini*", 0.25, 2, 0.025, 0.25),
	PRICE("gpt-5", 1.25, 10, 0.125, 1.25),
	PRICE("gpt-5-2025*", 1.25, 10, 0.125, 1.25),
	PRICE("gpt-5-chat*", 1.25, 10, 0.125, 1.25),
	PRICE("gpt-5-codex*", 1.25, 10, 0.125, 1.25),
	PRICE("gpt-5-mini*", 0.25, 2, 0.025, 0.25),
	PRICE("gpt-5-nano*", 0.05, 0.4, 0.005, 0.05),
	PRICE("gpt-5-pro*", 15, 120, 15, 15),
	PRICE("gpt-4.1", 2, 8, 0.5, 2),
	PRICE("gpt-4.1-2025*", 2, 8, 0.5, 2),
	PRICE("gpt-4.1-mini*", 0.4, 1.6, 0.1, 0.4),
	PRICE("gpt-4.1-nano*", 0.1, 0.4, 0.025, 0.1),
	PRICE("gpt-4o", 2.5, 10, 1.25, 2.5),
	PRICE("gpt-4o-2024*", 2.5, 10, 1.25, 2.5),
	PRICE("gpt-4o-mini", 0.15, 0.6, 0.075, 0.15),
	PRICE("gpt-4o-mini-2024*", 0.15, 0.6, 0.075, 0.15),
	PRICE("o1", 15, 60, 7.5, 15),
	PRICE("o1-2024*", 15, 60, 7.5, 15),
	PRICE("o1-mini*", 1.1, 4.4, 0.55, 1.1),
	PRICE("o3", 2, 8, 0.5, 2),
	PRICE("o3-2025*", 2, 8, 0.5, 2),
	PRICE("o3-mini*", 1.1, 4.4, 0.55, 1.1),
	PRICE("o3-pro*", 20, 80, 20, 20),
	PRICE("o4-mini", 1.1, 4.4, 0.275, 1.1),
	PRICE("o4-mini-2025*", 1.1, 4.4, 0.275, 1.1),
	/* Google: prompts of up to 200,000 tokens */
	PRICE("gemini-3-pro*", 2, 12, 0.2, 2),
	PRICE("gemini-2.5-pro*", 1.25, 10, 0.125, 1.25),
	PRICE("gemini-2.5-flash", 0.3, 2.5, 0.03, 0.3),
	PRICE("gemini-2.5-flash-preview*", 0.3, 2.5, 0.03, 0.3),
	PRICE("gemini-2.5-flash-lite*", 0.1, 0.4, 0.01, 0.1),
	PRICE("gemini-2.0-flash", 0.1, 0.4, 0.025, 0.1),
	PRICE("gemini-2.0-flash-001", 0.1, 0.4, 0.025, 0.1),
	PRICE("gemini-2.0-flash-lite*", 0.075, 0.3, 0.075, 0.075),
};
/* clang-format on */
const size_t default_price_count = sizeof(default_prices) / sizeof(default_prices[0]);

_Static_assert(sizeof(default_prices) / sizeof(default_prices[0]) <= REPORTING_PRICES_MAX / 2,
	       "the other half is the user's");
