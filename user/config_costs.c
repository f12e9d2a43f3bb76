// SPDX-License-Identifier: Apache-2.0
/* The schema of what models cost, and the default prices below it. */
#include <errno.h>
#include <string.h>

#include "config_draft.h"
#include "config_value.h"
#include "default_prices.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define MODEL_ALLOWED	"a model's name, or its beginning and '*', at most 63 bytes"
#define DOLLARS_ALLOWED "dollars, such as 12.5, with at most six decimals, up to 1000000000"
/* Of a price that the entry does not name. */
#define UNSET UINT64_MAX

/* An entry in the making, beside the draft: a price that is missing shows only at its end. */
struct price_draft {
	struct reporting_price price;
	struct reporting_settings *settings;
};

static int parse_dollars(struct config_reader *reader, const struct config_key *key, void *into)
{
	uint64_t *member = (uint64_t *)((char *)into + key->offset), micro;
	const char *text, *why;
	int err = config_reader_plain(reader, key, DOLLARS_ALLOWED, &text);

	if (err)
		return err;
	if (config_value_dollars(text, &micro, &why))
		return config_reader_fail_value(reader, key, text, why, DOLLARS_ALLOWED);
	*member = micro;
	return config_reader_next(reader);
}

static int parse_model(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct price_draft *draft = into;
	const char *text, *star;
	size_t length;
	int err = config_reader_text(reader, key, MODEL_ALLOWED, &text);

	if (err)
		return err;
	length = strlen(text);
	star = strchr(text, '*');
	if (length == 0 || length >= REPORTING_MODEL_SIZE)
		return config_reader_fail_value(reader, key, text, "empty or too long",
						MODEL_ALLOWED);
	if (star && star != text + length - 1)
		return config_reader_fail_value(reader, key, text, "a '*' that is not at the end",
						MODEL_ALLOWED);
	for (size_t i = 0; i < length; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
			return config_reader_fail_value(reader, key, text, "a control character",
							MODEL_ALLOWED);
	for (uint32_t i = 0; i < draft->settings->price_count; i++)
		if (strcmp(draft->settings->prices[i].model, text) == 0)
			return config_fail(&reader->report, config_reader_mark(reader),
					   "duplicate model '%s' in prices (allowed: each once)",
					   config_quote(text).text);
	memcpy(draft->price.model, text, length);
	return config_reader_next(reader);
}

#define PRICE(member)                                                \
	{                                                            \
		.name = #member, .parse = parse_dollars,             \
		.offset = offsetof(struct price_draft, price.member) \
	}

static const struct config_key price_keys[] = {
	{.name = "model", .parse = parse_model},
	PRICE(input),
	PRICE(output),
	PRICE(cache_read),
	PRICE(cache_write),
};

static int parse_price(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_draft *draft = into;
	struct reporting_settings *settings = &draft->config.reporting.settings;
	struct price_draft entry = {
		.price = {.input = UNSET,
			  .output = UNSET,
			  .cache_read = UNSET,
			  .cache_write = UNSET},
		.settings = settings,
	};
	struct config_scope scope = {.noun = "price", .number = settings->price_count + 1};
	struct config_mark mark = config_reader_mark(reader);
	int err;

	(void)key;
	if (settings->price_count == REPORTING_PRICES_MAX)
		return config_fail(&reader->report, mark, "too many prices (allowed: %d)",
				   REPORTING_PRICES_MAX);
	err = config_reader_mapping(reader, price_keys, COUNT(price_keys), &scope, &entry);
	if (err)
		return err;
	if (!entry.price.model[0] || entry.price.input == UNSET || entry.price.output == UNSET)
		return config_fail(&reader->report, mark,
				   "price %u has no %s (needed: model, input, output)",
				   scope.number,
				   !entry.price.model[0]	? "model"
				   : entry.price.input == UNSET ? "input"
								: "output");
	/* What is not said to be cheaper costs what input costs. */
	if (entry.price.cache_read == UNSET)
		entry.price.cache_read = entry.price.input;
	if (entry.price.cache_write == UNSET)
		entry.price.cache_write = entry.price.input;
	settings->prices[settings->price_count++] = entry.price;
	return 0;
}

static int parse_prices(struct config_reader *reader, const struct config_key *key, void *into)
{
	return config_reader_list(reader, key, parse_price, into);
}

static const struct config_key cost_keys[] = {
	{.name = "monthly_budget_usd",
	 .parse = parse_dollars,
	 .offset = offsetof(struct config_draft, config.reporting.settings.monthly_budget)},
	{.name = "prices", .parse = parse_prices},
};

int config_parse_costs(struct config_reader *reader, const struct config_key *key, void *into)
{
	struct config_scope scope = {.noun = key->name};

	return config_reader_mapping(reader, cost_keys, COUNT(cost_keys), &scope, into);
}

static const struct reporting_price *find_price(const struct reporting_price *prices, size_t count,
						const char *model)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(prices[i].model, model) == 0)
			return &prices[i];
	return NULL;
}

int config_merge_prices(const struct config_report *report, bool defaults,
			const struct reporting_settings *user, struct reporting_settings *merged)
{
	const struct config_mark nowhere = {0, 0};
	size_t default_count = defaults ? default_price_count : 0;
	uint32_t count = 0;

	memset(merged->prices, 0, sizeof(merged->prices));
	for (size_t i = 0; i < default_count; i++) {
		const struct reporting_price *own =
			find_price(user->prices, user->price_count, default_prices[i].model);

		merged->prices[count++] = own ? *own : default_prices[i];
	}
	for (uint32_t i = 0; i < user->price_count; i++) {
		if (find_price(default_prices, default_count, user->prices[i].model))
			continue;
		if (count == REPORTING_PRICES_MAX)
			return config_fail(report, nowhere,
					   "too many prices (allowed: %d in all, defaults "
					   "included; 'defaults: false' leaves those out)",
					   REPORTING_PRICES_MAX);
		merged->prices[count++] = user->prices[i];
	}
	merged->price_count = count;
	memcpy(merged->prices_date, DEFAULT_PRICES_DATE, sizeof(DEFAULT_PRICES_DATE));
	return 0;
}
