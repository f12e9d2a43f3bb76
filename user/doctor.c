// SPDX-License-Identifier: Apache-2.0
#include "doctor.h"

#include <string.h>

#include "log.h"

static const char *const state_names[] = {
	[DOCTOR_OK] = "ok",
	[DOCTOR_DEGRADED] = "degraded",
	[DOCTOR_BROKEN] = "broken",
};

static const char *const verdicts[] = {
	[DOCTOR_OK] = "everything is there",
	[DOCTOR_DEGRADED] = "operaglass runs, but something is lost",
	[DOCTOR_BROKEN] = "operaglass cannot run",
};

struct doctor_finding *doctor_add(struct doctor_report *report, const char *name)
{
	struct doctor_finding *finding;

	if (report->count < DOCTOR_FINDINGS_MAX)
		report->count++;
	finding = &report->findings[report->count - 1];
	memset(finding, 0, sizeof(*finding));
	finding->name = name;
	finding->lost = "";
	finding->advice = "";
	return finding;
}

enum doctor_state doctor_verdict(const struct doctor_report *report)
{
	enum doctor_state worst = DOCTOR_OK;
	size_t i;

	for (i = 0; i < report->count; i++)
		if (report->findings[i].state > worst)
			worst = report->findings[i].state;
	return worst;
}

void doctor_print_table(const struct doctor_report *report, FILE *out)
{
	const struct doctor_finding *finding;
	size_t i;

	for (i = 0; i < report->count; i++) {
		finding = &report->findings[i];
		fprintf(out, "%-9s %-28s %s\n", state_names[finding->state], finding->name,
			finding->detail);
		if (finding->state == DOCTOR_OK)
			continue;
		if (*finding->lost)
			fprintf(out, "%-9s %-28s lost: %s\n", "", "", finding->lost);
		if (*finding->advice)
			fprintf(out, "%-9s %-28s do: %s\n", "", "", finding->advice);
	}
	fprintf(out, "%s\n", verdicts[doctor_verdict(report)]);
}

static void print_member(const char *name, const char *text, FILE *out)
{
	char escaped[DOCTOR_DETAIL_SIZE * 6];

	log_escape(text, escaped, sizeof(escaped));
	fprintf(out, ",\"%s\":\"%s\"", name, escaped);
}

void doctor_print_json(const struct doctor_report *report, FILE *out)
{
	const struct doctor_finding *finding;
	size_t i;

	fprintf(out, "{\"state\":\"%s\",\"checks\":[", state_names[doctor_verdict(report)]);
	for (i = 0; i < report->count; i++) {
		finding = &report->findings[i];
		fprintf(out, "%s\n{\"state\":\"%s\"", i ? "," : "", state_names[finding->state]);
		print_member("name", finding->name, out);
		print_member("detail", finding->detail, out);
		print_member("lost", finding->state == DOCTOR_OK ? "" : finding->lost, out);
		print_member("advice", finding->state == DOCTOR_OK ? "" : finding->advice, out);
		fputc('}', out);
	}
	fputs("\n]}\n", out);
}
