// SPDX-License-Identifier: Apache-2.0
#include "settings_receive.h"

#include <stdio.h>
#include <string.h>

#define SPAN(first, last)                                   \
	offsetof(struct reporting_settings, first),         \
		offsetof(struct reporting_settings, last) + \
			sizeof(((struct reporting_settings *)NULL)->last)

/* Members of the struct that stand together and belong to one key of the configuration. */
static const struct span {
	const char *name;
	size_t begin, end;
} spans[] = {
	{"events.allow", SPAN(uid_count, gids)},
	{"events.sender_rate", SPAN(sender_rate, sender_burst)},
	{"events.total_rate", SPAN(total_rate, total_burst)},
	{"events.id_window", SPAN(id_window_ns, id_window_ns)},
	{"approvals.timeout", SPAN(approval_timeout_ns, approval_timeout_ns)},
	{"approvals.grace", SPAN(approval_grace_ns, approval_grace_ns)},
	{"approvals.pending_max", SPAN(pending_max, pending_max)},
	{"approvals.session_label", SPAN(session_label, session_label)},
	{"approvals.session_key_file", SPAN(session_key, session_key)},
	{"approvals.plain_actors", SPAN(plain_actors, plain_actors)},
	{"journal", SPAN(retention_ns, retention_bytes)},
	{"time_zone", SPAN(time_zone, time_zone)},
	{"costs", SPAN(prices_date, monthly_budget)},
	{"metrics", SPAN(custom_count, custom)},
	{"events.token_file", SPAN(ingest_token, ingest_token)},
	{"web.read_token_file", SPAN(read_token, read_token)},
};

void settings_change_write(const struct reporting_settings *old_settings,
			   const struct reporting_settings *new_settings,
			   char out[SETTINGS_CHANGE_SIZE])
{
	const char *before = (const char *)old_settings, *after = (const char *)new_settings;
	size_t used = (size_t)snprintf(out, SETTINGS_CHANGE_SIZE, "{\"changed\":["), i;
	const char *comma = "";

	for (i = 0; i < sizeof(spans) / sizeof(spans[0]); i++) {
		const struct span *span = &spans[i];

		if (!memcmp(before + span->begin, after + span->begin, span->end - span->begin))
			continue;
		used += (size_t)snprintf(out + used, SETTINGS_CHANGE_SIZE - used, "%s\"%s\"", comma,
					 span->name);
		comma = ",";
	}
	snprintf(out + used, SETTINGS_CHANGE_SIZE - used, "]}");
}

int settings_change_event(const struct reporting_settings *old_settings,
			  const struct reporting_settings *new_settings,
			  const struct event_origin *origin, struct event **ret_event)
{
	char details[SETTINGS_CHANGE_SIZE];
	const struct event_field_value values[] = {{FIELD_DETAILS, details, 0}};

	settings_change_write(old_settings, new_settings, details);
	return event_make(EVENT_CONFIGURATION_CHANGED, origin, values, 1, ret_event);
}
