// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "log.h"
#include "web_address.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void test_good(void **state)
{
	static const struct {
		const char *text, *host;
		uint16_t port;
	} cases[] = {
		{"127.0.0.1:9782", "127.0.0.1", 9782},
		{"[::1]:9782", "::1", 9782},
		{"localhost:80", "localhost", 80},
		{":9782", "", 9782},
		{"0.0.0.0:0", "0.0.0.0", 0},
		{"[fe80::1%eth0]:65535", "fe80::1%eth0", 65535},
	};
	struct web_address address;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		assert_int_equal(web_address_parse(cases[i].text, &address), 0);
		assert_string_equal(address.host, cases[i].host);
		assert_int_equal(address.port, cases[i].port);
	}
}

static void test_bad(void **state)
{
	static const char *const cases[] = {
		"",	   "9782",	 "localhost", "::1:9782",
		"[::1]",   "[]:80",	 "[::1:80",   "::1]:80",
		"host:",   "host:65536", "host:-1",   "host:+1",
		"host: 1", "host:80x",	 "host:0x50", "host:99999999999999999999",
		"a[b]:80",
	};
	struct web_address address;
	char longest[WEB_HOST_SIZE + 8];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		assert_int_equal(web_address_parse(cases[i], &address), -EINVAL);
	memset(longest, 'a', sizeof(longest));
	strcpy(longest + WEB_HOST_SIZE, ":80");
	assert_int_equal(web_address_parse(longest, &address), -EINVAL);
	strcpy(longest + WEB_HOST_SIZE - 1, ":80");
	assert_int_equal(web_address_parse(longest, &address), 0);
}

static void test_listen(void **state)
{
	char taken[64];
	int first, second;

	(void)state;
	log_settings.level = LOG_LEVELS;
	assert_int_equal(web_address_listen("127.0.0.1:0", &first), 0);
	snprintf(taken, sizeof(taken), "127.0.0.1:%u", web_address_port(first));
	assert_int_not_equal(web_address_port(first), 0);
	assert_int_equal(web_address_listen(taken, &second), -EADDRINUSE);
	assert_int_equal(web_address_listen("192.0.2.1:80", &second), -EADDRNOTAVAIL);
	assert_int_equal(web_address_listen("nowhere", &second), -EINVAL);
	assert_int_equal(fcntl(first, F_GETFD), FD_CLOEXEC);
	close(first);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("HOST:PORT, [IPV6]:PORT and :PORT are taken apart", test_good),
		TEST("everything else is refused", test_bad),
		TEST("a socket listens, and a taken or foreign address is an error", test_listen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
