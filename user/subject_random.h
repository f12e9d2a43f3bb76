// SPDX-License-Identifier: Apache-2.0
/*
 * Where a TLS library keeps the client random inside its objects, found by looking for what its own
 * function says. The object's first bytes are searched, and what its first pointers lead to.
 */
#ifndef OPERAGLASS_SUBJECT_RANDOM_H
#define OPERAGLASS_SUBJECT_RANDOM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls.h"
#include "subject_library.h"

#define SUBJECT_RANDOM_PLACES 64

/* Places that were right in every object so far, the best first; zeroed at first. */
struct subject_random {
	size_t objects, count;
	struct tls_random_place places[SUBJECT_RANDOM_PLACES];
};

/* `object` lies in this process and is `size` bytes long. Whatever its pointers hold, nothing is touched
 * that cannot be read. */
void subject_random_look(struct subject_random *known, const void *object, size_t size,
			 const uint8_t random[SUBJECT_RANDOM_SIZE]);

/* Whether a place is one that subject_random_look can have found: what another process says. */
bool subject_random_is_sane(const struct tls_random_place *place);

#endif
