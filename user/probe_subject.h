// SPDX-License-Identifier: Apache-2.0
/*
 * The process in which probes of a TLS library are proven: it loads the very file and calls its functions,
 * and writes down beforehand what a probe must see. It runs code that root of this host installed, as
 * nobody, without capabilities, files, network or children, for some milliseconds.
 */
#ifndef OPERAGLASS_PROBE_SUBJECT_H
#define OPERAGLASS_PROBE_SUBJECT_H

#include <stdint.h>

#include "subject_library.h"
#include "tls.h"

/* Some 250 checks are made of each direction. */
#define SUBJECT_CALLS_MAX 640

enum subject_kind {
	SUBJECT_WRITE,
	SUBJECT_READ,
	SUBJECT_FREE,
};

struct subject_call {
	uint64_t object, buffer, length;
	uint64_t count; /* bytes moved; 0: none */
	uint32_t kind;	/* enum subject_kind */
	uint32_t reserved;
};

/* Shared memory. Believed no further than its bounds. */
struct subject_truth {
	int32_t jail_error; /* -errno: it could not be shut in, and ran nothing */
	uint32_t complete;  /* 1: all calls were made */
	uint32_t count;
	struct tls_random_place random; /* where its objects keep it; unused: not found */
	struct subject_call calls[SUBJECT_CALLS_MAX];
};

/* Writes a byte to `ready` when the library is loaded, waits for one from `go`, makes its calls and
 * ends with 0; with another code when the library could not be used. Closes every other descriptor. */
void __attribute__((noreturn))
probe_subject_main(const struct subject_library *library, const char *path, int ready, int go,
		   struct subject_truth *truth);

#endif
