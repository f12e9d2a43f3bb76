// SPDX-License-Identifier: Apache-2.0
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "endpoint.bpf.h"
#include "telegram_methods.h"
#include "tls.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The kind may be known before the path comes, or only after it. */
static void name_of(const char *target, __u8 kind_before, __u32 kind, char name[ENDPOINT_NAME_ROOM])
{
	struct endpoint_piece piece = {};
	struct endpoint_reader reader;

	endpoint_begin(&reader, kind_before);
	for (; *target && *target != '?' && *target != '#'; target++)
		endpoint_byte(&reader, &piece, (__u8)*target);
	endpoint_end(&reader, &piece);
	endpoint_name(&reader, kind, name);
	assert_int_equal(name[ENDPOINT_SIZE - 1], 0);
}

struct row {
	const char *target, *expected;
};

static void check(const struct row *rows, size_t count, __u32 kind, int known)
{
	_Alignas(__u64) char name[ENDPOINT_NAME_ROOM];
	size_t i;

	for (i = 0; i < count; i++) {
		name_of(rows[i].target, known ? (__u8)kind : 0, kind, name);
		if (strcmp(name, rows[i].expected) != 0)
			print_error("%s\n", rows[i].target);
		assert_string_equal(name, rows[i].expected);
	}
}

/* clang-format off: input and output side by side */
static const struct row telegram[] = {
	{"/bot123:ABC/sendMessage", "sendMessage"},
	{"/bot123:ABC/sendMessage?chat_id=1&text=/x", "sendMessage"},
	{"/bot123:ABC/SENDmessage", "SENDmessage"},
	{"/bot123:ABC/test/getMe", "getMe"},
	{"/bot123:ABC/test/test/getMe", "unknown"},
	{"/bot123:ABC/unpinAllGeneralForumTopicMessages", "unpinAllGeneralForumTopicMessages"},
	{"/bot123:ABC/abcdefghijklmnopqrstuvwxyzabcdefghijklmn",
	 "abcdefghijklmnopqrstuvwxyzabcdefghijklmn"},
	{"/bot123:ABC/abcdefghijklmnopqrstuvwxyzabcdefghijklmno", "unknown"},
	{"/bot123:ABC/send_message", "unknown"},
	{"/bot123:ABC/send/message", "unknown"},
	{"/bot123:ABC/123:ABC", "unknown"},
	{"/bot123:ABC/", "unknown"},
	{"/bot123:ABC", "unknown"},
	{"/bot123:ABC/%67etMe", "unknown"},
	{"https://api.telegram.org/bot123:ABC/getMe", "getMe"},
	{"/file/bot123:ABC/photos/file_1.jpg", "file"},
	{"/file/bot123:ABC/", "file"},
	{"/file/bot123:ABC", "unknown"},
	{"/file/x/bot1:A/getMe", "unknown"},
	{"/files/bot123:ABC/x", "unknown"},
	{"//bot123:ABC/getMe", "getMe"},
	{"/", "unknown"},
	{"*", "unknown"},
	{"", "unknown"},
};

static const struct row generic[] = {
	{"/", "/"},
	{"/v1/messages", "/v1/messages"},
	{"/v1/messages?beta=true", "/v1/messages"},
	{"/v1/messages/batches/msgbatch_1/results", "/v1/messages"},
	{"/v1beta/models/gemini-2.5-pro:generateContent", "/v1beta/models"},
	{"/api/chat.postMessage", "/api/chat.postMessage"},
	{"/2010-04-01/Accounts/AC0123456789abcdef/Messages.json", "/2010-04-01/Accounts"},
	{"/2010-04-0/x", "/:id/x"},
	{"/2010-04-011/x", "/:id/x"},
	{"/20100401/x", "/:id/x"},
	{"/services/T0A1/B0A1/SECRET", "/services/:id"},
	{"/users/12345", "/users/:id"},
	{"/users/1", "/users/:id"},
	{"/users/550e8400-e29b-41d4-a716-446655440000/x", "/users/:id"},
	{"/users/a50e8400-e29b-41d4-a716-446655440000", "/users/:id"},
	{"/objects/deadbee1", "/objects/:id"},
	{"/objects/facade", "/objects/facade"},
	{"/objects/AbCd1234", "/objects/:id"},
	{"/objects/QxYzAbCdEfGhIj", "/objects/:id"},
	{"/oauth2/token", "/oauth2/token"},
	{"/msg_013Zva2CMHLNnXjN/x", "/:id/x"},
	{"/abcdefghijklmnopqrstuv/abcdefghijklmnopqrstuv",
	 "/abcdefghijklmnopqrstuv/abcdefghijklmnopqrstuv"},
	{"/abcdefghijklmnopqrstuvw/a", "/:id/a"},
	{"/v1//messages/", "/v1/messages"},
	{"/a%20b/c", "/:id/c"},
	{"/a@b/\xff\xfe", "/:id/:id"},
	{"/robots.txt", "/robots.txt"},
	{"https://api.example/v1/messages", "/v1/messages"},
	{"https://api.example", "/"},
	{"*", "unknown"},
	{"host:443", "unknown"},
	{"?a=/b", "unknown"},
	{"/bot/x", "/bot/x"},
	{"/botany/plants", "/botany/plants"},
};

