// SPDX-License-Identifier: Apache-2.0
#include <stdio.h>
#include <string.h>

#include "doctor_checks.h"
#include "log.h"
#include "tls_list.h"

#define TOLD_MAX 16 /* processes that are named */

struct counts {
	unsigned int states[TLS_LIST_STATES];
	unsigned int unproven; /* probed, and believed because their code was decoded */
	struct doctor_report *report;
	unsigned int told;
};

/* Names each process whose calls are not read. Only what somebody should do something about makes
 * the host degraded. */
static void take(void *context, const struct tls_list_row *row)
{
	const bool wrong = row->state == TLS_LIST_REFUSED || row->state == TLS_LIST_STALE;
	struct counts *counts = context;
	char detail[DOCTOR_DETAIL_SIZE];
	struct doctor_finding *finding;

	counts->states[row->state]++;
	counts->unproven += !strcmp(row->trust, "decoded");
	if ((!wrong && row->state != TLS_LIST_UNDECODED && row->state != TLS_LIST_WRITE_ONLY) ||
	    counts->told++ >= TOLD_MAX)
		return;
	finding = doctor_add(counts->report, "tls_of_process");
	finding->state = wrong ? DOCTOR_DEGRADED : DOCTOR_OK;
	snprintf(detail, sizeof(detail), "%d %s: %s %s, %s", row->pid, row->command, row->stack,
		 tls_list_states[row->state], row->path);
	/* Others choose these names, and this may be root's terminal. */
	log_escape(detail, finding->detail, sizeof(finding->detail));
	finding->lost = "endpoint and status of its calls";
	finding->advice = "see 'operaglass tls list' and the log";
}

void doctor_check_tls(const struct options *options, struct doctor_report *report)
{
	struct counts counts = {.report = report};
	struct doctor_finding *finding;
	size_t used = 0;
	int i, err = tls_list(options->pin_path, options->state_dir, take, &counts);

	finding = doctor_add(report, "tls_files");
	finding->state = err ? DOCTOR_DEGRADED : DOCTOR_OK;
	finding->lost = "which processes are read";
	finding->advice = "start as root";
	if (err) {
		snprintf(finding->detail, sizeof(finding->detail), "%s", strerror(-err));
		return;
	}
	for (i = 0; i < TLS_LIST_STATES && used < sizeof(finding->detail); i++)
		used += (size_t)snprintf(finding->detail + used, sizeof(finding->detail) - used,
					 "%s%u %s", i ? ", " : "", counts.states[i],
					 tls_list_states[i]);
	if (used < sizeof(finding->detail))
		snprintf(finding->detail + used, sizeof(finding->detail) - used, ", %u unproven",
			 counts.unproven);
}
