// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "scratch.h"
#include "web_config.h"
#include "web_tls.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

#define HASH "$2b$10$KThcPCgrlURTz1oGfkaz.esUEcCXueO8NAHcFri7x0YSjPKkH9E0m"
#define TLS  "tls_server_config:\n  cert_file: a.crt\n  key_file: /k\n"

static struct web_config config;
static struct config_error error;

/* An exact-size copy: one byte too far is an error of the sanitizer. */
static int parse(const char *text)
{
	char *exact = malloc(strlen(text) + 1);
	int err;

	assert_non_null(exact);
	memcpy(exact, text, strlen(text));
	memset(&error, 0, sizeof(error));
	err = web_config_parse(exact, strlen(text), "w.yml", &config, &error);
	free(exact);
	return err;
}

static void good(const char *text)
{
	if (parse(text))
		fail_msg("%s", error.text);
}

static void test_empty(void **state)
{
	(void)state;
	good("");
	good("# nothing\n");
	assert_int_equal(config.settings.tls, 0);
	assert_int_equal(config.settings.user_count, 0);
	assert_int_equal(config.settings.rate_interval_ns, 0);
}

static void test_tls(void **state)
{
	(void)state;
	good(TLS);
	assert_int_equal(config.settings.tls, 1);
	assert_int_equal(config.settings.min_version, WEB_TLS12);
	assert_int_equal(config.settings.max_version, WEB_TLS13);
	assert_int_equal(config.settings.server_order, 1);
	assert_int_equal(config.settings.client_auth, WEB_CLIENT_NONE);
	assert_string_equal(config.paths[WEB_PEM_CERT], "a.crt");
	assert_string_equal(config.paths[WEB_PEM_KEY], "/k");
	good(TLS "  client_ca_file: ca\n  client_auth_type: RequireAndVerifyClientCert\n"
		 "  client_allowed_sans: [a.example, 10.0.0.1]\n  min_version: TLS10\n"
		 "  max_version: TLS12\n  prefer_server_cipher_suites: false\n"
		 "  cipher_suites: [TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,\n"
		 "    TLS_RSA_WITH_AES_128_CBC_SHA, TLS_AES_128_GCM_SHA256,\n"
		 "    TLS_RSA_WITH_AES_128_CBC_SHA]\n  curve_preferences: [X25519, CurveP256]\n");
	assert_string_equal(config.paths[WEB_PEM_CA], "ca");
	assert_int_equal(config.settings.client_auth, WEB_CLIENT_REQUIRE_AND_VERIFY);
	assert_int_equal(config.settings.san_count, 2);
	assert_string_equal(config.settings.sans[1], "10.0.0.1");
	assert_int_equal(config.settings.server_order, 0);
	assert_int_equal(config.settings.cipher_count, 2);
	assert_int_equal(config.settings.ciphers[0], WEB_ECDHE_RSA_CHACHA20_POLY1305);
	assert_int_equal(config.settings.ciphers[1], WEB_RSA_AES_128_CBC_SHA);
	assert_int_equal(config.settings.curve_count, 2);
	assert_int_equal(config.settings.curves[0], WEB_CURVE_X25519);
	good("tls_server_config:\n  cert: |\n    -----BEGIN C-----\n    a\n"
	     "  key: '-----BEGIN K-----'\n");
	assert_int_equal(config.settings.cert_size, 20);
	assert_memory_equal(config.settings.cert, "-----BEGIN C-----\na\n", 20);
	assert_int_equal(config.settings.key_size, 17);
}

static void test_rest(void **state)
{
	(void)state;
	good("http_server_config:\n  http2: false\n  headers:\n    X-Frame-Options: deny\n"
	     "    X-Content-Type-Options: nosniff\n    X-XSS-Protection: '0'\n"
	     "    Strict-Transport-Security: max-age=60\n    Content-Security-Policy: ''\n"
	     "basic_auth_users:\n  alice: " HASH "\n  'b c': '" HASH "'\n"
	     "rate_limit:\n  interval: \"1s\"\n  burst: 20\n");
	assert_string_equal(config.settings.headers[WEB_HEADER_FRAME_OPTIONS], "deny");
	assert_string_equal(config.settings.headers[WEB_HEADER_HSTS], "max-age=60");
	assert_string_equal(config.settings.headers[WEB_HEADER_CSP], "");
	assert_int_equal(config.settings.user_count, 2);
	assert_string_equal(config.settings.users[0].name, "alice");
	assert_string_equal(config.settings.users[0].hash, HASH);
	assert_string_equal(config.settings.users[1].name, "b c");
	assert_int_equal(config.settings.rate_interval_ns, 1000000000);
	assert_int_equal(config.settings.rate_burst, 20);
	good("rate_limit: {interval: 0, burst: 1}\n");
	assert_int_equal(config.settings.rate_interval_ns, 0);
}

