// SPDX-License-Identifier: Apache-2.0
/* The questions that `operaglass doctor` asks this host. Nothing is pinned, attached or changed. */
#ifndef OPERAGLASS_DOCTOR_CHECKS_H
#define OPERAGLASS_DOCTOR_CHECKS_H

#include "config.h"
#include "doctor.h"
#include "options.h"

/* Kernel, BTF, lockdown, capabilities, file systems, probes. */
void doctor_check_host(const struct options *options, struct doctor_report *report);

/* Which TLS files running processes map, and whether the Operaglass that is pinned reads them. */
void doctor_check_tls(const struct options *options, struct doctor_report *report);

/* Loads every program with maps of its own, which go with it. */
void doctor_check_programs(const struct config *config, struct doctor_report *report);

/* Whether the text of /sys/kernel/security/lockdown says that kernel memory may be read. Pure. */
int doctor_lockdown_allows(const char *text);

/* Whether a release such as "6.1.0-49-cloud-amd64" is at least major.minor. Pure. */
int doctor_release_is(const char *release, unsigned int major, unsigned int minor);

#endif
