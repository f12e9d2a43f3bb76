// SPDX-License-Identifier: Apache-2.0
/* The questions that `operaglass doctor` asks this host. Nothing is pinned, attached or changed. */
#ifndef OPERAGLASS_DOCTOR_CHECKS_H
#define OPERAGLASS_DOCTOR_CHECKS_H

#include "config.h"
#include "doctor.h"
#include "options.h"
#include "tls_targets.h"

/* Kernel, BTF, lockdown, capabilities, file systems, probes. */
void doctor_check_host(const struct options *options, struct doctor_report *report);

/* Which TLS files running processes map, and whether the Operaglass that is pinned reads them. */
void doctor_check_tls(const struct options *options, struct doctor_report *report);

/* Loads every program, where that is permitted, with maps of its own, which go with it. */
void doctor_check_programs(const struct config *config, struct doctor_report *report);

/* What the answers about this kernel's user probes mean: `code` (0 or -errno) with the kind that there is. Pure. */
void doctor_say_uprobes(int code, enum tls_probe_kind kind, struct doctor_finding *finding);
void doctor_say_return_probes(enum tls_return_probes answer, struct doctor_finding *finding);

/*
 * Of row `program` of bpf_programs: `code` (0 or -errno) of it, or of its object where that could not be loaded at all;
 * not `loaded` without a code: left out of the variant that this kernel can load. Pure.
 */
void doctor_say_program(int program, int code, bool loaded, struct doctor_finding *finding);

/* Whether the text of /sys/kernel/security/lockdown says that kernel memory may be read. Pure. */
int doctor_lockdown_allows(const char *text);

/* Whether a release such as "6.1.0-49-cloud-amd64" is at least major.minor. Pure. */
int doctor_release_is(const char *release, unsigned int major, unsigned int minor);

#endif
