// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "settings_receive.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static struct reporting_settings before, after;

static void test_names(void **state)
{
	char text[SETTINGS_CHANGE_SIZE];

	(void)state;
	settings_change_write(&before, &before, text);
	assert_string_equal(text, "{\"changed\":[]}");
	after = before;
	strcpy(after.ingest_token, "a-secret-of-ours");
	after.prices[7].output = 1;
	after.gids[REPORTING_IDS_MAX - 1] = 1;
	settings_change_write(&before, &after, text);
	assert_string_equal(text,
			    "{\"changed\":[\"events.allow\",\"costs\",\"events.token_file\"]}");
}

/* Whatever byte differs, something is named, and all names together fit. */
static void test_every_byte(void **state)
{
	char text[SETTINGS_CHANGE_SIZE];
	size_t named = 0, i;

	(void)state;
	for (i = 0; i < sizeof(after); i += 1) {
		after = before;
		((unsigned char *)&after)[i] = 1;
		settings_change_write(&before, &after, text);
		named += strcmp(text, "{\"changed\":[]}") != 0;
	}
	/* The rest is padding. */
	assert_in_range(sizeof(after) - named, 0, 32);
	memset(&after, 1, sizeof(after));
	settings_change_write(&before, &after, text);
	assert_string_equal(text + strlen(text) - 24, ",\"web.read_token_file\"]}");
}

static void test_event(void **state)
{
	const struct event_origin origin = {.way = WAY_INTERNAL, .wall_us = 1, .boot_ns = 1};
	struct event *event;

	(void)state;
	after = before;
	after.pending_max = 7;
	assert_int_equal(settings_change_event(&before, &after, &origin, &event), 0);
	assert_int_equal(event_type(event), EVENT_CONFIGURATION_CHANGED);
	assert_string_equal(event_text(event, FIELD_DETAILS),
			    "{\"changed\":[\"approvals.pending_max\"]}");
	event_free(event);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("what changed is named, and its value is not", test_names),
		TEST("no change goes unnamed", test_every_byte),
		TEST("it is an event for the audit log", test_event),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
