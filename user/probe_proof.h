// SPDX-License-Identifier: Apache-2.0
/*
 * Proving where probes were placed: the very file is loaded in a process of its own, which calls the
 * functions hundreds of times, and what the probes see there is compared with what it did. One wrong
 * or missing hit refuses all places.
 *
 * Only code that nobody but root of this host can have written is run: probe_proof_allows.
 */
#ifndef OPERAGLASS_USER_PROBE_PROOF_H
#define OPERAGLASS_USER_PROBE_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "probe_plan.h"
#include "proof.h"
#include "probe_subject.h"
#include "tls_targets.h"

/* One placed function. */
struct proof_place {
	struct probe_point entry, leave;
	enum subject_kind kind;
	bool has_leave;
	bool pointed; /* the result is where the fourth argument points, as of the *_ex functions */
};

struct proof_order {
	int file;
	char path[256]; /* of the same file, as this process sees it */
	enum tls_probe_kind kind;
	size_t count;
	struct proof_place places[PROOF_FUNCTIONS];
};

/* The file is the one at `path`, and it and every directory above it belong to root and can be written
 * by nobody else. */
bool probe_proof_allows(int file, const char *path);

/* Starts the proof. 0, or -errno. ret_pid: a child that probe_proof_end reaps. */
int probe_proof_begin(const struct proof_order *order, pid_t *ret_pid);

enum proof_verdict {
	PROOF_RIGHT,
	PROOF_WRONG,	 /* a hit was wrong, missing or too many */
	PROOF_UNMADE,	 /* the library could not be used, or this kernel cannot tell */
	PROOF_UNDECIDED, /* not yet */
};

/* Never waits. Reaps the child unless undecided; it lives for some seconds at most. */
enum proof_verdict probe_proof_end(pid_t pid);

/* Pure: whether hits, in their order, show exactly these calls. */
bool probe_proof_compare(const struct proof_order *order, const struct proof_hit *hits,
			 size_t count, const struct subject_call *calls, size_t call_count);

#endif