static const struct {
	const char *text, *problem;
} bad[] = {
	{"a: 1\n", "w.yml:1:1: unknown key 'a' in the web configuration"},
	{"tls_server_config: 1\n", "w.yml:1:20: wrong type for tls_server_config"},
	{"tls_server_config: {}\n", "w.yml:1:20: no cert_file in tls_server_config"},
	{"tls_server_config: {cert_file: a}\n", "w.yml:1:20: no key_file in tls_server_config"},
	{TLS "  cert: '-----BEGIN C-----'\n", "w.yml:2:14: cert and cert_file together"},
	{TLS "  client_ca: nonsense\n", "w.yml:4:14: client_ca is no PEM text"},
	{TLS "  client_ca_file: ca\n", "w.yml:2:3: client_ca_file without a client_auth_type"},
	{TLS "  client_auth_type: RequireAndVerifyClientCert\n",
	 "w.yml:4:21: client_auth_type RequireAndVerifyClientCert needs a client_ca_file"},
	{TLS "  client_auth_type: Require\n",
	 "w.yml:4:21: bad value 'Require' for client_auth_type: not known (allowed: NoClientCert,"},
	{TLS "  client_allowed_sans: [a]\n",
	 "w.yml:4:24: client_allowed_sans needs client_auth_type"},
	{TLS "  min_version: TLS13\n  max_version: TLS12\n",
	 "w.yml:5:16: min_version TLS13 is above max_version TLS12"},
	{TLS "  min_version: SSL3\n", "w.yml:4:16: bad value 'SSL3' for min_version: not known"},
	{TLS "  cipher_suites: [TLS_NULL]\n", "w.yml:4:19: bad value 'TLS_NULL' for cipher_suites"},
	{TLS "  curve_preferences: [P256]\n", "w.yml:4:23: bad value 'P256' for curve_preferences"},
	{TLS "  cert_file: b\n", "w.yml:4:3: duplicate key 'cert_file' in tls_server_config"},
	{"http_server_config: {headers: {X-Other: a}}\n", "w.yml:1:32: unknown key 'X-Other'"},
	{"http_server_config: {headers: {X-Frame-Options: allow}}\n",
	 "w.yml:1:49: bad value 'allow' for X-Frame-Options"},
	{"http_server_config: {headers: {X-XSS-Protection: \"a\\r\\nb\"}}\n",
	 "w.yml:1:50: bad value 'a\\x0d\\x0ab' for X-XSS-Protection: a control character"},
	{"basic_auth_users: [a]\n", "w.yml:1:19: wrong type for basic_auth_users"},
	{"basic_auth_users: {a: secret}\n",
	 "w.yml:1:23: the password of 'a' is not hashed as it must be (allowed: a bcrypt hash"},
	{"basic_auth_users: {a: " HASH "x}\n", "w.yml:1:23: the password of 'a' is not hashed"},
	{"basic_auth_users: {a: $2b$31$KThcPCgrlURTz1oGfkaz.esUEcCXueO8NAHcFri7x0YSjPKkH9E0m}\n",
	 "w.yml:1:23: the password of 'a' is not hashed"},
	{"basic_auth_users: {'a:b': " HASH "}\n", "w.yml:1:20: bad name 'a:b' in basic_auth_users"},
	{"basic_auth_users: {a: " HASH ", a: " HASH "}\n", "w.yml:1:85: duplicate user 'a'"},
	{"rate_limit: {interval: 1s}\n", "w.yml: rate_limit with an interval and without a burst"},
	{"rate_limit: {interval: 2h, burst: 1}\n", "w.yml:1:24: bad value '2h' for interval"},
	{"rate_limit: {interval: 1s, burst: 0}\n", "w.yml:1:35: bad value '0' for burst"},
};

static void test_bad(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(parse(bad[i].text), -EINVAL);
		if (strncmp(error.text, bad[i].problem, strlen(bad[i].problem)) != 0)
			fail_msg("%s gives: %s", bad[i].text, error.text);
		if (strstr(error.text, "secret"))
			fail_msg("a password is repeated: %s", error.text);
	}
}

static void test_too_many(void **state)
{
	static char text[16384] = "basic_auth_users:\n";
	size_t used = strlen(text);
	int i;

	(void)state;
	for (i = 0; i <= WEB_USERS_MAX; i++) {
		if (i == WEB_USERS_MAX)
			good(text);
		used += (size_t)snprintf(text + used, sizeof(text) - used, "  u%d: " HASH "\n", i);
	}
	assert_int_equal(config.settings.user_count, WEB_USERS_MAX);
	assert_int_equal(parse(text), -EINVAL);
	assert_string_equal(error.text,
			    "w.yml:66:3: too many users in basic_auth_users (allowed: 64)");
}

