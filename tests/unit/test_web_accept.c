// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "web_accept.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static const struct {
	const char *accept;
	enum text_format format;
} formats[] = {
	{NULL, TEXT_PROMETHEUS},
	{"", TEXT_PROMETHEUS},
	{"*/*", TEXT_PROMETHEUS},
	{"text/plain", TEXT_PROMETHEUS},
	{"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", TEXT_PROMETHEUS},
	{"application/json", TEXT_PROMETHEUS},
	{"application/openmetrics-text", TEXT_OPENMETRICS},
	{"APPLICATION/OpenMetrics-Text; Version=1.0.0; charset=utf-8", TEXT_OPENMETRICS},
	{"application/openmetrics-text; version=\"1.0.0\"", TEXT_OPENMETRICS},
	{"application/openmetrics-text;version=2.0.0", TEXT_PROMETHEUS},
	{"application/openmetrics-text;version=0.0.1", TEXT_PROMETHEUS},
	{"application/*", TEXT_OPENMETRICS},
	{"application/*;q=0.5, text/*;q=0.4", TEXT_OPENMETRICS},
	{"application/*;q=0.5, text/*;q=0.5", TEXT_PROMETHEUS},
	{"application/openmetrics-text;q=0.5, text/plain;q=0.6", TEXT_PROMETHEUS},
	{"application/openmetrics-text;q=0.6, text/plain;q=0.5", TEXT_OPENMETRICS},
	{"text/plain, application/openmetrics-text", TEXT_OPENMETRICS},
	{"application/openmetrics-text;q=0, */*", TEXT_PROMETHEUS},
	{"application/openmetrics-text;q=0", TEXT_PROMETHEUS},
	{"*/*;q=1, application/openmetrics-text;q=0.001", TEXT_PROMETHEUS},
	{"text/plain;q=0, */*;q=0.1", TEXT_OPENMETRICS},
	/* malformed elements are skipped, the rest counts */
	{"application/openmetrics-text;q=2, text/plain;q=0.1", TEXT_PROMETHEUS},
	{"application/openmetrics-text;q=x", TEXT_PROMETHEUS},
	{"application/openmetrics-text;q=0.1234", TEXT_PROMETHEUS},
	{",,;;,=;q,\"\\, application/openmetrics-text", TEXT_PROMETHEUS}, /* inside the quote */
	{",, ;;q=, ,application/openmetrics-text ; q=1.000", TEXT_OPENMETRICS},
	{"x/y;a=\"b,c;q=0\", application/openmetrics-text", TEXT_OPENMETRICS},
	/* Prometheus 2.42 */
	{"application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;"
	 "q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	 TEXT_OPENMETRICS},
	/* Prometheus 2.30, which knows only the draft */
	{"application/openmetrics-text; version=0.0.1,text/plain;version=0.0.4;q=0.5,*/*;q=0.1",
	 TEXT_PROMETHEUS},
	/* Prometheus 3 */
	{"application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,"
	 "application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;"
	 "escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
	 TEXT_OPENMETRICS},
};

static const struct {
	const char *accept;
	bool gzip;
} codings[] = {
	{NULL, false},
	{"", false},
	{"gzip", true},
	{"GZIP", true},
	{"x-gzip", true},
	{"deflate, br", false},
	{"gzip, deflate, br, zstd", true},
	{"gzip;q=0", false},
	{"gzip;q=0.0, *;q=1", false},
	{"*", true},
	{"*;q=0", false},
	{"identity", false},
	{"gzip;q=0.5, identity;q=0.9", false},
	{"gzip;q=0.9, identity;q=0.5", true},
	{"gzip;q=0.5, identity;q=0.5", true},
	{"gzip;q=1.1", false},
	{"notgzip", false},
	{"gzi", false},
	{" gzip ; q = 0.3 ", true},
};

static void test_formats(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(formats) / sizeof(*formats); i++)
		if (web_accept_format(formats[i].accept) != formats[i].format)
			fail_msg("Accept: %s", formats[i].accept);
}

static void test_codings(void **state)
{
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(codings) / sizeof(*codings); i++)
		if (web_accept_gzip(codings[i].accept) != codings[i].gzip)
			fail_msg("Accept-Encoding: %s", codings[i].accept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("the format follows the most specific range and its quality", test_formats),
		TEST("gzip is used when it is acceptable and not worse than nothing", test_codings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
