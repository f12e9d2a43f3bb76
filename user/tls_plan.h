// SPDX-License-Identifier: Apache-2.0
/* Where each function of a TLS stack's file is probed, by which program. */
#ifndef OPERAGLASS_TLS_PLAN_H
#define OPERAGLASS_TLS_PLAN_H

#include <stdbool.h>

#include "probe_plan.h"
#include "probe_proof.h"
#include "tls_recognise.h"
#include "tls_stacks.h"

/* By function of the stack. */
struct tls_plan {
	enum tls_reach reach;
	uint64_t offsets[TLS_STACK_FUNCTIONS_MAX]; /* 0: this file does not have it */
	struct probe_plan plans[TLS_STACK_FUNCTIONS_MAX];
};

/*
 * Whole when the calls and results of each writing and reading function are seen. An object may be written
 * by one function and read by another, so one that shows no results makes the file write-only: its
 * writing functions are probed at their entries, and nothing else. Whole files do without what is not
 * needed for calls, as SSL_free. 0; -ENOTSUP: no place of a writing function is cheap; else -errno.
 */
int tls_plan_make(int file, const struct tls_recognition *found, const struct probe_policy *policy,
		  struct tls_plan *ret_plan);

/* Whether function i is probed: it is there, and not seen in another one. */
bool tls_plan_places(const struct tls_plan *plan, size_t i);

/* Whether function i's call and return are seen at one place, which a session can be placed at. */
bool tls_plan_is_session(const struct tls_plan *plan, size_t i);

/* Whether some function is read inside of it. */
bool tls_plan_is_inside(const struct tls_plan *plan);

/* The program at its entry, and that at its leave, NULL: none. Of a function that is probed. */
const char *tls_plan_entry(const struct tls_plan *plan, uint32_t stack, size_t i);
const char *tls_plan_leave(const struct tls_plan *plan, uint32_t stack, size_t i);

/* What is to be proven of it; no places: nothing can be. */
void tls_plan_order(int file, const char *path, uint32_t stack, enum tls_probe_kind kind,
		    const struct tls_plan *plan, struct proof_order *ret_order);

#endif
