// SPDX-License-Identifier: Apache-2.0
/* What an event says, how it is changed and written; how one is read: test_event.c. */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "event_text.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void test_origin(void **state)
{
	static const char *const json = "{\"type\":\"sms.sent\"}";
	struct event_origin web = origin, stream = origin, nobody = origin;
	struct event *event = parse(json);

	(void)state;
	assert_int_equal(event_wall_us(event), origin.wall_us);
	assert_int_equal(event_boot_ns(event), origin.boot_ns);
	assert_memory_equal(event_origin(event), &origin, sizeof(origin));
	assert_true(event_number(event, FIELD_PID, 0) == 4711);
	event_free(event);
	stream.way = WAY_STREAM;
	event = parse_from(json, &stream);
	assert_true(event_number(event, FIELD_PID, 0) == 4711);
	event_free(event);
	event = parse_from("{\"type\":\"sms.sent\",\"pid\":12}", &stream);
	assert_true(event_number(event, FIELD_PID, 0) == 12);
	event_free(event);
	web.way = WAY_WEB;
	event = parse_from(json, &web);
	assert_false(event_has(event, FIELD_PID));
	event_free(event);
	nobody.pid = 0;
	event = parse_from(json, &nobody);
	assert_false(event_has(event, FIELD_PID));
	assert_true(event_number(event, FIELD_PID, -1) == -1);
	event_free(event);
}

static void test_reading(void **state)
{
	const char *name = NULL, *value = NULL, *type = NULL;
	uint64_t start = 0;
	struct event *event = parse("{\"type\":\"metric\",\"name\":\"n\",\"value\":2.5,"
				    "\"labels\":{\"a\":\"\",\"b\":\"two\"}}");

	(void)state;
	assert_true(event_label(event, 0, &name, &value));
	assert_string_equal(name, "a");
	assert_string_equal(value, "");
	assert_true(event_label(event, 1, &name, &value));
	assert_string_equal(name, "b");
	assert_string_equal(value, "two");
	assert_false(event_label(event, 2, &name, &value));
	assert_null(event_text(event, FIELD_VALUE));
	assert_null(event_text(event, FIELD_ID));
	assert_true(event_number(event, FIELD_NAME, 9) == 9);
	assert_true(event_number(event, FIELD_VALUE, 9) == 2.5);
	assert_int_equal(event_root(event, &start, &type), 0);
	assert_null(type);
	event_set_root(event, 77, 88, "a type with a name of more than 31 bytes");
	assert_int_equal(event_root(event, &start, &type), 77);
	assert_int_equal(start, 88);
	assert_string_equal(type, "a type with a name of more than");
	assert_in_range(event_size(event), 1, 256);
	event_free(event);
	event = parse("{\"type\":\"metric\",\"name\":\"n\",\"value\":2.5,\"labels\":{}}");
	assert_false(event_label(event, 0, &name, &value));
	event_free(event);
}

static void test_made(void **state)
{
	char resource[300];
	const struct event_field_value values[] = {
		{.field = FIELD_ACTOR,
		 .text = "a\xff"
			 "b\xe2\x82"},
		{.field = FIELD_RESOURCE, .text = resource},
		{.field = FIELD_REASON, .text = NULL},
		{.field = FIELD_AMOUNT, .number = 9007199254740991.0},
		{.field = FIELD_DETAILS, .text = "{\"a\":1}"},
	};
	struct event *event = NULL;

	(void)state;
	memset(resource, 'r', sizeof(resource));
	resource[299] = '\0';
	assert_int_equal(event_make(EVENT_ACCESS_REFUSED, &origin, values, COUNT(values), &event),
			 0);
	assert_int_equal(event_type(event), EVENT_ACCESS_REFUSED);
	assert_int_equal(event_wall_us(event), origin.wall_us);
	assert_string_equal(event_text(event, FIELD_ACTOR), "a?b??");
	assert_int_equal(strlen(event_text(event, FIELD_RESOURCE)), 256);
	assert_false(event_has(event, FIELD_REASON));
	assert_false(event_has(event, FIELD_PID));
	assert_true(event_number(event, FIELD_AMOUNT, 0) == 9007199254740991.0);
	assert_string_equal(event_text(event, FIELD_DETAILS), "{\"a\":1}");
	event_free(event);
}

static void test_replaced(void **state)
{
	struct event *event = parse("{\"type\":\"approval.accepted\",\"approval_id\":\"a\","
				    "\"actor\":\"eve\",\"reason\":\"r\",\"auto\":true}");
	const char *type = NULL;
	uint64_t start = 0;

	(void)state;
	event_set_root(event, 5, 6, "codex");
	assert_int_equal(event_replace_text(&event, FIELD_ACTOR, "0123456789abcdef"), 0);
	assert_written(event, "{\"pid\":4711,\"approval_id\":\"a\",\"reason\":\"r\","
			      "\"actor\":\"0123456789abcdef\",\"auto\":true}");
	assert_int_equal(event_root(event, &start, &type), 5);
	assert_int_equal(start, 6);
	assert_string_equal(type, "codex");
	assert_int_equal(event_wall_us(event), origin.wall_us);
	event_free(event);
}

static void test_no_room(void **state)
{
	struct event *event = parse("{\"type\":\"sms.sent\",\"outcome\":\"o\\\"\"}");
	static const char *const line = "{\"pid\":4711,\"outcome\":\"o\\\"\"}";
	size_t size;

	(void)state;
	for (size = 0; size <= strlen(line); size++) {
		char *out = malloc(size ? size : 1);

		assert_int_equal(event_write_json(event, out, size), -ENOSPC);
		free(out);
	}
	assert_written(event, line);
	event_free(event);
}

static void test_tables(void **state)
{
	uint64_t internal = ~((UINT64_C(1) << FIELD_ROOT) - 1);
	int i, other;

	(void)state;
	for (i = 0; i < EVENT_FIELDS; i++) {
		assert_non_null(event_fields[i].name);
		for (other = 0; other < i; other++)
			assert_string_not_equal(event_fields[i].name, event_fields[other].name);
		assert_int_equal(event_field_find(event_fields[i].name), i);
	}
	for (i = 0; i < EVENT_TYPES; i++) {
		assert_non_null(event_types[i].name);
		assert_int_equal(event_type_find(event_types[i].name), i);
		assert_int_equal(event_types[i].required & event_types[i].optional, 0);
		assert_int_equal((event_types[i].required | event_types[i].optional) &
					 EVENT_COMMON_FIELDS,
				 0);
		if (!event_types[i].internal)
			assert_int_equal(
				(event_types[i].required | event_types[i].optional) & internal, 0);
	}
	assert_int_equal(event_type_find("type"), -1);
	assert_int_equal(event_field_find("type"), -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("the sender's pid is the default on the unix sockets, not on the web",
		     test_origin),
		TEST("texts, numbers, labels and the root are read back", test_reading),
		TEST("an event of Operaglass itself is cut and made UTF-8", test_made),
		TEST("a text is replaced and all else stays", test_replaced),
		TEST("an event is written whole or not at all", test_no_room),
		TEST("each type and field has one name, and nobody outside can send internal fields",
		     test_tables),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