static void put(const char *directory, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	fclose(file);
}

static void test_files(void **state)
{
	static struct web_settings settings;
	static struct web_config_files files;
	char directory[SCRATCH_SIZE], path[SCRATCH_SIZE + 8], expected[256];
	static const char *const names[] = {"w.yml", "a.crt", "k.pem"};
	size_t i;

	(void)state;
	assert_int_equal(scratch_make(directory), 0);
	snprintf(path, sizeof(path), "%s/w.yml", directory);
	assert_int_equal(web_config_load(path, &settings, &files, &error), -EINVAL);
	snprintf(expected, sizeof(expected),
		 "%s: cannot read the web configuration: No such file or directory (allowed: a "
		 "file of up to 256 KiB)",
		 path);
	assert_string_equal(error.text, expected);
	assert_false(web_config_changed(&files));
	put(directory, "w.yml", "tls_server_config: {cert_file: a.crt, key_file: k.pem}\n");
	assert_true(web_config_changed(&files));
	put(directory, "a.crt", "-----BEGIN A-----\n");
	assert_int_equal(web_config_load(path, &settings, &files, &error), -EINVAL);
	snprintf(expected, sizeof(expected),
		 "%s:1:49: cannot read key_file '%s/k.pem': No such file or directory (allowed: a "
		 "PEM file of up to 64 KiB)",
		 path, directory);
	assert_string_equal(error.text, expected);
	assert_int_equal(files.count, 3);
	assert_false(web_config_changed(&files));
	put(directory, "k.pem", "text\n");
	assert_true(web_config_changed(&files));
	assert_int_equal(web_config_load(path, &settings, &files, &error), -EINVAL);
	assert_non_null(strstr(error.text, "is no PEM file: it has no '-----BEGIN'"));
	put(directory, "k.pem", "-----BEGIN KEY-----\n");
	assert_int_equal(web_config_load(path, &settings, &files, &error), 0);
	assert_int_equal(settings.key_size, 20);
	assert_memory_equal(settings.cert, "-----BEGIN A-----\n", 18);
	assert_false(web_config_changed(&files));
	for (i = 0; i < 3; i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		unlink(path);
	}
	assert_true(web_config_changed(&files));
	assert_int_equal(scratch_remove(directory), 0);
}

static void test_priority(void **state)
{
	static struct web_settings settings = {
		.min_version = WEB_TLS12, .max_version = WEB_TLS13, .server_order = 1};
	char text[WEB_TLS_PRIORITY_SIZE];
	uint32_t i;

	(void)state;
	web_tls_priority(&settings, text);
	assert_string_equal(text, "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:"
				  "+ECDHE-ECDSA:+ECDHE-RSA:%SERVER_PRECEDENCE");
	settings.max_version = WEB_TLS12;
	settings.server_order = 0;
	settings.ciphers[0] = WEB_ECDHE_RSA_AES_256_GCM_SHA384;
	settings.cipher_count = 1;
	settings.curves[0] = WEB_CURVE_P384;
	settings.curve_count = 1;
	web_tls_priority(&settings, text);
	assert_string_equal(text, "NORMAL:-VERS-ALL:+VERS-TLS1.2:-KX-ALL:+ECDHE-RSA:-CIPHER-ALL:"
				  "+AES-256-GCM:-MAC-ALL:+AEAD:+SHA1:-GROUP-ALL:"
				  "+GROUP-SECP384R1");
	for (i = 0; i < WEB_CIPHERS; i++)
		settings.ciphers[i] = (uint8_t)i;
	for (i = 0; i < WEB_CURVES; i++)
		settings.curves[i] = (uint8_t)i;
	settings.cipher_count = WEB_CIPHERS;
	settings.curve_count = WEB_CURVES;
	settings.min_version = WEB_TLS10;
	settings.max_version = WEB_TLS13;
	settings.server_order = 1;
	web_tls_priority(&settings, text);
	assert_true(strlen(text) < WEB_TLS_PRIORITY_SIZE * 3 / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("an empty file configures nothing", test_empty),
		TEST("tls_server_config is read, ciphers and curves in order and once", test_tls),
		TEST("headers, users and the rate limit are read", test_rest),
		TEST("every error names its place, and no password", test_bad),
		TEST("64 users fit, 65 do not", test_too_many),
		TEST("files are found beside the configuration, and looked at for changes",
		     test_files),
		TEST("the settings in GnuTLS' words", test_priority),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
