// SPDX-License-Identifier: Apache-2.0
/* What applications report, as YAML that reads back as itself. */
#include <inttypes.h>

#include "config_draft.h"
#include "config_value.h"

static void put_duration(const char *name, uint64_t ns, FILE *out)
{
	char text[CONFIG_DURATION_SIZE];

	config_format_duration(ns, text);
	fprintf(out, "  %s: %s\n", name, text);
}

static void put_dollars(const char *name, uint64_t micro, FILE *out)
{
	char text[CONFIG_SECONDS_SIZE];

	config_format_dollars(micro, text);
	fprintf(out, "%s: %s", name, text);
}

/* Keys that name a file are left out without one: there is no value for "none". */
static void put_file(const char *name, const char *path, FILE *out)
{
	if (!*path)
		return;
	fprintf(out, "  %s: ", name);
	config_put_quoted(out, path);
	fputc('\n', out);
}

static void put_ids(const char *name, const uint32_t *ids, uint32_t count, FILE *out)
{
	fprintf(out, "  %s: [", name);
	for (uint32_t i = 0; i < count; i++)
		fprintf(out, "%s%" PRIu32, i ? ", " : "", ids[i]);
	fputs("]\n", out);
}

static void put_events(const struct config_reporting *reporting, FILE *out)
{
	const struct reporting_settings *settings = &reporting->settings;

	fputs("events:\n", out);
	put_ids("allow_uids", settings->uids, settings->uid_count, out);
	put_ids("allow_gids", settings->gids, settings->gid_count, out);
	put_file("token_file", reporting->token_file, out);
	fprintf(out, "  sender_rate: {per_second: %" PRIu32 ", burst: %" PRIu32 "}\n",
		settings->sender_rate, settings->sender_burst);
	fprintf(out, "  total_rate: {per_second: %" PRIu32 ", burst: %" PRIu32 "}\n",
		settings->total_rate, settings->total_burst);
	put_duration("id_window", settings->id_window_ns, out);
}

static void put_approvals(const struct config_reporting *reporting, FILE *out)
{
	const struct reporting_settings *settings = &reporting->settings;

	fputs("approvals:\n", out);
	put_duration("timeout", settings->approval_timeout_ns, out);
	put_duration("grace", settings->approval_grace_ns, out);
	fprintf(out, "  pending_max: %" PRIu32 "\n  session_label: %s\n", settings->pending_max,
		config_session_labels[settings->session_label]);
	put_file("session_key_file", reporting->session_key_file, out);
	fprintf(out, "  plain_actors: %s\n", settings->plain_actors ? "true" : "false");
}

static void put_journal(const struct reporting_settings *settings, FILE *out)
{
	char size[CONFIG_SECONDS_SIZE];

	config_format_size(settings->retention_bytes, size);
	fputs("journal:\n", out);
	put_duration("retention", settings->retention_ns, out);
	fprintf(out, "  max_size: %s\n", size);
}

static void put_costs(const struct reporting_settings *settings, FILE *out)
{
	fputs("costs:\n", out);
	put_dollars("  monthly_budget_usd", settings->monthly_budget, out);
	fputs(settings->price_count ? "\n  prices:\n" : "\n  prices: []\n", out);
	for (uint32_t i = 0; i < settings->price_count; i++) {
		const struct reporting_price *price = &settings->prices[i];

		fputs("    - {model: ", out);
		config_put_quoted(out, price->model);
		put_dollars(", input", price->input, out);
		put_dollars(", output", price->output, out);
		put_dollars(", cache_read", price->cache_read, out);
		put_dollars(", cache_write", price->cache_write, out);
		fputs("}\n", out);
	}
}

static void put_metric(const struct reporting_custom *metric, FILE *out)
{
	char number[CONFIG_SECONDS_SIZE + 8];

	fprintf(out, "  - name: %s\n    type: %s\n    help: ", metric->name,
		config_custom_types[metric->type]);
	config_put_quoted(out, metric->help);
	fputs("\n    labels: [", out);
	for (uint32_t i = 0; i < REPORTING_CUSTOM_LABELS && metric->labels[i][0]; i++)
		fprintf(out, "%s%s", i ? ", " : "", metric->labels[i]);
	fputs("]\n", out);
	if (metric->type != CUSTOM_HISTOGRAM)
		return;
	fputs("    buckets: [", out);
	for (uint32_t i = 0; i < metric->bound_count; i++) {
		config_format_number(metric->bounds[i], number);
		fprintf(out, "%s%s", i ? ", " : "", number);
	}
	fputs("]\n", out);
}

void config_dump_reporting(const struct config_reporting *reporting, FILE *out)
{
	const struct reporting_settings *settings = &reporting->settings;

	put_events(reporting, out);
	put_approvals(reporting, out);
	if (*reporting->read_token_file) {
		fputs("web:\n", out);
		put_file("read_token_file", reporting->read_token_file, out);
	}
	put_journal(settings, out);
	if (*settings->time_zone) {
		fputs("time_zone: ", out);
		config_put_quoted(out, settings->time_zone);
		fputc('\n', out);
	}
	put_costs(settings, out);
	fputs(settings->custom_count ? "metrics:\n" : "metrics: []\n", out);
	for (uint32_t i = 0; i < settings->custom_count; i++)
		put_metric(&settings->custom[i], out);
}
