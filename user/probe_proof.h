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
	bool moved;   /* that is in the fifth one's register at the entry */
	uint64_t keeps; /* TLS_COOKIE_KEEPS: all of a call is seen at either place; 0: it is not */
};

struct proof_order {
	const struct subject_library *library; /* how it is called */
	int file;
	char path[256]; /* of the same file, as this process sees it */
	enum tls_probe_kind kind;
	size_t count;
	struct proof_place places[PROOF_FUNCTIONS];
};

/* The file is the one at `path`, and it and every directory above it belong to root and can be written
 * by nobody else. */
bool probe_proof_allows(int file, const char *path);

/* A proof that runs: a child that probe_proof_end reaps, and where it answers. */
struct proof_run {
	pid_t pid; /* 0: none */
	int answer;
};

/* Starts the proof. 0, or -errno. */
int probe_proof_begin(const struct proof_order *order, struct proof_run *ret_run);

enum proof_verdict {
	PROOF_RIGHT,
	PROOF_WRONG,	 /* a hit was wrong, missing or too many */
	PROOF_UNMADE,	 /* the library could not be used, or this kernel cannot tell */
	PROOF_UNDECIDED, /* not yet */
};

/* Never waits. Ends the run unless undecided; it lasts for some seconds at most. ret_random: where the
 * library's objects keep the client random; unused when that was not found. Written when it is right. */
enum proof_verdict probe_proof_end(struct proof_run *run, struct tls_random_place *ret_random);

#endif
