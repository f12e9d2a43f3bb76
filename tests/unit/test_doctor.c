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

#include "doctor.h"
#include "doctor_checks.h"

#define TEST(sentence, function)                     \
	{                                            \
		sentence, function, NULL, NULL, NULL \
	}

static void fill(struct doctor_report *report)
{
	struct doctor_finding *finding;

	report->count = 0;
	finding = doctor_add(report, "kernel");
	strcpy(finding->detail, "6.1.0 \"x\"");
	finding = doctor_add(report, "cgroup_v2");
	finding->state = DOCTOR_DEGRADED;
	strcpy(finding->detail, "not mounted");
	finding->lost = "connections";
	finding->advice = "mount it";
}

/* What print writes, as a text to be freed. */
static char *printed(void (*print)(const struct doctor_report *, FILE *),
		     const struct doctor_report *report)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(out);
	print(report, out);
	fclose(out);
	return text;
}

static void test_table(void **state)
{
	static struct doctor_report report;
	char *text;

	(void)state;
	fill(&report);
	text = printed(doctor_print_table, &report);
	assert_string_equal(text, "ok        kernel                       6.1.0 \"x\"\n"
				  "degraded  cgroup_v2                    not mounted\n"
				  "                                       lost: connections\n"
				  "                                       do: mount it\n"
				  "operaglass runs, but something is lost\n");
	free(text);
}

static void test_json(void **state)
{
	static struct doctor_report report;
	char *text;

	(void)state;
	fill(&report);
	text = printed(doctor_print_json, &report);
	assert_string_equal(
		text,
		"{\"state\":\"degraded\",\"checks\":[\n"
		"{\"state\":\"ok\",\"name\":\"kernel\",\"detail\":\"6.1.0 \\\"x\\\"\",\"lost\":\"\","
		"\"advice\":\"\"},\n"
		"{\"state\":\"degraded\",\"name\":\"cgroup_v2\",\"detail\":\"not mounted\","
		"\"lost\":\"connections\",\"advice\":\"mount it\"}\n"
		"]}\n");
	free(text);
}

static void test_verdict(void **state)
{
	static struct doctor_report report;

	(void)state;
	report.count = 0;
	assert_int_equal(doctor_verdict(&report), 0);
	fill(&report);
	assert_int_equal(doctor_verdict(&report), 1);
	doctor_add(&report, "btf")->state = DOCTOR_BROKEN;
	assert_int_equal(doctor_verdict(&report), 2);
}

static void test_full_report(void **state)
{
	static struct doctor_report report;
	int i;

	(void)state;
	report.count = 0;
	for (i = 0; i < DOCTOR_FINDINGS_MAX + 3; i++)
		assert_non_null(doctor_add(&report, "x"));
	assert_int_equal(report.count, DOCTOR_FINDINGS_MAX);
}

static void test_release(void **state)
{
	(void)state;
	assert_true(doctor_release_is("5.10.0-30-amd64", 5, 10));
	assert_true(doctor_release_is("6.1.0", 5, 10));
	assert_true(doctor_release_is("10.0", 5, 10));
	assert_false(doctor_release_is("5.9.99", 5, 10));
	assert_false(doctor_release_is("4.19", 5, 10));
	assert_false(doctor_release_is("linux", 5, 10));
}

static void test_lockdown(void **state)
{
	(void)state;
	assert_true(doctor_lockdown_allows("[none] integrity confidentiality"));
	assert_true(doctor_lockdown_allows("none [integrity] confidentiality"));
	assert_false(doctor_lockdown_allows("none integrity [confidentiality]"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST("the table says what is lost and what to do where something is missing",
		     test_table),
		TEST("the JSON says the same", test_json),
		TEST("the exit code is the worst state", test_verdict),
		TEST("a full report takes no more", test_full_report),
		TEST("releases are compared by major, then minor", test_release),
		TEST("only confidentiality forbids reading", test_lockdown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
