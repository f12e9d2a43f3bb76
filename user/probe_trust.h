// SPDX-License-Identifier: Apache-2.0
/*
 * Which placed probes are proven: remembers verdicts by build-id below the state directory, and has the
 * others proven one after the other, each by a process of its own.
 *
 * A file of the directory that is not exactly what this version would have written is ignored.
 */
#ifndef OPERAGLASS_PROBE_TRUST_H
#define OPERAGLASS_PROBE_TRUST_H

#include <stdbool.h>
#include <sys/types.h>

#include "probe_proof.h"

#define PROBE_TRUST_QUEUE 8 /* files that wait; a host has one or two to prove */

struct probe_trust;

/* directory: made when it is needed; copied. NULL without memory. */
struct probe_trust *probe_trust_new(const char *directory);
void probe_trust_free(struct probe_trust *trust); /* NULL is allowed */

/* True: exactly these places were proven before, and only root of this host can have written the file.
 * False: they will be, if the file may be run; its descriptor is duplicated. build_id: hexadecimal; empty: nothing is remembered. ret_random: as
 * probe_proof_end; written when true. */
bool probe_trust_ask(struct probe_trust *trust, const struct proof_order *order,
		     const char *build_id, struct tls_random_place *ret_random);

/* Never waits: hands a verdict that has come to `judge`, and begins the next proof. */
void probe_trust_step(struct probe_trust *trust,
		      void (*judge)(void *context, const struct proof_order *order,
				    enum proof_verdict verdict,
				    const struct tls_random_place *random),
		      void *context);

#endif
