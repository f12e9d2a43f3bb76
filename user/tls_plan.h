// SPDX-License-Identifier: Apache-2.0
/* Where each function of a TLS stack's file is probed. */
#ifndef OPERAGLASS_TLS_PLAN_H
#define OPERAGLASS_TLS_PLAN_H

#include <stdbool.h>

#include "probe_plan.h"
#include "probe_proof.h"
#include "tls_recognise.h"
#include "tls_stacks.h"

/* By function of the stack. */
struct tls_plan {
	uint64_t offsets[TLS_STACK_FUNCTIONS_MAX]; /* 0: this file does not have it */
	struct probe_plan plans[TLS_STACK_FUNCTIONS_MAX];
};

/* classes: enum probe_class that are cheap; cookies: this kernel has them. 0 or -errno. */
int tls_plan_make(int file, const struct tls_recognition *found, unsigned classes, bool cookies,
		  struct tls_plan *ret_plan);

/* Whether function i is probed: it is there, and not seen in another one. */
bool tls_plan_places(const struct tls_plan *plan, size_t i);

/* What is to be proven of it; no places: nothing can be. */
void tls_plan_order(int file, const char *path, uint32_t stack, enum tls_probe_kind kind,
		    const struct tls_plan *plan, struct proof_order *ret_order);

#endif
