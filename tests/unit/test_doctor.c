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

#include "bpf_catalogue.h"
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

static void test_uprobes(void **state)
{
	static const struct {
		int code;
		enum tls_probe_kind kind;
		enum doctor_state state;
		const char *detail, *lost, *advice;
	} rows[] = {
		{0, TLS_PROBE_SESSION, DOCTOR_OK, "multi-uprobe links, sessions", "row", "row"},
		{0, TLS_PROBE_MULTI, DOCTOR_OK, "multi-uprobe links", "row", "row"},
		{0, TLS_PROBE_PERF, DOCTOR_OK, "perf events with links: CAP_SYS_ADMIN is kept",
		 "row", "row"},
		{0, TLS_PROBE_LOCAL, DOCTOR_DEGRADED,
		 "perf events without links: CAP_SYS_ADMIN is kept",
		 "decoding while operaglass does not run", "use kernel 5.15 or later"},
		{-ENOTSUP, TLS_PROBE_LOCAL, DOCTOR_DEGRADED,
		 "no user probes: Operation not supported", "row", "row"},
		{-EACCES, TLS_PROBE_LOCAL, DOCTOR_DEGRADED, "no user probes: Permission denied",
		 "row", "start as root, or with the capabilities that are missing"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct doctor_finding finding = {.lost = "row", .advice = "row"};

		doctor_say_uprobes(rows[i].code, rows[i].kind, &finding);
		assert_int_equal(finding.state, rows[i].state);
		assert_string_equal(finding.detail, rows[i].detail);
		assert_string_equal(finding.lost, rows[i].lost);
		assert_string_equal(finding.advice, rows[i].advice);
	}
}

static void test_return_probes(void **state)
{
	static const struct {
		enum tls_return_probes answer;
		enum doctor_state state;
		const char *detail, *advice;
	} rows[] = {
		{TLS_RETURN_SAFE, DOCTOR_OK, "safe in a process under seccomp", "row"},
		{TLS_RETURN_UNSAFE, DOCTOR_DEGRADED, "they kill a process under seccomp: not used",
		 "row"},
		{TLS_RETURN_UNKNOWN, DOCTOR_DEGRADED, "could not be tried: not used",
		 "see 'multi_uprobes'"},
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct doctor_finding finding = {.lost = "row", .advice = "row"};

		doctor_say_return_probes(rows[i].answer, &finding);
		assert_int_equal(finding.state, rows[i].state);
		assert_string_equal(finding.detail, rows[i].detail);
		assert_string_equal(finding.advice, rows[i].advice);
	}
}

static void test_programs(void **state)
{
	static const struct {
		int code;
		bool loaded;
		enum doctor_state state;
		const char *detail, *advice;
	} rows[] = {
		{0, true, DOCTOR_OK, "loads", NULL},
		{0, false, DOCTOR_DEGRADED, "needs bpf_loop, which came with Linux 5.17",
		 "use Linux 5.17 or later"},
		{-EINVAL, false, DOCTOR_DEGRADED, "does not load: Invalid argument",
		 "start 'operaglass run --log.level=debug' and read the verifier's words"},
		{-EPERM, false, DOCTOR_DEGRADED, "does not load: Operation not permitted",
		 "start as root, or with the capabilities that are missing"},
		{-ESRCH, false, DOCTOR_DEGRADED, "does not load: this kernel has no BTF",
		 "see 'btf'"},
	};
	size_t program, i;

	(void)state;
	for (program = 0; program < bpf_program_count; program++) {
		for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
			struct doctor_finding finding = {.state = DOCTOR_BROKEN};

			doctor_say_program((int)program, rows[i].code, rows[i].loaded, &finding);
			assert_int_equal(finding.state, rows[i].state);
			assert_string_equal(finding.detail, rows[i].detail);
			assert_string_equal(finding.lost, bpf_programs[program].lost);
			if (rows[i].advice)
				assert_string_equal(finding.advice, rows[i].advice);
		}
		assert_true(strlen(bpf_programs[program].lost) > 0);
	}
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
		TEST("each kind of user probes, and none, says what is lost and what to do",
		     test_uprobes),
		TEST("return probes that kill or could not be tried are said not to be used",
		     test_return_probes),
		TEST("each program that does not load says what is lost and what to do",
		     test_programs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