/* A bot's path on an upstream that is not Telegram: the token must not show all the same. */
static const struct row strangers[] = {
	{"/bot123:ABC/sendMessage", "/:id/sendMessage"},
	{"/bot123456:ABC-def/sendMessage", "/:id/sendMessage"},
	{"/file/bot123:ABC/x", "/file/:id"},
};

static const struct row strangers_seen_late[] = {
	{"/bot123:ABC/sendMessage", "/:id"},
	{"/bot123:ABC/not_a_method", "/:id"},
	{"/bot123:ABC", "/:id"},
	{"/file/bot123:ABC/x", "/file/:id"},
	{"/file/bot123:ABC", "/file/:id"},
};
/* clang-format on */

static void a_bots_path_gives_the_method_and_drops_the_token(void **state)
{
	(void)state;
	check(telegram, COUNT(telegram), UPSTREAM_TELEGRAM, 1);
	check(telegram, COUNT(telegram), UPSTREAM_TELEGRAM, 0);
}

static void a_path_gives_two_segments_with_ids_replaced(void **state)
{
	(void)state;
	check(generic, COUNT(generic), UPSTREAM_HTTPS, 1);
	check(generic, COUNT(generic), UPSTREAM_HTTPS, 0);
}

static void a_bots_path_elsewhere_shows_no_token(void **state)
{
	(void)state;
	check(strangers, COUNT(strangers), UPSTREAM_HTTPS, 1);
	check(strangers_seen_late, COUNT(strangers_seen_late), UPSTREAM_HTTPS, 0);
}

static void a_token_without_digits_is_dropped_where_telegram_is_known(void **state)
{
	_Alignas(__u64) char name[ENDPOINT_NAME_ROOM];

	(void)state;
	name_of("/botABC:DEF/getMe", UPSTREAM_TELEGRAM, UPSTREAM_TELEGRAM, name);
	assert_string_equal(name, "getMe");
	name_of("/botABC:DEF/getMe", 0, UPSTREAM_TELEGRAM, name);
	assert_string_equal(name, "unknown");
}

static void every_bot_api_method_fits(void **state)
{
	_Alignas(__u64) char name[ENDPOINT_NAME_ROOM];
	char target[128];
	size_t i;

	(void)state;
	assert_true(telegram_method_count < TELEGRAM_METHODS);
	assert_int_equal((int)TELEGRAM_METHOD_SIZE, (int)ENDPOINT_METHOD_MAX);
	for (i = 0; i < telegram_method_count; i++) {
		snprintf(target, sizeof(target), "/bot1:A/%s", telegram_method_names[i]);
		name_of(target, UPSTREAM_TELEGRAM, UPSTREAM_TELEGRAM, name);
		assert_string_equal(name, telegram_method_names[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_bots_path_gives_the_method_and_drops_the_token),
		cmocka_unit_test(a_path_gives_two_segments_with_ids_replaced),
		cmocka_unit_test(a_bots_path_elsewhere_shows_no_token),
		cmocka_unit_test(a_token_without_digits_is_dropped_where_telegram_is_known),
		cmocka_unit_test(every_bot_api_method_fits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
