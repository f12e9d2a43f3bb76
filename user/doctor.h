// SPDX-License-Identifier: Apache-2.0
/* What `operaglass doctor` found, and how it is told. Pure but for writing to `out`. */
#ifndef OPERAGLASS_DOCTOR_H
#define OPERAGLASS_DOCTOR_H

#include <stddef.h>
#include <stdio.h>

#define DOCTOR_FINDINGS_MAX 96
#define DOCTOR_DETAIL_SIZE  192

enum doctor_state {
	DOCTOR_OK = 0,	     /* there */
	DOCTOR_DEGRADED = 1, /* not there: something is lost, the rest works */
	DOCTOR_BROKEN = 2,   /* not there: operaglass cannot run */
};

struct doctor_finding {
	const char *name;
	enum doctor_state state;
	char detail[DOCTOR_DETAIL_SIZE]; /* what there is */
	const char *lost;		 /* without it; told unless DOCTOR_OK */
	const char *advice;		 /* what to do; told unless DOCTOR_OK */
};

struct doctor_report {
	struct doctor_finding findings[DOCTOR_FINDINGS_MAX];
	size_t count;
};

/* The next finding, to be filled in; the last one again when the report is full. */
struct doctor_finding *doctor_add(struct doctor_report *report, const char *name);

/* The worst state of all, which is the exit code. */
enum doctor_state doctor_verdict(const struct doctor_report *report);

void doctor_print_table(const struct doctor_report *report, FILE *out);
void doctor_print_json(const struct doctor_report *report, FILE *out);

#endif
