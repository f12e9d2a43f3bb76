// SPDX-License-Identifier: Apache-2.0
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "page.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void test_page(void **state)
{
	struct text page = {NULL, 0, 0};

	(void)state;
	assert_int_equal(page_render("1.2<3", "/a&\"b>", &page), 0);
	assert_int_equal(text_reserve(&page, 1), 0);
	page.data[page.size] = '\0';
	assert_non_null(strstr(page.data, "<small>1.2&lt;3</small>"));
	assert_non_null(strstr(page.data,
			       "<a href=\"/a&amp;&quot;b&gt;\"><code>/a&amp;&quot;b&gt;</code>"));
	assert_non_null(strstr(page.data, "<a href=\"/-/ready\">"));
	assert_non_null(strstr(page.data, "<a href=\"/-/healthy\">"));
	assert_non_null(strstr(page.data, "<a href=\"/health\">"));
	assert_non_null(strstr(page.data, "<a href=\"/api/openapi.json\">"));
	assert_null(strchr(page.data, '$'));
	assert_null(strstr(page.data, "<script"));
	assert_string_equal(page.data + page.size - 8, "</html>\n");
	text_release(&page);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("the page shows the version and links every path, escaped", test_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
